"""Keep the content store within its limits."""

from gateway.domain.content import BlobFailed
from gateway.ports import Clock
from gateway.services.content.evict import EVERY_SECONDS, Evictor
from gateway.telemetry.bundle import Telemetry
from gateway.workers.loop import Loop

_TIDY_EVERY = 3600.0  # seconds


def eviction_loops(evictor: Evictor, clock: Clock, telemetry: Telemetry) -> list[Loop]:
    """Return the loops of eviction and of recording uses.

    Eviction may take minutes in a large or slow store. Uses are recorded in a loop of their own,
    because another process would otherwise evict a video that is being read.
    """

    async def uses() -> float:
        await evictor.write_uses()
        return EVERY_SECONDS

    return [
        Loop("uses", uses, clock, telemetry),
        Loop("evictor", EvictionRound(evictor, clock, telemetry).step, clock, telemetry),
    ]


class EvictionRound:
    """Runs eviction: records uses, announces removals, and removes."""

    def __init__(self, evictor: Evictor, clock: Clock, telemetry: Telemetry) -> None:
        """A Loop runs `step`; the first one also cleans up after a crash."""
        self._evictor = evictor
        self._clock = clock
        self._telemetry = telemetry
        self._tidy_at = clock.monotonic()

    async def step(self) -> float:
        """Run once; return the seconds until the next time."""
        await self._evictor.write_uses()
        await self._evictor.announce()
        await self._evictor.carry_out()
        if self._clock.monotonic() >= self._tidy_at:
            self._tidy_at = self._clock.monotonic() + _TIDY_EVERY
            await self._tidy()
        return EVERY_SECONDS

    async def _tidy(self) -> None:
        try:
            await self._evictor.tidy()
        except BlobFailed as error:
            self._telemetry.log.error("content.store_failed", why=error.why)
