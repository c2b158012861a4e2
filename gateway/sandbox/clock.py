"""The sandbox's time: real, sped up, or standing still until it is moved."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable


class Clock(Protocol):
    """The only source of time."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean anything."""

    async def sleep(self, seconds: float) -> None:
        """Wait; returns at once for zero or less."""


@runtime_checkable
class Movable(Protocol):
    """A clock that can be moved forward by hand."""

    async def advance(self, seconds: float) -> None:
        """Let that much time pass at once; whoever slept until then is awake."""


class SandboxClock:
    """`speed` seconds pass in one real second; at zero, only `advance` makes them pass.

    The moment it shows stays the true one, whatever the speed: ids, signatures and expiry dates are
    compared with other machines' clocks, which do not run faster.
    """

    def __init__(self, speed: float = 1.0, real: Callable[[], float] = time.monotonic) -> None:
        """`real` counts true seconds."""
        if speed < 0:
            raise ValueError("speed must not be negative")
        self._speed = speed
        self._real = real
        self._origin = real()
        self._advanced = 0.0
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """The true moment, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Sandbox seconds since the clock was made."""
        return (self._real() - self._origin) * self._speed + self._advanced

    async def sleep(self, seconds: float) -> None:
        """Wait that many sandbox seconds, or until `advance` has passed them."""
        until = self.monotonic() + seconds
        while (left := until - self.monotonic()) > 0:
            await self._wait(left / self._speed if self._speed else None)

    async def advance(self, seconds: float) -> None:
        """Move forward at once and let the sleepers that are due run."""
        if seconds < 0:
            raise ValueError("time only moves forward")
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
