"""Create a job in one transaction: dedupe claim, traffic limits, reservation and row."""

from dataclasses import dataclass, replace
from datetime import datetime

from gateway.domain.decision_record import SharedRecord, own_record
from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Job, new_token
from gateway.domain.sealed_url import seal_url
from gateway.domain.units import epoch_ms
from gateway.ports import Transaction
from gateway.services.events.publish import EventPublisher
from gateway.services.money import reserve
from gateway.services.submission.decide import Decision
from gateway.services.submission.dedupe import DedupeResult, Identity, join
from gateway.services.submission.rate_limit import TrafficLimits, admit
from gateway.store import callback_keys, decisions, events, jobs

# Per job. Joining costs nothing and is not rate-limited, so without a limit one paid job could
# notify any number of hosts, all of them in the transaction of its end.
_CALLBACKS = 1000


@dataclass(frozen=True, slots=True)
class Opening:
    """The input for creating a job."""

    job: jobs.NewJob
    decision: Decision
    identity: Identity
    callback_url: str | None  # the client's own, checked
    record: SharedRecord
    record_is_stored: bool


@dataclass(frozen=True, slots=True)
class Opened:
    """The created job, or the joined one."""

    job: Job
    dedupe: DedupeResult
    crossings: tuple[reserve.Crossing, ...] = ()
    applied_defaults: tuple[str, ...] = ()


def open_job(tx: Transaction, opening: Opening, publisher: EventPublisher, now: datetime) -> Opened:
    """Create the job with its claim, reservation and first attempt, before it is sent.

    Raises:
        Refused: a limit is exceeded: a budget, the rate, the open jobs, or the callback URLs of
            the joined job. The transaction must roll back.

    """
    new, decision = opening.job, opening.decision
    at = epoch_ms(now)
    held = join(tx, opening.identity, new.id, now=at)
    if held is not None:
        joined = _join(tx, held, opening, publisher, now)
        result = DedupeResult.HIT if joined.status.terminal else DedupeResult.JOINED
        return Opened(joined, result, applied_defaults=decision.call.applied_defaults)
    limits = decision.in_force.config.teams[new.team].limits
    bounds = TrafficLimits(limits.requests_per_minute, limits.concurrent_jobs)
    admit(tx, new.team, new.id, bounds, now=at)
    reserved = reserve.reserve(
        tx,
        reserve.Payer(new.id, new.team, new.key, new.model, new.canonical_slug),
        decision.budgets,
        decision.estimate_micros,
        by=f"key {new.key}",
        now=now,
    )
    if not opening.record_is_stored:
        decisions.keep(tx, opening.record.id, opening.record.text, now=at)
    own = own_record(opening.record.id, reserved.windows)
    job = jobs.insert(tx, replace(new, decision=own))
    if opening.callback_url is not None:
        url = _stored_url(tx, job, opening.callback_url, publisher)
        events.subscribe(tx, new.id, url, now=at)
    publisher.crossings(tx, reserved.crossings, now)
    return Opened(
        job,
        DedupeResult(new.dedupe),
        tuple(reserved.crossings),
        decision.call.applied_defaults,
    )


def _join(
    tx: Transaction, held: Job, opening: Opening, publisher: EventPublisher, now: datetime
) -> Job:
    """Subscribe the joiner's callback URL; if the job has ended, deliver its event now.

    `join` has locked the job's row, so a concurrent end is either visible here or sees the
    subscription.
    """
    url = opening.callback_url
    if url is not None:
        url = _stored_url(tx, held, url, publisher)
    known = () if url is None else events.subscribed(tx, held.id)
    if url is not None and url not in known:
        if len(known) >= _CALLBACKS:
            raise _crowded(held)
        events.subscribe(tx, held.id, url, now=epoch_ms(now))
        if held.status.terminal:
            publisher.late_joiner(tx, held, url, now)
    return held


def _stored_url(tx: Transaction, job: Job, url: str, publisher: EventPublisher) -> str:
    """Return the callback URL as it may be stored (docs/architecture.md, rule 6)."""
    if job.retain:
        return url
    key = callback_keys.obtain(tx, job.id, new_token(publisher.source))
    return seal_url(url, key, job.id)


def _crowded(job: Job) -> Refused:
    allowed = f"at most {_CALLBACKS} callback_urls for one job, which identical requests share"
    details = {"field": "callback_url", "why": "too_many", "allowed": allowed}
    return Refused(
        Reason.INVALID_REQUEST,
        f"callback_url: job {job.id} has too many; allowed: {allowed}. Leave callback_url out and"
        " poll the job.",
        {**details, "violations": [details]},
    )
