"""The act that makes a job: claimed, admitted, paid for and written, or none of it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gateway.domain.bounded_json import bounded_json
from gateway.domain.errors import Reason, Refused, StorageFailed
from gateway.domain.job import Job
from gateway.domain.units import epoch_ms
from gateway.ports import Transaction
from gateway.services.events.publish import EventPublisher
from gateway.services.money import reserve
from gateway.services.submission.decide import Decision
from gateway.services.submission.dedupe import DedupeResult, Identity, join
from gateway.services.submission.rate_limit import TrafficLimits, admit
from gateway.store import events, jobs

# Of one job. Who joins pays nothing and is not held to the team's rate, so without a bound one paid
# job could be made to call on any number of hosts, all of them in the transaction of its end.
_CALLBACKS = 1000

_MOST_BYTES = 16_384  # of the record of a decision


@dataclass(frozen=True, slots=True)
class Opening:
    """What is needed to write a job."""

    job: jobs.NewJob
    decision: Decision
    identity: Identity
    callback_url: str | None  # the client's own, checked


@dataclass(frozen=True, slots=True)
class Opened:
    """The job that was written, or the one that was joined."""

    job: Job
    dedupe: DedupeResult
    crossings: tuple[reserve.Crossing, ...] = ()


def open_job(tx: Transaction, opening: Opening, publisher: EventPublisher, now: datetime) -> Opened:
    """Write the job with its claim, its reservation and its first attempt, before anybody hears.

    Raises:
        Refused: a budget, the rate, the open jobs, or the callback_urls of the job that is joined
            leave no room; nothing remains of it.

    """
    new, decision = opening.job, opening.decision
    at = epoch_ms(now)
    held = join(tx, opening.identity, new.id, now=at)
    if held is not None:
        joined = _join(tx, held, opening, publisher, now)
        return Opened(joined, DedupeResult.HIT if joined.status.terminal else DedupeResult.JOINED)
    limits = decision.in_force.config.teams[new.team].limits
    bounds = TrafficLimits(limits.requests_per_minute, limits.concurrent_jobs)
    admit(tx, new.team, new.id, bounds, now=at)
    crossings = reserve.reserve(
        tx,
        reserve.Payer(new.id, new.team, new.key, new.model, new.canonical_slug),
        decision.budgets,
        decision.estimate_micros,
        by=f"key {new.key}",
        now=now,
    )
    record = _record(tx, decision, now)
    jobs.insert(tx, replace(new, decision=record))
    jobs.start_attempt(tx, new.id, 1, now=at)
    if opening.callback_url is not None:
        events.subscribe(tx, new.id, opening.callback_url, now=at)
    publisher.crossings(tx, crossings, now)
    job = jobs.find(tx, new.id)
    if job is None:
        raise StorageFailed("a job that was just written is not there")
    return Opened(job, DedupeResult(new.dedupe), tuple(crossings))


def _join(
    tx: Transaction, held: Job, opening: Opening, publisher: EventPublisher, now: datetime
) -> Job:
    """Each joiner's callback_url is a subscription; whoever comes after the end is told at once.

    `join` holds the job's row, so that its end is either seen here or sees the subscription.
    """
    url = opening.callback_url
    known = () if url is None else events.subscribed(tx, held.id)
    if url is not None and url not in known:
        if len(known) >= _CALLBACKS:
            raise _crowded(held)
        events.subscribe(tx, held.id, url, now=epoch_ms(now))
        if held.status.terminal:
            publisher.late_joiner(tx, held, url, now)
    return held


def _crowded(job: Job) -> Refused:
    allowed = f"at most {_CALLBACKS} callback_urls for one job, which identical requests share"
    details = {"field": "callback_url", "why": "too_many", "allowed": allowed}
    return Refused(
        Reason.INVALID_REQUEST,
        f"callback_url: job {job.id} has {allowed}. Poll it, or bring no callback_url.",
        {**details, "violations": [details]},
    )


def _record(tx: Transaction, decision: Decision, now: datetime) -> str:
    """The decision with the budgets as the reservation left them."""
    record: dict[str, Any] = decision.record() if decision.retain else decision.outline()
    rooms = reserve.headroom(tx, decision.budgets, 0, now)
    record["outcome"] = "accepted"
    record["budgets"] = [room.details() for room in rooms]
    return bounded_json(record, _MOST_BYTES)
