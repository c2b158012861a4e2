"""Keeps the content store within its bounds."""

from gateway.domain.content import BlobFailed
from gateway.ports import Clock
from gateway.services.content.evict import EVERY_SECONDS, Evictor
from gateway.telemetry.bundle import Telemetry
from gateway.workers.loop import Loop

_TIDY_EVERY = 3600.0  # seconds


def eviction_loops(evictor: Evictor, clock: Clock, telemetry: Telemetry) -> list[Loop]:
    """The rounds, and beside them what other processes must hear in time.

    A round may take minutes, where the store is large or slow. What is read here is written down
    meanwhile, or another process would take it for unread and remove it under the reader.
    """

    async def uses() -> float:
        await evictor.write_uses()
        return EVERY_SECONDS

    return [
        Loop("uses", uses, clock, telemetry),
        Loop("evictor", EvictionRound(evictor, clock, telemetry).step, clock, telemetry),
    ]


class EvictionRound:
    """One round after another: uses written down, removals announced and carried out."""

    def __init__(self, evictor: Evictor, clock: Clock, telemetry: Telemetry) -> None:
        """`step` is run by a Loop; the first also tidies up after a crash."""
        self._evictor = evictor
        self._clock = clock
        self._telemetry = telemetry
        self._tidy_at = clock.monotonic()

    async def step(self) -> float:
        """One round; seconds until the next."""
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
