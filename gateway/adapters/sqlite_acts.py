"""Functions for the thread of a SQLite connection: groups of acts, and checkpoints."""

import sqlite3
from collections.abc import Sequence
from functools import lru_cache

from gateway.adapters.grouping import Act, ActResult
from gateway.adapters.transaction import ActTransaction, Answer, perform, refuse_control
from gateway.domain.errors import StorageFailed

_WAIT_FOR_READERS = 0.1  # seconds that a checkpoint may delay the writer


class StuckTransaction(StorageFailed):
    """A transaction could be neither committed nor rolled back."""


def run_together(
    connection: sqlite3.Connection, begin: str, acts: Sequence[Act]
) -> list[ActResult]:
    """Run the acts in one transaction, and commit it.

    Raises:
        StorageFailed: nothing was committed, or that is not known.

    """
    try:
        connection.execute(begin)
        outcomes = [_alone(connection, act) for act in acts]
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        raise StorageFailed(f"SQLite may not have committed: {error}") from error
    finally:
        _leave_nothing_open(connection)
    return outcomes


def copy_back(connection: sqlite3.Connection, *, restart: bool) -> None:
    """Copy committed pages from the WAL into the database, and sync it (a checkpoint)."""
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    try:
        connection.execute(f"PRAGMA busy_timeout = {int(_WAIT_FOR_READERS * 1000)}")
        connection.execute(f"PRAGMA wal_checkpoint({'RESTART' if restart else 'PASSIVE'})")
    except sqlite3.Error as error:
        raise StorageFailed(f"SQLite could not copy back its WAL: {error}") from error
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience}")


class _SqliteTransaction(ActTransaction):
    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__()
        self._connection = connection

    @property
    def skip_locked(self) -> str:
        """Return nothing: one process runs one act at a time, so no row is ever locked."""
        return ""

    @property
    def for_share(self) -> str:
        """See `skip_locked`."""
        return ""

    @property
    def for_update(self) -> str:
        """See `skip_locked`."""
        return ""

    def _run(self, sql: str, params: dict[str, str | int | None]) -> Answer:
        try:
            cursor = self._connection.execute(_allowed(sql), params)
            rows = cursor.fetchall()
        except (sqlite3.Error, sqlite3.Warning) as error:
            self.error = error
            raise StorageFailed(f"SQLite refused a statement: {error}") from error
        names = [column[0] for column in cursor.description or ()]
        return names, rows, cursor.rowcount


_allowed = lru_cache(maxsize=1024)(refuse_control)


def _alone(connection: sqlite3.Connection, act: Act) -> ActResult:
    """Run one act in a savepoint of its own."""
    connection.execute("SAVEPOINT act")
    tx = _SqliteTransaction(connection)
    try:
        outcome = ActResult(perform(tx, act))
    except Exception as error:  # noqa: BLE001 - it is the caller's, whom its future tells
        if not connection.in_transaction:
            # Disk full, an I/O error, no memory: SQLite has rolled back the whole group.
            raise StorageFailed(f"SQLite gave up the transaction: {tx.error}") from tx.error
        connection.execute("ROLLBACK TO act")
        outcome = ActResult(error=error)
    connection.execute("RELEASE act")
    return outcome


def _leave_nothing_open(connection: sqlite3.Connection) -> None:
    if not connection.in_transaction:
        return
    try:
        connection.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise StuckTransaction(f"SQLite could not roll back: {error}") from error
