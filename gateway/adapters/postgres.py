"""The database on PostgreSQL, shared by any number of gateways."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Self, TypeVar

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool, PoolTimeout

from gateway.adapters.placeholders import to_pyformat
from gateway.adapters.postgres_server import (
    Connection,
    configure,
    connection_settings,
    inspect,
    said,
)
from gateway.adapters.transaction import ActTransaction, Answer, perform, refuse_control
from gateway.domain.errors import StorageFailed, UnusableDatabase
from gateway.ports import Transaction

T = TypeVar("T")

# READ COMMITTED is enough for acts made of conditional updates: each one reads the row again once
# it holds the lock. A reader needs one snapshot for all its statements.
_WRITE = b"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
_READ = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_COLLISIONS = (errors.SerializationFailure, errors.DeadlockDetected)
_REPEATS = 10
_FIRST_PAUSE = 0.005
_LONGEST_PAUSE = 0.2


class PostgresDatabase:
    """`gateway.ports.Database` on a PostgreSQL server.

    An act runs in a thread of a bounded pool: BEGIN, its statements, COMMIT. After a serialization
    failure or a deadlock it is repeated, a bounded number of times. A lost connection is never used
    again, and its act raises StorageFailed, because it may have committed.

    The server binds the parameters. An int is therefore always a BIGINT (as literals, `2000000000 +
    2000000000` overflows), statements are prepared once per connection, and no prompt can reach the
    server's log with a failed statement.
    """

    def __init__(
        self,
        pool: ConnectionPool[Connection],
        threads: int,
        wait_limit: float,
        pause: Callable[[int], float],
    ) -> None:
        """Use `open`, which also inspects the server."""
        self._pause = pause
        self.warnings: tuple[str, ...] = ()  # what an operator should know, in plain words
        self._pool = pool
        self._wait_limit = wait_limit
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="postgres")
        self._closing: asyncio.Task[None] | None = None

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        connections: int = 10,
        wait_limit: float = 30.0,
        pause: Callable[[int], float] | None = None,
    ) -> Self:
        """Connect, and check that the server keeps what it commits.

        An act that has waited `wait_limit` seconds for one of the `connections` is not run. `pause`
        returns the seconds to wait before a repetition, by its number from 0.

        Raises:
            UnusableDatabase: there is no connection, or the server may lose commits.

        """
        return await asyncio.to_thread(cls._open, url, connections, wait_limit, pause or backoff)

    @classmethod
    def _open(
        cls, url: str, connections: int, wait_limit: float, pause: Callable[[int], float]
    ) -> Self:
        settings = connection_settings(url)
        warnings = inspect(settings)
        pool: ConnectionPool[Connection] = ConnectionPool(
            kwargs={**settings, "autocommit": True},
            min_size=1,
            max_size=connections,
            timeout=5.0,
            configure=configure,
            open=False,
            name="video-gateway",
        )
        try:
            pool.open(wait=True, timeout=10.0)
        except PoolTimeout as error:
            pool.close()
            raise UnusableDatabase(f"PostgreSQL did not answer in time: {error}") from error
        database = cls(pool, connections, wait_limit, pause)
        database.warnings = warnings
        return database

    async def write(self, act: Callable[[Transaction], T]) -> T:
        """See `gateway.ports.Database.write`."""
        return await self._cross(_WRITE, act)

    async def read(self, act: Callable[[Transaction], T]) -> T:
        """See `gateway.ports.Database.read`."""
        return await self._cross(_READ, act)

    async def close(self) -> None:
        """Finish what was accepted, then close every connection.

        It continues if the caller is cancelled; another call waits for the same end.
        """
        if self._closing is None:
            self._closing = asyncio.create_task(asyncio.to_thread(self._close))
        await asyncio.shield(self._closing)

    def _close(self) -> None:
        self._threads.shutdown(wait=True)
        self._pool.close()

    async def _cross(self, begin: bytes, act: Callable[[Transaction], T]) -> T:
        if self._closing is not None:
            raise StorageFailed("the database is closed")
        work = partial(self._transact, begin, act, time.monotonic())
        # A cancelled caller does not stop a running act; an act that has not begun is not run.
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    def _transact(self, begin: bytes, act: Callable[[Transaction], T], since: float) -> T:
        if time.monotonic() - since > self._wait_limit:
            raise StorageFailed("the database was busy too long")
        for repeat in range(_REPEATS):
            with self._begun(begin) as connection:
                tx = _PostgresTransaction(connection)
                try:
                    value = perform(tx, act)
                    _commit(connection, tx)
                    return value
                except Exception:
                    if not isinstance(tx.error, _COLLISIONS):
                        raise
            time.sleep(self._pause(repeat))
        raise StorageFailed(f"aborted after {_REPEATS} serialization conflicts")

    @contextmanager
    def _begun(self, begin: bytes) -> Iterator[Connection]:
        """Yield a connection inside a new transaction, which always ends with this context."""
        connection = self._begin(begin)
        try:
            yield connection
        finally:
            _leave_nothing_open(connection)
            self._pool.putconn(connection)

    def _begin(self, begin: bytes) -> Connection:
        """Begin on the first live connection: after a restart of the server all may be dead.

        A dead one has run no statement, so continuing with the next repeats nothing.
        """
        for _ in range(self._pool.max_size + 1):
            try:
                connection = self._pool.getconn()
            except PoolTimeout:
                raise StorageFailed("no connection to PostgreSQL") from None
            try:
                connection.execute(begin)
            except psycopg.Error as error:
                connection.close()
                self._pool.putconn(connection)
                last = said(error)
            except BaseException:
                connection.close()
                self._pool.putconn(connection)
                raise
            else:
                return connection
        raise StorageFailed(f"PostgreSQL did not begin a transaction: {last}")


class _PostgresTransaction(ActTransaction):
    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    @property
    def skip_locked(self) -> str:
        """Skip rows that another transaction has locked."""
        return "FOR UPDATE SKIP LOCKED"

    @property
    def for_share(self) -> str:
        """Let others read the row, but not change it, until the transaction ends."""
        return "FOR SHARE"

    @property
    def for_update(self) -> str:
        """Let others wait for the row until the transaction ends."""
        return "FOR UPDATE"

    def _run(self, sql: str, params: dict[str, str | int | None]) -> Answer:
        try:
            cursor = self._connection.execute(_translated(sql), params)
        except psycopg.Error as error:
            self.error = error
            raise StorageFailed(f"PostgreSQL refused a statement: {said(error)}") from None
        if cursor.description is None:
            return (), (), cursor.rowcount
        return [column.name for column in cursor.description], cursor.fetchall(), cursor.rowcount


@lru_cache(maxsize=1024)
def _translated(sql: str) -> bytes:
    return to_pyformat(refuse_control(sql)).encode()


def _commit(connection: Connection, tx: _PostgresTransaction) -> None:
    try:
        done = connection.execute(b"COMMIT").statusmessage
    except psycopg.Error as error:
        tx.error = error
        raise StorageFailed(f"PostgreSQL may not have committed: {said(error)}") from None
    if done != "COMMIT":  # after a failed statement COMMIT answers ROLLBACK, without an error
        raise StorageFailed(f"PostgreSQL did not commit: {done}")


def _leave_nothing_open(connection: Connection) -> None:
    """Roll back an open transaction; close a connection that can't do it."""
    status = connection.info.transaction_status
    if status == TransactionStatus.IDLE:
        return
    if status in {TransactionStatus.INTRANS, TransactionStatus.INERROR}:
        try:
            connection.execute(b"ROLLBACK")
        except psycopg.Error:
            connection.close()
    else:
        connection.close()


def backoff(repeat: int) -> float:
    """Return random seconds before a repetition; the longest wait doubles each time."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**repeat)
    return random.uniform(0, longest)  # noqa: S311 - nothing secret hangs on it
