"""Record how a job ended and what it cost: the acts behind every end and every correction."""

from dataclasses import dataclass, replace

from gateway.config.live import Live
from gateway.domain.audit import Actor, AuditedAct
from gateway.domain.errors import StorageFailed
from gateway.domain.job import Cause, Job, JobId, JobUpdate, Status
from gateway.domain.settlement import Basis, Settlement, settle
from gateway.domain.units import epoch_ms, usd_text
from gateway.domain.upstream import without_secrets
from gateway.ports import Clock, Transaction
from gateway.services import audit
from gateway.services.content import archive
from gateway.services.events.publish import EventPublisher
from gateway.services.money import reserve
from gateway.store import costs, dedupe, disputes, jobs
from gateway.store.jobs import Ending


@dataclass(frozen=True, slots=True)
class Change:
    """A job before and after an act. `ended` is the basis if this act ended the job."""

    before: Job
    after: Job
    ended: Basis | None = None
    crossings: tuple[reserve.Crossing, ...] = ()
    disputed: bool = False
    """Whether the act booked a cost far above the estimate."""


@dataclass(frozen=True, slots=True)
class Rebooking:
    """A cost that replaces the settled cost of an ended job. Money is in micro-dollars."""

    micros: int
    raw_cost: str | None
    is_byok: bool | None
    note: str
    by: str
    basis: Basis = Basis.ACTUAL


