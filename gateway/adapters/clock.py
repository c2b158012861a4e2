"""The clock of the machine."""

import asyncio
import time
from datetime import UTC, datetime


class SystemClock:
    """Real time, as `gateway.ports.Clock` asks for it."""

    def now(self) -> datetime:
        """The present moment in UTC; it may jump when somebody sets the machine's clock."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean anything."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait; zero or less only lets others run first."""
        await asyncio.sleep(max(0.0, seconds))
