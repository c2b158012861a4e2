"""The file of a SQLite database: its lock, how it is opened, and known faults of SQLite."""

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
    """Lock the database file inside this context, by a lock on `<path>.lock`.

    The lock ends with the process, also after a crash. The lock file stays, because removing it
    would let two processes lock two files of the same name.

    Raises:
        DatabaseInUse: another process has locked it.
        UnusableDatabase: the lock file can't be created.

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
    """Create the file and its folder if they are missing, readable by this user only.

    Raises:
        UnusableDatabase: the folder or the file can't be created.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            # SQLite gives the WAL the database's mode. An existing file is not opened: closing a
            # second descriptor of the file would drop the locks that SQLite holds on it.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        except FileExistsError:
            return
        _sync_folder(path.parent)
    except OSError as error:
        raise UnusableDatabase(f"can't make the database {path}: {error.strerror}") from error


def connect(path: Path, *, read_only: bool, busy_timeout: float) -> sqlite3.Connection:
    """Open a connection that starts no transaction by itself and never creates the file.

    Raises:
        sqlite3.Error: the file can't be opened, or is not a database.
        UnusableDatabase: the file system does not support a WAL.

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
    """Return whether this SQLite may corrupt a WAL that two connections write at once.

    This concerns versions 3.7.0 to 3.51.2, except 3.50.7 and 3.44.6 (docs/reliability.md, section
    0). The gateway has one writer, which alone runs checkpoints; that is not known to be affected.
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
    # Sorts must not write to the disk: their rows may belong to a team with `retain: false`.
    connection.execute("PRAGMA temp_store = MEMORY")
    if read_only:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        return
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise UnusableDatabase("the database's file system has no shared memory for SQLite's WAL")
    connection.execute("PRAGMA synchronous = FULL")  # NORMAL may lose commits in a power loss
    connection.execute("PRAGMA fullfsync = ON")  # macOS: otherwise a sync ends in the drive's cache
    connection.execute("PRAGMA checkpoint_fullfsync = ON")
    # SQLite ignores errors of automatic checkpoints; the gateway runs its own and checks them.
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute(f"PRAGMA journal_size_limit = {16 * 1024 * 1024}")


def _in_use(path: Path, lock: int) -> str:
    owner = os.pread(lock, 32, 0).decode(errors="replace").strip() or "unknown"
    return (
        f"the database {path} is in use by another process (pid {owner}). One process owns a "
        "SQLite file: stop that one first, or use PostgreSQL to run several"
    )


def _sync_folder(folder: Path) -> None:
    """Sync the folder, so that a new name in it survives a power loss."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
