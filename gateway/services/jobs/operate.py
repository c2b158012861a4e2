"""Operator actions on one job: end it, settle it, accept a disputed cost. Audited, repeatable."""

from gateway.domain.audit import Actor, AuditedAct
from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Cause, Job, JobId, Status
from gateway.domain.settlement import Basis, Settlement
from gateway.domain.units import epoch_ms, usd_text
from gateway.ports import Clock, Database, Transaction
from gateway.services import audit
from gateway.services.jobs.end import Change, JobEnder, Rebooking
from gateway.services.jobs.track import Tracker
from gateway.store import disputes, jobs
from gateway.store.jobs import Ending

_BY = "operator"
_ENDED = "An operator of the gateway ended this job."


class JobOperator:
    """Each method is one transaction with an audit record. Amounts are micro-dollars."""

    def __init__(self, database: Database, clock: Clock, ender: JobEnder, tracker: Tracker) -> None:
        """Create the service; `tracker` caches and logs the changes."""
        self._database = database
        self._clock = clock
        self._ender = ender
        self._tracker = tracker

    async def end(self, job_id: str, cost: int | None, actor: Actor, reason: str) -> Job:
        """End an open job as failed. `cost` None settles at the estimate, 0 releases the money.

        A later cost from the upstream still corrects the amount. A job that an operator has already
        ended stays unchanged.

        Raises:
            Refused: JOB_NOT_FOUND, or ALREADY_ENDED by another cause.
            StorageFailed: nothing changed, or the outcome is unknown.

        """

        def act(tx: Transaction) -> Change:
            before = _found(tx, job_id)
            if before.cause is Cause.OPERATOR:
                return Change(before, before)
            if before.status.terminal:
                raise _already_ended(before)
            micros = before.estimate_micros if cost is None else cost
            settlement = Settlement(micros or None, Basis.DECIDED, reason)
            ending = Ending(Status.FAILED, Cause.OPERATOR, error=_ENDED)
            change = self._ender.settle(tx, before, ending, settlement)
            if change.ended is not None:
                self._record(tx, AuditedAct.JOB_ENDED, actor, change.after, reason, before)
            return change

        return self._tracker.note(await self._database.write(act))

    async def settle(self, job_id: str, cost: int | None, actor: Actor, reason: str) -> Job:
        """Settle an ended job with an unconfirmed or disputed cost. `cost` None accepts the cost.

        Raises:
            Refused: JOB_NOT_FOUND, or NOT_SETTLEABLE: the job is open, or its cost is undisputed.
            StorageFailed: nothing changed, or the outcome is unknown.

        """

        def act(tx: Transaction) -> Change:
            return self._settle(tx, job_id, cost, actor, reason)

        return self._tracker.note(await self._database.write(act))

    def _settle(
        self, tx: Transaction, job_id: str, cost: int | None, actor: Actor, reason: str
    ) -> Change:
        job = _found(tx, job_id)
        disputed = disputes.is_open(tx, job.id)
        if cost is None or cost == job.cost_micros:
            if disputed:
                disputes.close(tx, job.id, f"accepted: {reason}", now=epoch_ms(self._clock.now()))
                self._record(tx, AuditedAct.BILL_ACCEPTED, actor, job, reason)
            elif cost is None or not job.status.terminal:
                raise _not_settleable(job)
            return Change(job, job)
        if not (job.status.terminal and (disputed or job.raw_cost is None)):
            raise _not_settleable(job)
        booking = Rebooking(cost, job.raw_cost, job.is_byok, reason, _BY, Basis.DECIDED)
        change = self._ender.rebook(tx, job, booking, actor, reason=reason)
        # The job changed after it was read: decide again.
        return self._settle(tx, job_id, cost, actor, reason) if change is None else change

    def _record(
        self,
        tx: Transaction,
        act: AuditedAct,
        actor: Actor,
        job: Job,
        reason: str,
        before: Job | None = None,
    ) -> None:
        audit.record(
            tx,
            act,
            actor,
            job.id,
            self._clock.now(),
            team=job.team,
            reason=reason,
            was=None if before is None else before.status.value,
            cost_usd=usd_text(job.cost_micros or 0),
        )


def _found(tx: Transaction, job_id: str) -> Job:
    job = jobs.find(tx, JobId(job_id))
    if job is None:
        raise Refused(Reason.JOB_NOT_FOUND, f"Job {job_id[:100]} not found")
    return job


def _already_ended(job: Job) -> Refused:
    return Refused(
        Reason.ALREADY_ENDED,
        f"Job {job.id} is already {job.status.value}. If its cost is unconfirmed, settle it"
        " instead.",
        {"status": job.status.value},
    )


def _not_settleable(job: Job) -> Refused:
    state = (
        "the upstream has reported its cost, and the cost is not disputed"
        if job.status.terminal
        else "it has not ended; end it first"
    )
    return Refused(
        Reason.NOT_SETTLEABLE,
        f"Job {job.id} can't be settled by hand: {state}.",
        {"status": job.status.value},
    )
