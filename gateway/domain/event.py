"""Events: facts published to subscribers, in OpenRouter's envelope.

See docs/openrouter-contract.md section 7.
"""

import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

import orjson
import rfc8785

from gateway.domain.job import Job, Status
from gateway.domain.text import storable
from gateway.domain.units import usd_text

VIDEO_EVENTS = "video.generation.*"
BUDGET_THRESHOLD = "budget.threshold"
BILL_DISPUTED = "bill.disputed"
ENDPOINT_DISABLED = "endpoint.disabled"
PING = "ping"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. Every endpoint, attempt and replay gets the same id.

    `body` is serialised once and stored: every attempt sends and signs the same bytes.
    """

    id: str
    type: str
    created_at: datetime
    team: str | None  # None: the organisation's, hidden from teams
    job_id: str | None
    idempotency_key: str  # `X-OpenRouter-Idempotency-Key`
    body: bytes


class DisabledBecause(StrEnum):
    """Why an endpoint was disabled. The values are stable."""

    GONE = "gone"  # it answered 410
    FAILING = "failing"  # days of uninterrupted failures


@dataclass(frozen=True, slots=True)
class ThresholdFacts:
    """A budget window at the moment when it crossed a threshold."""

    team: str | None  # None: an organisation-wide budget
    period: str
    threshold: float  # share of the limit, as configured: 0.8
    limit_micros: int
    spent_micros: int
    reserved_micros: int
    resets_at: datetime | None  # None: the period `total` never resets
    models: tuple[str, ...] = ()  # globs; empty: all
    key: str | None = None


def new_event_id(source: random.Random) -> str:
    """Return a new id without dots, because dots separate it in the signed text.

    It is unpredictable if `source` is.
    """
    return "evt_" + "".join(source.choices(string.ascii_letters + string.digits, k=24))


def job_ended(event_id: str, job: Job, urls: Sequence[str], at: datetime) -> Event:
    """Return a terminal job's one event, under the gateway's id. `urls` link to its outputs.

    The fields are OpenRouter's: links and usage for `completed`, an error for the other statuses,
    and nothing else. Unknown fields are left out, never null.

    Raises:
        ValueError: the job has not ended.

    """
    if not job.status.terminal:
        raise ValueError(f"job {job.id} has not ended")
    data: dict[str, Any] = {
        "id": job.id,
        "status": job.status.on_the_wire,
        "generation_id": job.id,
        "model": job.model,
    }
    if job.status is Status.COMPLETED:
        data["unsigned_urls"] = list(urls)
        if job.usage is not None:
            data["usage"] = job.usage
    else:
        data["error"] = storable(job.error or UNEXPLAINED[job.status])
    kind = f"video.generation.{job.status}"
    return _event(event_id, kind, at, data, job.team, job.id, f"{job.id}-{job.status}")


def threshold_crossed(event_id: str, facts: ThresholdFacts, at: datetime) -> Event:
    """Return a budget alert with the window's amounts, dollars as decimal strings."""
    data = {
        "team": facts.team,
        "key": facts.key,
        "models": list(facts.models) or None,
        "period": facts.period,
        "threshold": facts.threshold,
        "limit_usd": usd_text(facts.limit_micros),
        "spent_usd": usd_text(facts.spent_micros),
        "reserved_usd": usd_text(facts.reserved_micros),
        "resets_at": facts.resets_at and _iso(facts.resets_at),
    }
    return _event(event_id, BUDGET_THRESHOLD, at, data, facts.team)


def bill_disputed(event_id: str, job: Job, at: datetime) -> Event:
    """Return the event of a cost far above its estimate, which an operator accepts or corrects."""
    data = {
        "team": job.team,
        "job": job.id,
        "model": job.model,
        "estimate_usd": usd_text(job.estimate_micros),
        "cost_usd": usd_text(job.cost_micros or 0),
    }
    return _event(event_id, BILL_DISPUTED, at, data, job.team)


def endpoint_disabled(
    event_id: str,
    endpoint: str,
    team: str | None,
    because: DisabledBecause,
    failing_since: datetime | None,
    at: datetime,
) -> Event:
    """Return the event that an endpoint was disabled: its name, without its URL."""
    data = {
        "endpoint": endpoint,
        "team": team,
        "reason": because.value,
        "failing_since": failing_since and _iso(failing_since),
    }
    return _event(event_id, ENDPOINT_DISABLED, at, data, team)


def ping(event_id: str, endpoint: str, team: str | None, at: datetime) -> Event:
    """Return a test event for one endpoint. It ignores the endpoint's filters."""
    return _event(event_id, PING, at, {"endpoint": endpoint}, team)


def matches(patterns: Sequence[str], event_type: str) -> bool:
    """Return whether any of a subscriber's globs matches the type; `*` also matches dots."""
    return any(fnmatchcase(event_type, pattern) for pattern in patterns)


def wants(
    event: Event,
    *,
    patterns: Sequence[str],
    team: str | None,
    unless_callback: bool,
    has_callback: bool,
) -> bool:
    """Return whether a configured subscriber gets the event.

    `team` owns the subscriber; None means the organisation, which gets the events of every team. A
    team's subscriber never gets the events of another team or of the organisation. With
    `unless_callback` it gets no job event if the request had its own `callback_url`
    (`has_callback`); other events are not affected.
    """
    if team is not None and team != event.team:
        return False
    if unless_callback and has_callback and matches([VIDEO_EVENTS], event.type):
        return False
    return matches(patterns, event.type)


# OpenRouter always sends an `error` with these statuses. The gateway's default texts:
UNEXPLAINED: Mapping[Status, str] = {
    Status.FAILED: "The video generation failed; the provider gave no reason.",
    Status.CANCELLED: "The video generation was cancelled.",
    Status.EXPIRED: "The video generation ran past its time to live.",
}


def _event(
    event_id: str,
    kind: str,
    at: datetime,
    data: Mapping[str, Any],
    team: str | None,
    job_id: str | None = None,
    idempotency_key: str | None = None,
) -> Event:
    envelope = {
        "type": kind,
        "created_at": _iso(at),
        "data": {name: value for name, value in data.items() if value is not None},
    }
    body = orjson.dumps(as_javascript(envelope))
    return Event(event_id, kind, at, team, job_id, idempotency_key or event_id, body)


def _iso(moment: datetime) -> str:
    """Format as ISO 8601 in UTC with milliseconds and Z, as OpenRouter does."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def as_javascript(value: Any) -> Any:
    """Return the JSON value with every float formatted as JavaScript does: `1`, not `1.0`.

    A JavaScript receiver that parses and reserialises a body then gets the signed bytes. The rules
    are ECMAScript's Number::toString (RFC 8785 section 3.2.2.3).
    """
    if isinstance(value, float):
        return orjson.Fragment(rfc8785.dumps(value))
    if isinstance(value, Mapping):
        return {key: as_javascript(member) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [as_javascript(item) for item in value]
    return value
