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

WRITES_TOGETHER = 256  # acts in one commit: enough to share a sync, few enough to wait for
READS_TOGETHER = 32  # acts on one snapshot; small, because they share a lane with slow ones

# The WAL is copied back after this many acts, or when its file has grown by this much.
_CHECKPOINT_ACTS = 1000
_CHECKPOINT_GROWTH = 4 * 1024 * 1024
# Beyond this the next checkpoint waits for readers, so that the WAL starts anew.
_WAL_LIMIT = 32 * 1024 * 1024

# After one of these SQLite would go on, but the disk may not hold what it was told to hold
# (docs/reliability.md, section 0), or the file is no longer a sound database.
_FATAL = frozenset({sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_DIR_FSYNC})
_FATAL_PRIMARY = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class SqliteDatabase:
    """`gateway.ports.Database` on a file that this process owns.

    A write is durable when it returns: its group's COMMIT has synced the WAL. Acts of one group
    are one transaction, each in its own savepoint, so that one that fails rolls back alone.
    After a failed sync, a corrupt file or a stuck transaction the database is `failed`: it refuses
    everything, and `on_failure` is called once so that the process can stop (fail-stop).
    """

    def __init__(self, path: Path, on_failure: Callable[[StorageFailed], None] | None) -> None:
        """Use `open`; a database made here has no connections."""
        self.path = path.resolve()  # two spellings of one file share one lock
        self.failed: StorageFailed | None = None
        self.checkpoint_error: str | None = None  # the last one's, None once one succeeded
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
        """Own the file, making it if it is missing, and open it.

        `read_only` neither owns nor changes it: for looking at a file that a gateway may hold.
        `busy_timeout` seconds are waited for a foreign process that writes (a back-up, a shell);
        an act that has waited `wait_limit` seconds for its turn is not run.

        Raises:
            DatabaseInUse: another process owns it.
            UnusableDatabase: it can't be made, opened, or trusted with what is promised here.

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
        """What an operator should know about this SQLite, in plain words; empty if nothing."""
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
        """Finish what was accepted, close the connections, let go of the file.

        It goes on if the caller is cancelled meanwhile; calling it again waits for the same end.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        if self._writes is not None:
            await self._writes.drain()
        await self._reads.drain()
        if self.failed is not None and self._writer is not None:
            # The last connection to close copies the WAL back. Now that must not be the writer:
            # what the disk failed to take is for the next start to find out, by its checksums.
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
        if self.failed is not None:  # it failed while these waited
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
        """Copy the WAL back when it is due: between commits, so that no caller waits for it."""
        size = _wal_size(self.path)
        self._wal_size = min(self._wal_size, size)  # SQLite cuts it once it has started anew
        due = self._acts_in_wal >= _CHECKPOINT_ACTS or size > self._wal_size + _CHECKPOINT_GROWTH
        if self.failed is not None or not due:
            return
        try:
            await writer.run(partial(copy_back, restart=size > _WAL_LIMIT))
        except StorageFailed as error:
            # The WAL still holds everything; but a sync that failed is fatal here too.
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
    """aiosqlite's connection and thread, with one more door: a whole function in one crossing."""

    def __init__(self, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)  # which only its own cursors use
        # A process that ends without closing must end: Python waits for all other threads.
        self._thread.daemon = True

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Call the function with the raw connection, in the connection's thread."""
        # A lambda, because aiosqlite logs what it runs: a partial would show an act's arguments.
        value: T = await self._execute(lambda: function(self._conn))  # type: ignore[no-untyped-call]
        return value

    async def ended(self) -> None:
        """Wait for the thread of a connection that did not open: it still speaks to the loop."""
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
