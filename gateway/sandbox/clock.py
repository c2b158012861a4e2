"""The sandbox's clock: real time, faster, or stopped and advanced on request."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable


class Clock(Protocol):
    """The sandbox's source of time."""

    def now(self) -> datetime:
        """Return the current time, aware, in UTC."""

    def monotonic(self) -> float:
        """Return monotonic seconds; only differences are meaningful."""

    async def sleep(self, seconds: float) -> None:
        """Wait; return at once for zero or less."""


@runtime_checkable
class AdvanceableClock(Protocol):
    """A clock that can be advanced."""

    async def advance(self, seconds: float) -> None:
        """Advance the time at once and wake every sleeper that is due."""


class SandboxClock:
    """A clock on which `speed` seconds pass per real second; at zero, only `advance` moves it.

    `now` is always the real time: other machines compare ids, signatures and expiry dates with
    their own clocks.
    """

    def __init__(self, speed: float = 1.0, real: Callable[[], float] = time.monotonic) -> None:
        """`real` returns real monotonic seconds."""
        if speed < 0:
            raise ValueError("speed must not be negative")
        self._speed = speed
        self._real = real
        self._origin = real()
        self._advanced = 0.0
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """Return the real time, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return the sandbox seconds since the clock was created."""
        return (self._real() - self._origin) * self._speed + self._advanced

    async def sleep(self, seconds: float) -> None:
        """Wait that many sandbox seconds; `advance` shortens the wait."""
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            await self._wait(left / self._speed if self._speed else None)

    async def advance(self, seconds: float) -> None:
        """Advance the time at once and wake the sleepers that are due."""
        if seconds < 0:
            raise ValueError("seconds must not be negative")
        self._advanced += seconds
        self._moved.set()
        self._moved = asyncio.Event()
        await asyncio.sleep(0)

    async def _wait(self, limit: float | None) -> None:
        try:
            async with asyncio.timeout(limit):
                await self._moved.wait()
        except TimeoutError:
            return
