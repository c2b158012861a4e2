"""A database whose transactions are timed and whose failures are counted."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.domain.errors import StorageFailed
from gateway.ports import Clock, Database, Transaction
from gateway.telemetry.metrics import Metrics

T = TypeVar("T")


class MeasuredDatabase:
    """`gateway.ports.Database` around another one, with the same guarantees."""

    def __init__(self, database: Database, clock: Clock, metrics: Metrics) -> None:
        """Wrap a database; closing this one closes it, too."""
        self._database = database
        self._clock = clock
        self._metrics = metrics

    async def write(self, act: Callable[[Transaction], T]) -> T:
        """See `gateway.ports.Database.write`."""
        return await self._timed("write", self._database.write, act)

    async def read(self, act: Callable[[Transaction], T]) -> T:
        """See `gateway.ports.Database.read`."""
        return await self._timed("read", self._database.read, act)

    async def close(self) -> None:
        """See `gateway.ports.Database.close`."""
        await self._database.close()

    async def _timed(
        self,
        kind: str,
        run: Callable[[Callable[[Transaction], T]], Awaitable[T]],
        act: Callable[[Transaction], T],
    ) -> T:
        asked = begun = self._clock.monotonic()

        def watched(tx: Transaction) -> T:
            nonlocal begun
            begun = self._clock.monotonic()  # it leaves the queue
            return act(tx)

        try:
            value = await run(watched)
        except StorageFailed:
            self._metrics.database_failed(kind)
            raise
        seconds = self._clock.monotonic() - asked
        self._metrics.database_transaction(kind, seconds, begun - asked)
        return value
