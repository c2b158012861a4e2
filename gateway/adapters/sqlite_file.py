"""The file of a SQLite database: who owns it, how it is opened, and whether it can be trusted."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.domain.errors import DatabaseInUse, UnusableDatabase

Version = tuple[int, int, int]


@contextmanager
def owned(path: Path) -> Iterator[None]:
    """Own the database file while this lasts, by a lock on `<path>.lock`.

    The lock goes when the process does, however it ends; the lock file itself stays, because
    removing it would let two processes lock two files of the same name.

    Raises:
        DatabaseInUse: another owner holds it.
        UnusableDatabase: the lock file can't be made.

    """
    lock_path = path.with_name(path.name + ".lock")
    try:
        lock = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise UnusableDatabase(f"can't make the lock file {lock_path}: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DatabaseInUse(_in_use(path, lock)) from error
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(lock)


def create(path: Path) -> None:
    """Make the file and its folder where they are missing, readable by this user only.

    Raises:
        UnusableDatabase: the folder or the file can't be made.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # SQLite gives the WAL the database's mode. Never opened if it exists: closing a
            # second descriptor of the file would drop the locks that SQLite holds on it.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            return
        _sync_folder(path.parent)
    except OSError as error:
        raise UnusableDatabase(f"can't make the database {path}: {error.strerror}") from error


def connect(path: Path, *, read_only: bool, busy_timeout: float) -> sqlite3.Connection:
    """Open a connection that starts no transaction by itself and never makes the file.

    Raises:
        sqlite3.Error: the file can't be opened, or isn't a database.
        UnusableDatabase: the file system has no WAL.

    """
    mode = "ro" if read_only else "rw"
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode={mode}",
        uri=True,
        isolation_level=None,
        timeout=busy_timeout,
        cached_statements=1024,
    )
    try:
        _settle(connection, read_only=read_only)
    except BaseException:
        connection.close()
        raise
    return connection


def has_wal_reset_bug(version: Version) -> bool:
    """Whether this SQLite may corrupt a WAL that two connections write or checkpoint at once.

    Versions 3.7.0 to 3.51.2, but for the corrected 3.50.7 and 3.44.6 (docs/reliability.md, section
    0). One writer that alone checkpoints, as here, is not known to meet it.
    """
    corrected = {(3, 50): 7, (3, 44): 6}
    if version[:2] in corrected:
        return version[2] < corrected[version[:2]]
    return (3, 7, 0) <= version < (3, 51, 3)


def warnings_about(version: Version) -> tuple[str, ...]:
    """Return what an operator should know about a SQLite of this version, in plain words."""
    if not has_wal_reset_bug(version):
        return ()
    shown = ".".join(str(number) for number in version)
    warning = (
        f"SQLite {shown} has the WAL-reset bug (corrected in 3.51.3): while the gateway runs, no"
        " other program may write to its database"
    )
    return (warning,)


def _settle(connection: sqlite3.Connection, *, read_only: bool) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    # What a sort spills must not touch the disk: it may hold what a team wants kept nowhere.
    connection.execute("PRAGMA temp_store = MEMORY")
    if read_only:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise UnusableDatabase("the database's file system has no shared memory for SQLite's WAL")
    connection.execute("PRAGMA synchronous = FULL")  # NORMAL may lose commits with the power
    connection.execute("PRAGMA fullfsync = ON")  # macOS: without it a sync stops at the drive
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    # SQLite ignores what goes wrong in its automatic checkpoint; ours is asked for, and heard.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA journal_size_limit = {16 * 1024 * 1024}")


def _in_use(path: Path, lock: int) -> str:
    owner = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
    return (
        f"the database {path} is in use by another process (pid {owner}). One process owns a "
        "SQLite file: stop that one first, or use PostgreSQL to run several"
    )


def _sync_folder(folder: Path) -> None:
    """Make a new name in the folder survive a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
