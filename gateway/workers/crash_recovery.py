"""Resolve jobs whose process crashed, and end jobs whose outcome stayed unknown."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from gateway.config.live import Live
from gateway.domain.job import Job, JobId
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database, Transaction
from gateway.services.jobs.track import Tracker
from gateway.store import recovery
from gateway.telemetry.bundle import Telemetry

_EVERY = 2.0  # seconds
# `unknown_ttl` for an upstream that is no longer configured: its default.
_TTL_OF_THE_REMOVED = timedelta(minutes=15)


class CrashRecovery:
    """Crash recovery, on any number of replicas: every change is a compare-and-set."""

    def __init__(
        self, database: Database, clock: Clock, live: Live, tracker: Tracker, telemetry: Telemetry
    ) -> None:
        """A Loop runs `step`."""
        self._database = database
        self._clock = clock
        self._live = live
        self._tracker = tracker
        self._telemetry = telemetry

    async def step(self) -> float:
        """Check all jobs once; return the seconds until the next check."""
        now = epoch_ms(self._clock.now())
        for job_id in await self._database.read(lambda tx: recovery.orphans(tx, now=now)):
            await self._end(job_id, self._tracker.orphaned)
        for job_id in await self._database.read(lambda tx: self._given_up(tx, now)):
            await self._end(job_id, self._tracker.assumed)
        return _EVERY

    def _given_up(self, tx: Transaction, now: int) -> list[JobId]:
        """End jobs after their `unknown_ttl`, also of upstreams that are no longer configured."""
        return [
            job.id
            for upstream in sorted(recovery.upstreams_of_unresolved(tx))
            for job in recovery.unresolved(tx, upstream, since=now - self._ttl(upstream))
        ]

    def _ttl(self, upstream: str) -> int:
        configured = self._live.config.upstreams.get(upstream)
        ttl = _TTL_OF_THE_REMOVED if configured is None else configured.unknown_ttl
        return int(ttl.total_seconds() * 1000)

    async def _end(self, job_id: JobId, act: Callable[[JobId], Awaitable[Job]]) -> None:
        """Resolve one job; its failure must not affect the others."""
        try:
            await act(job_id)
        except Exception as error:
            self._telemetry.metrics.worker_failed("crash_recovery")
            self._telemetry.log.exception("job.sweep_failed", job=job_id, error=error)
