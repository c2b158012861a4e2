"""The database on one SQLite file: one writing connection, group commit, snapshot readers."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any, Self, TypeVar

import aiosqlite

from gateway.adapters.grouping import Act, ActResult, Group
from gateway.adapters.sqlite_acts import StuckTransaction, copy_back, run_together
from gateway.adapters.sqlite_file import connect, create, owned, warnings_about
from gateway.domain.errors import StorageFailed, UnusableDatabase
from gateway.ports import Transaction

T = TypeVar("T")

WRITES_TOGETHER = 256  # acts in one commit: they share a sync, and none waits long
READS_TOGETHER = 32  # acts on one snapshot; few, because they may wait for a slow one

# A checkpoint runs after this many acts, or when the WAL has grown by this much.
_CHECKPOINT_ACTS = 1000
_CHECKPOINT_GROWTH = 4 * 1024 * 1024
# Above this size a checkpoint waits for readers, so that the WAL restarts.
_WAL_LIMIT = 32 * 1024 * 1024

# After one of these errors SQLite would continue, but the disk may have lost data
# (docs/reliability.md, section 0), or the file is corrupt.
_FATAL = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})
_FATAL_PRIMARY = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class SqliteDatabase:
    """`gateway.ports.Database` on a file that this process owns.

    A write is durable when it returns: its group's COMMIT has synced the WAL. A group is one
    transaction with a savepoint for each act, so that a failing act is rolled back alone. After a
    failed sync, a corrupt file or a stuck transaction the database rejects everything and calls
    `on_failure` once, so that the process can stop (fail-stop).
    """

    def __init__(self, path: Path, on_failure: Callable[[StorageFailed], None] | None) -> None:
        """Use `open`, which also opens the connections."""
        self.path = path.resolve()  # all spellings of a path share one lock
        self.failed: StorageFailed | None = None
        self.checkpoint_error: str | None = None  # of the last one; None after a success
        self._on_failure = on_failure
        self._resources = AsyncExitStack()
        self._writer: _Connection | None = None
        self._writes: Group[_Connection] | None = None
        self._reads: Group[_Connection]
        self._closing: asyncio.Task[None] | None = None
        self._acts_in_wal = 0
        self._wal_size = 0

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        readers: int = 2,
        busy_timeout: float = 5.0,
        wait_limit: float = 30.0,
        on_failure: Callable[[StorageFailed], None] | None = None,
    ) -> Self:
        """Lock and open the file; create it if it is missing.

        `read_only` neither locks nor changes it: for reading a file that a gateway may use.
        `busy_timeout` is how many seconds to wait for another process that writes (a backup, a
        shell); an act that has waited `wait_limit` seconds in the queue is not run.

        Raises:
            DatabaseInUse: another process has locked it.
            UnusableDatabase: it can't be created or opened, or could lose commits.

        """
        database = cls(path, on_failure)
        open_one = partial(database._connect, busy_timeout=busy_timeout)
        group = partial(Group[_Connection], wait_limit=wait_limit)
        async with AsyncExitStack() as stack:
            if not read_only:
                create(database.path)
                stack.enter_context(owned(database.path))
                database._writer = await open_one(stack, read_only=False)
                database._writes = group(
                    [database._writer],
                    database._commit,
                    size=WRITES_TOGETHER,
                    between=database._checkpoint,
                )
            lanes = [await open_one(stack, read_only=True) for _ in range(readers)]
            database._reads = group(lanes, database._look, size=READS_TOGETHER)
            database._resources = stack.pop_all()
        return database

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about this version of SQLite, for operators."""
        return warnings_about(sqlite3.sqlite_version_info)

    async def write(self, act: Callable[[Transaction], T]) -> T:
        """See `gateway.ports.Database.write`."""
        self._check()
        if self._writes is None:
            raise StorageFailed("this database was opened only to be read")
        value: T = await self._writes.submit(act)
        return value

    async def read(self, act: Callable[[Transaction], T]) -> T:
        """See `gateway.ports.Database.read`."""
        self._check()
        value: T = await self._reads.submit(act)
        return value

    async def close(self) -> None:
        """Finish what was accepted, close the connections, and unlock the file.

        It continues if the caller is cancelled; another call waits for the same end.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        if self._writes is not None:
            await self._writes.drain()
        await self._reads.drain()
        if self.failed is not None and self._writer is not None:
            # The last connection to close runs a checkpoint; after a failure not the writer: the
            # next start detects what the disk has lost by checksums.
            await self._writer.close()
        await self._resources.aclose()

    async def _connect(
        self, stack: AsyncExitStack, *, read_only: bool, busy_timeout: float
    ) -> "_Connection":
        connector = partial(connect, self.path, read_only=read_only, busy_timeout=busy_timeout)
        connection = _Connection(connector)
        try:
            await connection
        except BaseException as error:
            await connection.ended()
            if isinstance(error, sqlite3.Error):
                raise UnusableDatabase(f"can't open the database {self.path}: {error}") from error
            raise
        stack.push_async_callback(connection.close)
        return connection

    async def _commit(self, writer: "_Connection", acts: Sequence[Act]) -> Sequence[ActResult]:
        self._acts_in_wal += len(acts)
        return await self._cross(writer, lambda raw: run_together(raw, "BEGIN IMMEDIATE", acts))

    async def _look(self, reader: "_Connection", acts: Sequence[Act]) -> Sequence[ActResult]:
        return await self._cross(reader, lambda raw: run_together(raw, "BEGIN", acts))

    async def _cross(
        self,
        connection: "_Connection",
        work: Callable[[sqlite3.Connection], Sequence[ActResult]],
    ) -> Sequence[ActResult]:
        if self.failed is not None:  # the database failed while these waited
            raise self.failed
        try:
            outcomes = await connection.run(work)
        except StorageFailed as error:
            self._notice(error)
            raise
        for outcome in outcomes:
            self._notice(outcome.error)
        return outcomes

    async def _checkpoint(self, writer: "_Connection") -> None:
        """Run a checkpoint when it is due, between commits, so that no caller waits for it."""
        size = _wal_size(self.path)
        self._wal_size = min(self._wal_size, size)  # SQLite truncates it after a restart of the WAL
        due = self._acts_in_wal >= _CHECKPOINT_ACTS or size > self._wal_size + _CHECKPOINT_GROWTH
        if self.failed is not None or not due:
            return
        try:
            await writer.run(partial(copy_back, restart=size > _WAL_LIMIT))
        except StorageFailed as error:
            # The WAL still has everything, but a failed sync is fatal here, too.
            self.checkpoint_error = str(error)
            self._notice(error)
        else:
            self.checkpoint_error = None
        self._acts_in_wal = 0
        self._wal_size = size

    def _check(self) -> None:
        if self.failed is not None:
            raise StorageFailed(str(self.failed)) from self.failed
        if self._closing is not None:
            raise StorageFailed("the database is closed")

    def _notice(self, error: Exception | None) -> None:
        if self.failed is None and isinstance(error, StorageFailed) and _is_fatal(error):
            self.failed = StorageFailed(f"the database {self.path} stopped for good: {error}")
            self.failed.__cause__ = error.__cause__
            if self._on_failure is not None:
                self._on_failure(self.failed)


class _Connection(aiosqlite.Connection):
    """aiosqlite's connection and thread, with a method that runs a whole function in the thread."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)  # only its own cursors use it
        # A daemon: otherwise a process that ends without closing would wait for it.
        self._thread.daemon = True

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Run the function with the raw connection in the connection's thread."""
        # A lambda, because aiosqlite logs what it runs: a partial would show an act's arguments.
        value: T = await self._execute(lambda: function(self._conn))  # type: ignore[no-untyped-call]
        return value

    async def ended(self) -> None:
        """Wait for the thread of a connection that did not open: it still calls the loop."""
        await asyncio.to_thread(self._thread.join)


def _wal_size(path: Path) -> int:
    try:
        return path.with_name(path.name + "-wal").stat().st_size
    except FileNotFoundError:
        return 0


def _is_fatal(error: StorageFailed) -> bool:
    code: Any = getattr(error.__cause__, "sqlite_errorcode", None)
    if isinstance(error, StuckTransaction):
        return True
    return code is not None and (code in _FATAL or code & 0xFF in _FATAL_PRIMARY)