@dataclass(frozen=True, slots=True)
class JobEnder:
    """Ends jobs and corrects their costs. Every method runs inside a transaction."""

    live: Live
    clock: Clock
    publisher: EventPublisher

    def end(self, tx: Transaction, job: Job, ending: Ending) -> Change:
        """End the job with its settlement, event and archival; a later call changes nothing."""
        return self.settle(tx, job, ending, self._settlement(job, ending))

    def settle(self, tx: Transaction, job: Job, ending: Ending, settlement: Settlement) -> Change:
        """End the job with a given settlement; a later call changes nothing."""
        in_force, moment = self.live.current, self.clock.now()
        now = epoch_ms(moment)
        ending = _under_our_id(job, ending) if job.retain else _without_foreign_words(ending)
        if ending.error is not None:
            ending = replace(ending, error=without_secrets(ending.error, in_force.secrets))
        if not jobs.end(tx, job.id, replace(ending, cost_micros=settlement.micros), now=now):
            return Change(job, found(tx, job.id))
        crossed = reserve.close(
            tx,
            job.id,
            settlement,
            in_force.rules.budgets,
            raw_cost=ending.raw_cost,
            by=ending.cause.value,
            now=now,
        )
        if ending.status is not Status.COMPLETED:
            dedupe.release(tx, job.id)
        if ending.cause is Cause.REFUSED:
            dedupe.release_keys(tx, job.id)
        if settlement.basis is Basis.ACTUAL:
            self._learn_cost(tx, job, settlement.micros)
        ended = found(tx, job.id)
        archive.plan(tx, ended, self.live.content.mode, now=now)
        self.publisher.end(tx, ended, moment)
        self.publisher.crossings(tx, crossed, moment)
        disputed = settlement.basis is Basis.DISPUTED
        if disputed:
            self._dispute(tx, ended)
        return Change(job, ended, settlement.basis, tuple(crossed), disputed)

    def correct(self, tx: Transaction, job: Job, update: JobUpdate) -> Change:
        """Correct the cost of an ended job by a later update; its status does not change."""
        booking = self._later_cost(job, update)
        if booking is None:
            return Change(job, job)
        change = self.rebook(
            tx,
            job,
            booking,
            Actor(f"upstream {job.upstream}", "what it said of the job"),
            upstream_said=None if update.status is None else update.status.value,
        )
        # The job changed after it was read, perhaps by another update: read it again.
        return self.correct(tx, found(tx, job.id), update) if change is None else change

    def rebook(
        self, tx: Transaction, job: Job, booking: Rebooking, actor: Actor, **details: str | None
    ) -> Change | None:
        """Book a new cost of an ended job; None, without a booking, if the job has changed."""
        if not jobs.revise(tx, job, booking.micros, booking.raw_cost, is_byok=booking.is_byok):
            return None
        moment = self.clock.now()
        crossed = reserve.correct(
            tx,
            job.id,
            reserve.Correction(job.estimate_micros, job.cost_micros or 0, booking.micros),
            self.live.current.rules.budgets,
            raw_cost=booking.raw_cost,
            note=booking.note,
            by=booking.by,
            now=epoch_ms(moment),
        )
        self.publisher.crossings(tx, crossed, moment)
        audit.record(
            tx,
            AuditedAct.BUDGET_CORRECTED,
            actor,
            job.id,
            moment,
            team=job.team,
            was_usd=paid_usd(job),
            now_usd=usd_text(booking.micros),
            **details,
        )
        after = found(tx, job.id)
        if booking.basis is Basis.DISPUTED:
            self._dispute(tx, after)
            return Change(job, after, crossings=tuple(crossed), disputed=True)
        disputes.close(tx, job.id, booking.note, now=epoch_ms(moment))
        if booking.basis is Basis.ACTUAL:
            self._learn_cost(tx, job, booking.micros)
        return Change(job, after, crossings=tuple(crossed))

    def _settlement(self, job: Job, ending: Ending) -> Settlement:
        return settle(
            ending.status,
            ending.cause,
            raw_cost=ending.raw_cost,
            is_byok=ending.is_byok,
            estimate=job.estimate_micros,
            include_byok=self.live.config.pricing.include_byok,
        )

    def _later_cost(self, job: Job, update: JobUpdate) -> Rebooking | None:
        """Return how a later update changes the cost of an ended job; None: it does not.

        If there was no verdict, an update without a cost counts too: a failed job is free.
        """
        if update.status is None or not update.status.terminal:
            return None
        no_verdict = job.cause is not None and not job.cause.has_verdict and job.raw_cost is None
        if update.raw_cost is None and not (no_verdict and update.status is not Status.COMPLETED):
            return None
        if update.raw_cost is not None and update.raw_cost == job.raw_cost:
            return None
        ending = Ending(
            update.status, Cause.UPSTREAM, raw_cost=update.raw_cost, is_byok=update.is_byok
        )
        settlement = self._settlement(job, ending)
        cost = settlement.micros or 0
        if settlement.unreadable or settlement.basis is Basis.ASSUMED:
            return None
        if (cost, update.raw_cost) == (job.cost_micros, job.raw_cost):
            return None
        note = f"the upstream reported {update.status} after the job had ended"
        return Rebooking(
            cost, update.raw_cost, update.is_byok, note, Cause.UPSTREAM.value, settlement.basis
        )

    def _dispute(self, tx: Transaction, job: Job) -> None:
        """Open a dispute for an operator's decision, and publish its event."""
        moment = self.clock.now()
        cost = job.cost_micros or 0
        if disputes.open_one(tx, job.id, job.team, job.estimate_micros, cost, now=epoch_ms(moment)):
            self.publisher.disputed(tx, job, moment)

    def _learn_cost(self, tx: Transaction, job: Job, micros: int | None) -> None:
        """Record the upstream's cost for the estimates of similar jobs."""
        if micros and job.profile and job.catalog_micros:
            now = epoch_ms(self.clock.now())
            costs.learn(tx, job.profile, job.team, micros, job.catalog_micros, now=now)


def paid_usd(job: Job) -> str | None:
    """Return the cost as a decimal string of dollars; None if nothing was settled."""
    return None if job.cost_micros is None else usd_text(job.cost_micros)


def found(tx: Transaction, job_id: JobId) -> Job:
    """Return the job.

    Raises:
        StorageFailed: the job is not in the database.

    """
    job = jobs.find(tx, job_id)
    if job is None:
        raise StorageFailed(f"job {job_id} is not in the database")
    return job


def _under_our_id(job: Job, ending: Ending) -> Ending:
    """Replace the upstream's id in its error: clients know only the gateway's id of the job."""
    if ending.error is None or not job.upstream_id:
        return ending
    ours = ending.error.replace(job.upstream_id, job.id)
    return replace(ending, error=ours[:MOST_WORDS])


def _without_foreign_words(ending: Ending) -> Ending:
    """Drop the upstream's error of a job that is not retained, because it may quote the prompt.

    The response to the submit still contains it; a later poll gets the gateway's own text.
    """
    if ending.error is None or not ending.cause.has_verdict:
        return ending
    return replace(ending, error=_NOT_KEPT)


MOST_WORDS = 4000
"""Characters of an upstream's error that are stored, after ids in it have been replaced."""

_NOT_KEPT = "The upstream refused or failed the job; its message is not stored for this request."
