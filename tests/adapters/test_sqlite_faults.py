"""Durability under faults: the system calls of a process that writes, watched and broken.

strace shows what reached the disk before an answer left, and makes calls fail or kill the process
at a chosen moment. `kill -9` alone proves nothing here: what was written, but not synced, stays
in the kernel's memory.
"""

import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

_WRITER = """
import asyncio, os, sys
from functools import partial
from pathlib import Path
from gateway.adapters.sqlite import SqliteDatabase
from gateway.domain.errors import StorageFailed

def insert(tx, number):
    body = "x" * int(sys.argv[3])
    tx.execute("INSERT INTO notes (id, body) VALUES (:id, :body)", id=number, body=body)

def tell(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())

async def main(path, count):
    database = await SqliteDatabase.open(path, on_failure=lambda error: tell("failed"))
    await database.write(lambda tx: tx.execute("CREATE TABLE notes (id BIGINT, body TEXT)"))
    tell("ready")
    for number in range(count):
        try:
            await database.write(partial(insert, number=number))
        except StorageFailed as error:
            tell("denied", number)
        else:
            tell("kept", number)
    await database.close()

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""

_CALLS = "trace=pwrite64,fdatasync,fsync,write"


@pytest.fixture(scope="module")
def strace() -> str:
    """The path of strace, where it is installed and allowed."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed: nothing else shows what reached the disk, and when")
    if subprocess.run([found, "-o", "/dev/null", "true"], check=False).returncode != 0:
        pytest.skip("strace may not trace here")
    return found


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


def run(strace: str, path: Path, count: int, *options: str, size: int = 100) -> list[str]:
    """Write `count` rows of `size` bytes under strace; what the process told, line by line."""
    log = path.with_name("strace.log")
    command = [strace, "-f", "-qq", "-y", "-o", str(log), "-e", _CALLS, *options]
    command += [sys.executable, "-c", _WRITER, str(path), str(count), str(size)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=100, check=False)
    return done.stdout.splitlines()


def told(lines: list[str], what: str) -> list[int]:
    return [int(line.split()[1]) for line in lines if line.startswith(f"{what} ")]


def wal(path: Path) -> Path:
    return path.with_name("gateway.db-wal")


def rows(path: Path) -> list[int]:
    """What a fresh look at the file finds, after making sure that it is sound."""
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        found = [number for (number,) in connection.execute("SELECT id FROM notes ORDER BY id")]
    connection.close()
    return found


def test_an_answer_leaves_only_after_its_commit_is_on_the_disk(strace: str, path: Path) -> None:
    lines = run(strace, path, 20)

    unsynced, answers = False, 0
    for call in path.with_name("strace.log").read_text().splitlines():
        if re.search(r"pwrite64\(\d+<[^>]*-wal>", call):
            unsynced = True
        elif re.search(r"fdatasync\(\d+<[^>]*-wal>\)\s+= 0", call) or "fdatasync resumed" in call:
            unsynced = False
        elif '"kept ' in call:
            answers += 1
            assert not unsynced, call
    assert answers == len(told(lines, "kept")) == 20


@pytest.mark.parametrize("when", [12, 16, 21])
def test_a_process_killed_while_it_syncs_loses_nothing_it_told(
    strace: str, path: Path, when: int
) -> None:
    fault = f"inject=fdatasync:signal=SIGKILL:when={when}"

    kept = told(run(strace, path, 20, "-e", fault), "kept")

    assert 0 < len(kept) < 20
    assert rows(path)[: len(kept)] == kept
    assert len(rows(path)) - len(kept) in {0, 1}  # one may be committed, but not told


def test_a_full_disk_denies_and_the_next_act_works_once_there_is_room(
    strace: str, path: Path
) -> None:
    lines = run(strace, path, 20, "-e", "inject=pwrite64:error=ENOSPC:when=30..33")

    kept, denied = told(lines, "kept"), told(lines, "denied")
    assert denied
    assert sorted(kept + denied) == list(range(20))
    assert kept[-1] == 19
    assert rows(path) == kept
    assert "failed" not in lines


def test_a_failed_sync_stops_the_database_for_good(strace: str, path: Path) -> None:
    """The kernel may have dropped what it could not write: a second sync would lie."""
    lines = run(strace, path, 20, "-e", "inject=fdatasync:error=EIO:when=15")

    kept, denied = told(lines, "kept"), told(lines, "denied")
    assert kept
    assert denied == list(range(len(kept), 20))
    assert lines.count("failed") == 1
    assert wal(path).exists()  # nothing was copied out of it on the way down
    assert set(kept) <= set(rows(path))


def test_a_sync_that_fails_in_a_checkpoint_stops_the_database_too(strace: str, path: Path) -> None:
    """SQLite's automatic checkpoint would say nothing, and next time start the WAL anew."""
    only_the_database = (
        "-P",
        str(path),
        "-e",
        "inject=fdatasync:error=EIO:when=2",
    )  # the first sync makes the file

    lines = run(strace, path, 60, *only_the_database, size=100_000)

    kept, denied = told(lines, "kept"), told(lines, "denied")
    assert len(kept) > 30
    assert denied
    assert lines.count("failed") == 1
    assert wal(path).exists()
    assert set(kept) <= set(rows(path))
