"""What only the SQLite database promises: group commit, one owner, a bounded WAL, fail-stop."""

import asyncio
import logging
import os
import sqlite3
import stat
import sys
import threading
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from gateway.adapters.sqlite import SqliteDatabase
from gateway.domain.errors import DatabaseInUse, StorageFailed, UnusableDatabase
from gateway.ports import Transaction

PATIENCE = 20


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


@pytest.fixture
async def database(path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await SqliteDatabase.open(path)
    await database.write(
        lambda tx: tx.execute("CREATE TABLE notes (id BIGINT PRIMARY KEY, body TEXT)")
    )
    yield database
    await database.close()


def insert(tx: Transaction, number: int, body: str = "") -> int:
    return tx.execute("INSERT INTO notes (id, body) VALUES (:id, :body)", id=number, body=body)


def numbers(tx: Transaction) -> list[int]:
    return [row["id"] for row in tx.fetch("SELECT id FROM notes ORDER BY id")]


def pragma(name: str, tx: Transaction) -> object:
    row = tx.fetchrow(f"PRAGMA {name}")
    return None if row is None else next(iter(row.values()))


def wal(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def put(path: Path, content: bytes, start: int = 0) -> None:
    with path.open("r+b" if start else "wb") as file:
        file.seek(start)
        file.write(content)


def commits(path: Path) -> int:
    """How many transactions the WAL holds: each ends in a frame that tells the database's size."""
    content = wal(path).read_bytes()
    header, frame = 32, 24 + int.from_bytes(content[8:12])
    sizes = (content[start + 4 : start + 8] for start in range(header, len(content), frame))
    return sum(size != bytes(4) for size in sizes)


async def test_a_commit_waits_for_the_disk(database: SqliteDatabase) -> None:
    full, write_ahead = 2, "wal"

    assert await database.write(partial(pragma, "synchronous")) == full
    assert await database.write(partial(pragma, "journal_mode")) == write_ahead
    assert await database.write(partial(pragma, "foreign_keys")) == 1


async def test_acts_that_wait_together_are_one_commit(database: SqliteDatabase, path: Path) -> None:
    before = commits(path)
    begun, release = threading.Event(), threading.Event()

    def hold(tx: Transaction) -> None:
        begun.set()
        assert release.wait(PATIENCE)
        insert(tx, 1000)

    holding = asyncio.create_task(database.write(hold))
    assert await asyncio.to_thread(begun.wait, PATIENCE)
    waiting = [asyncio.create_task(database.write(partial(insert, number=n))) for n in range(100)]
    await asyncio.sleep(0)
    release.set()
    await asyncio.gather(holding, *waiting)

    assert commits(path) - before == 2


async def test_a_second_owner_is_refused_until_the_first_lets_go(
    database: SqliteDatabase, path: Path
) -> None:
    with pytest.raises(DatabaseInUse, match="in use by another process"):
        await SqliteDatabase.open(path)
    await database.close()

    again = await SqliteDatabase.open(path)
    await again.close()


async def test_two_spellings_of_a_file_have_one_owner(
    database: SqliteDatabase, path: Path, tmp_path: Path
) -> None:
    (tmp_path / "link.db").symlink_to(path)

    with pytest.raises(DatabaseInUse):
        await SqliteDatabase.open(tmp_path / "link.db")


async def test_a_file_that_can_not_be_opened_is_let_go(path: Path) -> None:
    put(path, b"This is not a database. " * 100)
    for _ in range(2):
        with pytest.raises(UnusableDatabase, match="file is not a database"):
            await SqliteDatabase.open(path)
    put(path, b"")

    database = await SqliteDatabase.open(path)
    await database.close()


async def test_nobody_else_can_read_what_is_written(database: SqliteDatabase, path: Path) -> None:
    for file in (path, wal(path), path.with_name("gateway.db-shm")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_a_file_can_be_looked_at_while_its_owner_writes(
    database: SqliteDatabase, path: Path
) -> None:
    looking = await SqliteDatabase.open(path, read_only=True)
    try:
        await database.write(lambda tx: insert(tx, 1))

        assert await looking.read(numbers) == [1]
        with pytest.raises(StorageFailed, match="opened only to be read"):
            await looking.write(lambda tx: insert(tx, 2))
    finally:
        await looking.close()


async def test_a_file_that_nobody_holds_can_be_looked_at(
    database: SqliteDatabase, path: Path
) -> None:
    await database.write(lambda tx: insert(tx, 1))
    await database.close()

    looking = await SqliteDatabase.open(path, read_only=True)
    try:
        assert await looking.read(numbers) == [1]
    finally:
        await looking.close()


async def test_looking_at_a_file_that_is_not_there_makes_none(path: Path) -> None:
    with pytest.raises(UnusableDatabase, match="unable to open database file"):
        await SqliteDatabase.open(path, read_only=True)

    assert size(path) == 0


async def test_a_foreign_writer_is_waited_for_and_then_denied(path: Path) -> None:
    database = await SqliteDatabase.open(path, busy_timeout=0.05)
    await database.write(lambda tx: tx.execute("CREATE TABLE notes (id BIGINT, body TEXT)"))
    foreign = sqlite3.connect(path, isolation_level=None)
    try:
        foreign.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageFailed, match="locked"):
            await database.write(lambda tx: insert(tx, 1))
        foreign.execute("ROLLBACK")

        await database.write(lambda tx: insert(tx, 2))

        assert await database.read(numbers) == [2]
        assert database.failed is None
    finally:
        foreign.close()
        await database.close()


async def test_a_full_disk_denies_and_needs_no_repair(database: SqliteDatabase) -> None:
    """A limit on pages stands for the disk: SQLite says SQLITE_FULL either way."""
    await database.write(partial(pragma, "max_page_count = 12"))

    results = await asyncio.gather(
        *(
            database.write(partial(insert, number=n, body="x" * (200_000 if n == 5 else 10)))
            for n in range(10)
        ),
        return_exceptions=True,
    )

    told = [number for number, result in enumerate(results) if result == 1]
    assert isinstance(results[5], StorageFailed)
    assert all(isinstance(result, StorageFailed) for result in results if result != 1)
    assert await database.read(numbers) == told
    await database.write(partial(pragma, "max_page_count = 100000"))
    assert await database.write(lambda tx: insert(tx, 5, "x" * 200_000)) == 1
    assert database.failed is None


async def test_the_wal_stays_small_under_endless_writes(
    database: SqliteDatabase, path: Path
) -> None:
    largest = 0
    for start in range(0, 12_000, 500):
        await asyncio.gather(
            *(
                database.write(partial(insert, number=start + n, body="x" * 2000))
                for n in range(500)
            )
        )
        largest = max(largest, size(wal(path)))

    assert size(path) > 18_000_000
    assert largest < 12_000_000
    assert database.checkpoint_error is None


async def test_a_reader_that_takes_long_holds_up_no_writer_and_no_checkpoint_for_good(
    database: SqliteDatabase, path: Path
) -> None:
    looked, release = threading.Event(), threading.Event()

    def look_long(tx: Transaction) -> list[int]:
        numbers(tx)
        looked.set()
        assert release.wait(PATIENCE)
        return numbers(tx)

    async def write_some(start: int) -> None:
        for number in range(start, start + 20):
            await database.write(partial(insert, number=number, body="x" * 2_000_000))

    looking = asyncio.create_task(database.read(look_long))
    assert await asyncio.to_thread(looked.wait, PATIENCE)
    await write_some(0)
    grown = size(wal(path))
    release.set()
    assert await looking == []
    await write_some(20)

    assert grown > 40_000_000  # nothing may be overwritten that the reader still needs
    assert size(wal(path)) < 24_000_000
    assert await database.write(partial(pragma, "busy_timeout")) == 5000  # as patient as before
    assert len(await database.read(numbers)) == 40


async def test_a_corrupt_file_stops_the_database_for_good(path: Path) -> None:
    told: list[StorageFailed] = []
    database = await SqliteDatabase.open(path)
    await database.write(lambda tx: tx.execute("CREATE TABLE notes (id BIGINT, body TEXT)"))
    for number in range(100):
        await database.write(partial(insert, number=number, body="x" * 1000))
    await database.close()
    put(path, os.urandom(size(path) - 4096), start=4096)  # behind the page with the schema

    database = await SqliteDatabase.open(path, on_failure=told.append)
    try:
        with pytest.raises(StorageFailed, match="malformed"):
            await database.read(numbers)
        with pytest.raises(StorageFailed, match="stopped for good"):
            await database.write(lambda tx: insert(tx, 101))
        with pytest.raises(StorageFailed, match="stopped for good"):
            await database.read(numbers)
    finally:
        await database.close()

    assert told == [database.failed]


async def test_a_sync_that_failed_within_an_act_stops_the_database_too(
    database: SqliteDatabase,
) -> None:
    def act(tx: Transaction) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
        raise StorageFailed("as a statement would") from error

    with pytest.raises(StorageFailed, match="as a statement would"):
        await database.write(act)

    with pytest.raises(StorageFailed, match="stopped for good"):
        await database.write(lambda tx: insert(tx, 1))


async def test_a_process_that_forgets_to_close_ends_all_the_same(path: Path) -> None:
    script = """
import asyncio, pathlib, sys
from gateway.adapters.sqlite import SqliteDatabase

async def main():
    global database
    database = await SqliteDatabase.open(pathlib.Path(sys.argv[1]))
    await database.write(lambda tx: tx.execute("CREATE TABLE notes (id BIGINT)"))
    raise SystemExit(7)

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", script, str(path))
    try:
        code = await asyncio.wait_for(process.wait(), PATIENCE)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    assert code == 7
    database = await SqliteDatabase.open(path)
    assert await database.read(numbers) == []
    await database.close()


async def test_no_parameter_reaches_a_log(
    database: SqliteDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "a prompt that a team wants kept nowhere"

    await database.write(partial(insert, number=1, body=secret))
    with pytest.raises(StorageFailed):
        await database.write(partial(insert, number=1, body=secret))
    await database.read(numbers)

    assert "executing" in caplog.text  # aiosqlite does log
    assert secret not in caplog.text
