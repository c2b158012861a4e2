"""Poll open jobs, which guarantees every end; webhooks are only faster."""

import random
from collections import Counter
from collections.abc import Mapping

from gateway.config.live import Live
from gateway.domain.job import JobUpdate, new_token
from gateway.domain.units import epoch_ms
from gateway.domain.upstream import Missing, PollOutcome, Unanswered
from gateway.ports import Clock, Database, Transaction, Upstream
from gateway.services.jobs.poll_schedule import PollSchedule
from gateway.services.jobs.track import Tracker
from gateway.services.tasks import Tasks
from gateway.store import polling
from gateway.store.polling import PollLease
from gateway.telemetry.bundle import Telemetry

_IDLE = 0.25  # seconds between two checks for due polls
_BUSY = 0.02  # seconds, if more polls were due than could be started
_AT_ONCE = 50  # running polls of one upstream in one process
_JITTER = 0.1  # of the delay, so that jobs of the same time spread out
_LEASE_FACTOR = (
    4  # a lease lasts much longer than a poll's timeout (docs/reliability.md, section 0)
)


class Poller:
    """Leases due polls, sends them, records the answers, and schedules the next ones."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        source: random.Random,
        upstreams: Mapping[str, Upstream],
        live: Live,
        cadence: PollSchedule,
        tracker: Tracker,
        telemetry: Telemetry,
    ) -> None:
        """A Loop runs `step`."""
        self._database = database
        self._clock = clock
        self._random = source
        self._upstreams = upstreams
        self._live = live
        self._cadence = cadence
        self._tracker = tracker
        self._telemetry = telemetry
        self._tasks = Tasks(self._failed)
        self._under_way: Counter[str] = Counter()

    @property
    def under_way(self) -> int:
        """The number of running polls."""
        return len(self._tasks)

    async def step(self) -> float:
        """Start due polls if there is room; return the seconds until the next check."""
        now = self._now()
        if not await self._database.read(lambda tx: polling.poll_due(tx, now=now)):
            return _IDLE
        leases = await self._database.write(self._lease)
        for lease in leases:
            self._under_way[lease.job.upstream] += 1
            self._tasks.spawn(self._follow(lease), f"poll {lease.job.id}")
        full = leases and max(self._under_way.values()) >= _AT_ONCE
        return _BUSY if full else _IDLE

    async def drain(self, seconds: float) -> None:
        """Wait at most so many seconds for the running polls, then cut them off.

        A poll that was cut off is made again when its lease expires.
        """
        await self._tasks.drain(seconds)

    async def close(self) -> None:
        """Cut off the running polls."""
        await self.drain(0)

    def _lease(self, tx: Transaction) -> list[PollLease]:
        now = self._now()
        timeouts = [u.timeout.poll.total_seconds() for u in self._live.config.upstreams.values()]
        until = now + int(max(timeouts) * _LEASE_FACTOR * 1000)
        token = new_token(self._random)
        leases: list[PollLease] = []
        for name in polling.upstreams_due(tx, now=now):
            room = _AT_ONCE - self._under_way[name]
            if room > 0:
                leases += polling.lease_polls(
                    tx, now=now, until=until, token=token, limit=room, upstream=name
                )
        return leases

    async def _follow(self, lease: PollLease) -> None:
        """Poll one job, in the trace of its submit; its failure must not affect the others."""
        job = lease.job
        try:
            with self._telemetry.work("job.poll", job.request_id, job.traceparent) as span:
                span.set(job=job.id, polls=lease.polls)
                await self._poll(lease)
        finally:
            self._under_way[job.upstream] -= 1

    async def _poll(self, lease: PollLease) -> None:
        try:
            outcome = await self._ask(lease)
            if isinstance(outcome, JobUpdate):
                job = await self._tracker.learned(lease.job.id, outcome)
                if job.status.terminal:
                    return
            else:
                self._log_failure(lease, outcome)
                if isinstance(outcome, Missing) and self._is_lost(lease):
                    await self._tracker.forgotten(lease.job.id)
                    return
            await self._plan(lease, outcome)
        except Exception as error:
            self._telemetry.log.exception(
                "job.poll_failed", job=lease.job.id, error=type(error).__name__
            )

    async def _ask(self, lease: PollLease) -> PollOutcome:
        upstream = self._upstreams.get(lease.job.upstream)
        if upstream is None or lease.job.upstream_id is None:
            return Unanswered("its upstream is not configured")
        return await upstream.poll(lease.job.upstream_id)

    def _is_lost(self, lease: PollLease) -> bool:
        """Return whether the upstream has not known the job for `lost_after`."""
        config = self._live.config.upstreams.get(lease.job.upstream)
        if config is None or lease.missing_since is None:
            return False
        return self._now() - lease.missing_since >= config.lost_after.total_seconds() * 1000

    def _log_failure(self, lease: PollLease, outcome: Missing | Unanswered) -> None:
        self._telemetry.log.warning(
            "job.poll_failed",
            job=lease.job.id,
            upstream=lease.job.upstream,
            polls=lease.polls,
            why="missing" if isinstance(outcome, Missing) else outcome.why,
        )

    async def _plan(self, lease: PollLease, outcome: PollOutcome) -> None:
        jitter = self._random.uniform(1 - _JITTER, 1 + _JITTER)

        def act(tx: Transaction) -> bool:
            if isinstance(outcome, Missing):
                polling.mark_missing(tx, lease.job.id, now=self._now())
            elif isinstance(outcome, JobUpdate) and lease.missing_since is not None:
                polling.mark_found(tx, lease.job.id)
            delay = self._cadence.delay(tx, lease.job.upstream, lease.polls + 1) * jitter
            return polling.reschedule(tx, lease, next_poll_at=self._now() + int(delay * 1000))

        if not await self._database.write(act):
            self._telemetry.metrics.lease_lost("poller")

    def _failed(self, name: str, error: BaseException) -> None:
        self._telemetry.log.error("task.failed", task=name, error=error)

    def _now(self) -> int:
        return epoch_ms(self._clock.now())
