import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.adapters.sqlite_file import create, has_wal_reset_bug, owned, warnings_about
from gateway.domain.errors import DatabaseInUse, UnusableDatabase

_OWNER = """
import sys
from pathlib import Path
from gateway.adapters.sqlite_file import owned

with owned(Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_a_file_has_one_owner_in_a_process(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"

    with owned(path), pytest.raises(DatabaseInUse), owned(path):
        pass

    with owned(path):
        assert (tmp_path / "gateway.db.lock").read_text() == f"{os.getpid()}\n"


def test_a_file_owned_by_another_process_is_refused_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    command = [sys.executable, "-c", _OWNER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"mine\n"
        try:
            with pytest.raises(DatabaseInUse, match=rf"in use by .*pid {owner.pid}\)"), owned(path):
                pass
        finally:
            owner.kill()  # a dead owner owns nothing

    with owned(path):
        assert path.with_name("gateway.db.lock").exists()


def test_a_folder_that_takes_no_lock_file_is_told_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "gateway.db"

    with pytest.raises(UnusableDatabase, match="can't make the lock file"), owned(path):
        pass


def test_a_new_file_is_readable_by_its_user_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "deep" / "gateway.db"

    create(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_existing_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "gateway.db"
    path.write_bytes(b"kept")
    path.chmod(0o640)

    create(path)

    assert path.read_bytes() == b"kept"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_folder_that_is_a_file_is_told_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file")

    with pytest.raises(UnusableDatabase, match="can't make the database"):
        create(tmp_path / "var" / "gateway.db")


@pytest.mark.parametrize(
    ("version", "affected"),
    [
        ((3, 6, 23), False),
        ((3, 7, 0), True),
        ((3, 40, 1), True),
        ((3, 44, 5), True),
        ((3, 44, 6), False),
        ((3, 45, 0), True),
        ((3, 50, 6), True),
        ((3, 50, 7), False),
        ((3, 51, 2), True),
        ((3, 51, 3), False),
        ((3, 54, 1), False),
        ((4, 0, 0), False),
    ],
)
def test_the_wal_reset_bug_is_known_by_version(
    version: tuple[int, int, int], affected: bool
) -> None:
    assert has_wal_reset_bug(version) is affected


def test_an_affected_sqlite_is_reported_to_the_operator() -> None:
    assert "SQLite 3.51.2 has the WAL-reset bug" in warnings_about((3, 51, 2))[0]
    assert warnings_about((3, 51, 3)) == ()
