"""The only writer of a job's status, for submits, polls, webhooks and crash recovery.

`Tracker` runs the acts over a `Transaction`, caches the resulting job and logs one line about it.
"""

from collections.abc import Callable

from gateway.config.live import Live
from gateway.domain.errors import GatewayError, StorageFailed
from gateway.domain.job import Cause, Job, JobId, JobUpdate, Status
from gateway.domain.settlement import Basis
from gateway.domain.units import epoch_ms
from gateway.domain.upstream import Accepted, Declined, NotSent, Unclear, masked
from gateway.ports import Clock, Database, Transaction
from gateway.services.events.publish import EventPublisher, note_crossings
from gateway.services.job_cache import JobCache
from gateway.services.jobs.end import MOST_WORDS, Change, JobEnder, found, paid_usd
from gateway.services.jobs.poll_schedule import PollSchedule
from gateway.store import attempts, inbox, jobs
from gateway.store.jobs import Ending
from gateway.telemetry.bundle import Telemetry

_INSIST_FIRST, _INSIST_MAX = 0.1, 5.0  # seconds between attempts to write what must not be lost


class OtherJob(GatewayError):
    """An update belongs to another job than the one it was reported for."""


class Tracker:
    """Writes updates of jobs. Each method is one transaction and safe to repeat."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        job_cache: JobCache,
        live: Live,
        publisher: EventPublisher,
        telemetry: Telemetry,
        *,
        booked: Callable[[], None] = lambda: None,
    ) -> None:
        """Create a tracker; `publisher` writes the events, `booked` is called after a cost is."""
        self._booked = booked
        self._database = database
        self._clock = clock
        self._job_cache = job_cache
        self._live = live
        self._publisher = publisher
        self._telemetry = telemetry
        self._cadence = PollSchedule(live, publisher.links)
        self._ender = JobEnder(live, clock, publisher)

    async def accepted(self, job: Job, attempt: int, outcome: Accepted) -> Job:
        """Record the upstream's acceptance; retry until it is written, because the id is paid for.

        If another job already has the id, the job becomes unknown: the id does not identify it.
        """
        upstream_id = outcome.upstream_id

        def act(tx: Transaction) -> Job:
            attempts.finish(tx, job, attempt, "accepted", None)
            running = outcome.status is Status.IN_PROGRESS
            first = Status.IN_PROGRESS if running else Status.PENDING
            bound = self._bind(tx, job, upstream_id, first)
            if bound is not None:
                return bound
            known = jobs.find_by_upstream_id(tx, job.upstream, upstream_id)
            if known is None:
                jobs.identify(tx, job.id, upstream_id)
            elif known.id != job.id:
                jobs.lose(tx, job.id, now=self._now())
            elif running:
                jobs.progress(tx, job.id, outcome.status)
            return found(tx, job.id)

        after = await self._insist(act)
        if after.upstream_id != upstream_id:
            self._telemetry.metrics.outcome_unknown(job.upstream)
            self._telemetry.log.error("job.id_taken", job=job.id, upstream_id=upstream_id)
            return after
        self._log("job.submitted", after, upstream_id=outcome.upstream_id, attempt=attempt)
        return after

    async def refused(
        self,
        job: Job,
        attempt: int,
        outcome: Declined | NotSent,
        message: str,
        *,
        told: Callable[[], bool],
    ) -> Job:
        """End a definitely refused job without cost; an identical request may be submitted again.

        `told` returns whether a client already got the job's id. It is called at each attempt to
        write, because the client may get its response while the database is unavailable.
        """
        ending = Ending(Status.FAILED, Cause.REFUSED, error=message)
        word = "refused" if isinstance(outcome, Declined) else "not_sent"
        detail = str(outcome.status) if isinstance(outcome, Declined) else outcome.why

        def act(tx: Transaction) -> Job:
            attempts.finish(tx, job, attempt, word, detail)
            if told():
                jobs.announce(tx, job.id)
            # If the job has ended by timeout meanwhile, the refusal corrects its cost to nothing.
            ended = self._ender.end(tx, job, ending).after
            return self._ender.correct(tx, ended, JobUpdate(Status.FAILED)).after

        after = await self._insist(act)
        self._log("job.refused", after, outcome=word, detail=detail, attempt=attempt)
        return after

    async def lost(self, job: Job, attempt: int, outcome: Unclear) -> Job:
        """Mark a job without a definite answer as unknown; it keeps its reservation."""

        def act(tx: Transaction) -> Job:
            attempts.finish(tx, job, attempt, "unknown", outcome.why)
            jobs.lose(tx, job.id, now=self._now())
            return found(tx, job.id)

        after = await self._insist(act)
        if after.status is Status.UNKNOWN:  # a webhook may have updated it meanwhile
            self._telemetry.metrics.outcome_unknown(job.upstream)
            self._log("job.unknown", after, why=outcome.why, attempt=attempt)
        return after

    async def learned(self, job_id: JobId, news: JobUpdate) -> Job:
        """Apply a poll's update; if another process applied it first, nothing changes."""

        def act(tx: Transaction) -> Change:
            change = self._learn(tx, found(tx, job_id), news)
            if change.ended is not None and self._cadence.expects_webhooks(change.after.upstream):
                inbox.expect(tx, job_id, change.after.upstream, now=self._now())
            return change

        return self.note(await self._database.write(act))

    def told(self, tx: Transaction, job: Job, upstream_id: str, news: JobUpdate) -> Change:
        """Apply a verified webhook's update in a transaction; pass the result to `note` afterwards.

        A job whose submit has no answer yet gets the upstream's id. A job that has ended without an
        id keeps its end and gets the id for the record.

        Raises:
            OtherJob: the upstream knows this job by another id.

        """
        if job.upstream_id is None:
            if not self._bind(tx, job, upstream_id):
                jobs.identify(tx, job.id, upstream_id)
            job = found(tx, job.id)
        if job.upstream_id != upstream_id:
            raise OtherJob(job.id)
        return self._learn(tx, job, news)

    def note(self, change: Change) -> Job:
        """Cache, count and log a change; call it after the transaction is durable."""
        before, after = change.before, change.after
        self._job_cache.put(after)
        note_crossings(self._telemetry, change.crossings)
        if change.disputed or change.ended is Basis.DISPUTED:
            self._telemetry.log.warning(
                "job.cost_disputed", job=after.id, upstream_said=(after.raw_cost or "")[:40]
            )
        if after.cost_micros not in (before.cost_micros, before.estimate_micros):
            self._booked()
        if change.ended is not None:
            self._ended(after, change.ended)
        elif before.status.terminal and after.cost_micros != before.cost_micros:
            self._log("job.corrected", after, cost_usd=paid_usd(after), was_usd=paid_usd(before))
        return after

    async def assumed(self, job_id: JobId) -> Job:
        """Fail a job that is unknown past `unknown_ttl`: settled at its estimate, as assumed."""

        def act(tx: Transaction) -> Change:
            before = found(tx, job_id)
            if before.status is not Status.UNKNOWN:
                return Change(before, before)
            ending = Ending(Status.FAILED, Cause.ASSUMED, error=_NEVER_LEARNED)
            return self._ender.end(tx, before, ending)

        change = await self._database.write(act)
        with self._telemetry.work("job.assumed", change.after.request_id, change.after.traceparent):
            return self.note(change)

    async def forgotten(self, job_id: JobId) -> Job:
        """Fail a job that its upstream no longer knows: settled at its estimate."""

        def act(tx: Transaction) -> Change:
            before = found(tx, job_id)
            if before.status.terminal:
                return Change(before, before)
            return self._ender.end(tx, before, Ending(Status.FAILED, Cause.LOST, error=_FORGOTTEN))

        return self.note(await self._database.write(act))

    async def orphaned(self, job_id: JobId) -> Job:
        """Resolve a job whose process crashed: refused if that is recorded, otherwise unknown.

        A process may stop while it waits to retry a refused submit.
        """

        def act(tx: Transaction) -> tuple[bool, Change]:
            if jobs.lock_submitting(tx, job_id) and attempts.last_refused(tx, job_id):
                jobs.announce(tx, job_id)
                ending = Ending(Status.FAILED, Cause.REFUSED, error=_REFUSED_BEFORE_THE_END)
                return False, self._ender.end(tx, found(tx, job_id), ending)
            before = found(tx, job_id)
            lost = jobs.lose(tx, job_id, now=self._now())
            return lost, Change(before, found(tx, job_id))

        changed, change = await self._database.write(act)
        after = self.note(change)
        if changed:
            self._telemetry.metrics.outcome_unknown(after.upstream)
            with self._telemetry.work("job.orphaned", after.request_id, after.traceparent):
                self._log("job.unknown", after, why="the process that sent it stopped")
        return after

    async def _insist(self, act: Callable[[Transaction], Job]) -> Job:
        """Write, and retry until the database accepts it.

        Only for background work. If the process stops first, the job's lease expires and crash
        recovery makes the job unknown.
        """
        delay = _INSIST_FIRST
        while True:
            try:
                after = await self._database.write(act)
            except StorageFailed as error:
                self._telemetry.log.error("job.write_failed", error=error)
                await self._clock.sleep(delay)
                delay = min(delay * 2, _INSIST_MAX)
            else:
                self._job_cache.put(after)
                return after

    def _bind(
        self, tx: Transaction, job: Job, upstream_id: str, status: Status = Status.PENDING
    ) -> Job | None:
        delay = self._cadence.delay(tx, job.upstream, 0)
        next_poll_at = self._now() + int(delay * 1000)
        return jobs.bind(tx, job.id, upstream_id, next_poll_at=next_poll_at, status=status)

    def _learn(self, tx: Transaction, job: Job, news: JobUpdate) -> Change:
        """Apply an upstream's update of a job."""
        if news.status is None:
            return Change(job, job)
        if job.status.terminal:
            return self._ender.correct(tx, job, news)
        if not news.status.terminal:
            jobs.progress(tx, job.id, news.status)
            return Change(job, found(tx, job.id))
        ending = Ending(
            status=news.status,
            cause=Cause.UPSTREAM,
            error=None if news.status is Status.COMPLETED else _for_clients(news.error, job),
            raw_cost=news.raw_cost,
            is_byok=news.is_byok,
            outputs=news.outputs,
            copy_expires_at=news.copy_expires_at,
        )
        change = self._ender.end(tx, job, ending)
        if change.ended is not None:
            return change
        # Another process ended the job after it was read, perhaps with an earlier cost.
        return self._ender.correct(tx, change.after, news)

    def _now(self) -> int:
        return epoch_ms(self._clock.now())

    def _ended(self, job: Job, basis: Basis) -> None:
        seconds = ((job.ended_at or job.created_at) - job.created_at) / 1000
        self._telemetry.metrics.job_ended(job.team, job.model, job.status.value, seconds)
        if job.cost_micros is not None:
            self._telemetry.metrics.job_settled(job.team, job.model, basis, job.cost_micros)
            if job.estimate_micros and job.cost_micros and basis is Basis.ACTUAL:
                ratio = job.cost_micros / job.estimate_micros
                self._telemetry.metrics.estimate_error(job.model, ratio)
        self._log(
            "job.ended", job, cause=job.cause, cost_usd=paid_usd(job), basis=basis, seconds=seconds
        )

    def _log(self, event: str, job: Job, **facts: object) -> None:
        self._telemetry.log.info(
            event,
            job=job.id,
            team=job.team,
            model=job.model,
            upstream=job.upstream,
            status=job.status.value,
            request_id=job.request_id,
            **facts,
        )


_REFUSED_BEFORE_THE_END = (
    "The upstream refused the submission, and the gateway stopped before it could retry."
    " Nothing was charged; send the request again."
)
_FORGOTTEN = (
    "The upstream no longer knows this job: it has answered every poll with 404 for longer than the"
    " gateway waits. The estimate is charged unless the upstream reports another cost."
)
_NEVER_LEARNED = "The outcome of the submission is unknown: the upstream never reported one."


def _for_clients(error: str | None, job: Job) -> str | None:
    """Replace the upstream's id of the job by the gateway's in an error text."""
    if error is None or not job.upstream_id:
        return error
    return str(masked(error, {job.upstream_id: job.id}))[:MOST_WORDS]
