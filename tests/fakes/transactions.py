"""A transaction and a database that pass every statement on, and let a test see it first."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from gateway.ports import Database, Row, Transaction, Value

T = TypeVar("T")
See = Callable[[str, Mapping[str, Value]], None]


class WatchedTransaction:
    """Runs every statement in `tx`, after `see` got its text and its parameters."""

    def __init__(self, tx: Transaction, see: See) -> None:
        self._tx = tx
        self._see = see
        self.skip_locked, self.for_share = tx.skip_locked, tx.for_share
        self.for_update = tx.for_update

    def execute(self, sql: str, **params: Value) -> int:
        self._see(sql, params)
        return self._tx.execute(sql, **params)

    def changed(self, sql: str, **params: Value) -> bool:
        self._see(sql, params)
        return self._tx.changed(sql, **params)

    def fetch(self, sql: str, **params: Value) -> Sequence[Row]:
        self._see(sql, params)
        return self._tx.fetch(sql, **params)

    def fetchrow(self, sql: str, **params: Value) -> Row | None:
        self._see(sql, params)
        return self._tx.fetchrow(sql, **params)


class WatchedDatabase:
    """Runs every act in `real`, with `see` watching its statements."""

    def __init__(self, real: Database, see: See) -> None:
        self._real = real
        self._see = see
        self.warnings: tuple[str, ...] = ()

    async def write(self, act: Callable[[Transaction], T]) -> T:
        return await self._real.write(lambda tx: act(WatchedTransaction(tx, self._see)))

    async def read(self, act: Callable[[Transaction], T]) -> T:
        return await self._real.read(lambda tx: act(WatchedTransaction(tx, self._see)))

    async def close(self) -> None:
        await self._real.close()
