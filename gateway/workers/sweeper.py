"""Ends what nobody else will: jobs whose sender died, and those whose outcome was never learned."""

from gateway.config.live import Live
from gateway.domain.job import Job
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database
from gateway.services.track import Tracker
from gateway.store import jobs

_EVERY = 2.0  # seconds


class Sweeper:
    """Crash recovery; safe on any number of replicas at once, for every step is compare-and-set."""

    def __init__(self, database: Database, clock: Clock, live: Live, tracker: Tracker) -> None:
        """`step` is run by a Loop."""
        self._database = database
        self._clock = clock
        self._live = live
        self._tracker = tracker

    async def step(self) -> float:
        """One sweep; seconds until the next."""
        now = epoch_ms(self._clock.now())
        for job_id in await self._database.read(lambda tx: jobs.orphans(tx, now=now)):
            await self._tracker.orphaned(job_id)
        for name, upstream in self._live.config.upstreams.items():
            since = now - int(upstream.unknown_ttl.total_seconds() * 1000)
            for job in await self._unresolved(name, since):
                await self._tracker.assumed(job.id)
        return _EVERY

    async def _unresolved(self, upstream: str, since: int) -> list[Job]:
        return await self._database.read(lambda tx: jobs.unresolved(tx, upstream, since=since))
