"""The clock of the machine."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Real time; implements `gateway.ports.Clock`."""

    def now(self) -> datetime:
        """Return the current time in UTC; it jumps when the machine's clock is set."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never run backwards; only differences are meaningful."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait; zero or less only lets other tasks run first."""
        await asyncio.sleep(max(0.0, seconds))
