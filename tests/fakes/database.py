"""A database that a test can make unavailable."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from gateway.domain.errors import StorageFailed
from gateway.ports import Database, Transaction

T = TypeVar("T")


class Outage:
    """Wraps databases: `outage.around(real)` fails while `down`, and blocks while stuck."""

    def __init__(self) -> None:
        self.down = False
        self._reads, self._writes = asyncio.Event(), asyncio.Event()
        self.release()

    def around(self, real: Database) -> Database:
        """Return a wrapper of the database."""
        return _Fragile(real, self)

    def stick(self, *, reads: bool = True) -> None:
        """Block all calls, or only writes, until `release`."""
        self._writes.clear()
        if reads:
            self._reads.clear()

    def release(self) -> None:
        """Stop blocking; blocked calls continue."""
        self._reads.set()
        self._writes.set()

    async def passed(self, *, write: bool) -> None:
        """Wait while stuck.

        Raises:
            StorageFailed: the database is down.

        """
        await (self._writes if write else self._reads).wait()
        if self.down:
            raise StorageFailed("the database is down, for a test")


class _Fragile:
    warnings: tuple[str, ...] = ()

    def __init__(self, real: Database, outage: Outage) -> None:
        self._real = real
        self._outage = outage

    async def write(self, act: Callable[[Transaction], T]) -> T:
        await self._outage.passed(write=True)
        return await self._real.write(act)

    async def read(self, act: Callable[[Transaction], T]) -> T:
        await self._outage.passed(write=False)
        return await self._real.read(act)

    async def close(self) -> None:
        await self._real.close()
