"""Download videos for the archive, a few at once, so that a slow one delays no other."""

import asyncio
from contextlib import suppress

from gateway.ports import Clock
from gateway.services.content.archive import LEASE_SECONDS, Archive
from gateway.services.tasks import Tasks
from gateway.store.archivals import Archival
from gateway.telemetry.bundle import Telemetry

_EVERY = 1.0  # seconds between two checks
_AT_ONCE = 4  # downloads; each is limited by the network or the disk, not by their number


class Archiver:
    """Runs up to four downloads."""

    def __init__(self, archive: Archive, clock: Clock, telemetry: Telemetry) -> None:
        """A Loop runs `step`; `close` ends running downloads."""
        self._archive = archive
        self._clock = clock
        self._telemetry = telemetry
        self._tasks = Tasks(
            lambda name, error: telemetry.log.error(
                "content.archive_failed", task=name, error=type(error).__name__
            )
        )

    async def step(self) -> float:
        """Start due downloads if there is room; return the seconds until the next check."""
        free = _AT_ONCE - len(self._tasks)
        if free > 0:
            for held in await self._archive.claim(free):
                self._tasks.spawn(self._carry_out(held), f"content.archive {held.job_id}")
        return _EVERY

    async def close(self) -> None:
        """End every download; another process may claim it after the lease expires."""
        await self._tasks.drain(0)

    async def _carry_out(self, held: Archival) -> None:
        renewing = asyncio.create_task(self._renew(held))
        try:
            await self._archive.fetch(held)
        finally:
            renewing.cancel()
            with suppress(asyncio.CancelledError):
                await renewing

    async def _renew(self, held: Archival) -> None:
        """Renew the lease until another process has it; a second download is harmless."""
        while True:
            await self._clock.sleep(LEASE_SECONDS / 3)
            if not await self._archive.renew(held):
                return
