"""The stored record of an accepted submit: a part that many jobs share, and a job's own part.

Requests that differ only in their prompt have the same rules, price and outcome. A job stores the
id of that shared part, and the state of each budget's window after its reservation.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import orjson

from gateway.domain.bounded_json import bounded_json
from gateway.domain.budget import Budget, Headroom, Period
from gateway.domain.units import Micros, from_epoch_ms

_MOST_BYTES: Final = 16_384  # of the shared part
_SHARED: Final = "shared"


@dataclass(frozen=True, slots=True)
class SharedRecord:
    """The shared part as JSON. Its id includes the day, so that each day has its own copy."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class WindowState:
    """A budget's window after a job's reservation; money in micro-dollars, times in epoch ms."""

    budget_id: str
    period: Period
    starts_at: int
    ends_at: int | None
    limit: int
    spent: int
    reserved: int


def shared_record(record: Mapping[str, Any], day: date) -> SharedRecord:
    """Return the shared part of a decision made on this day (UTC)."""
    text = bounded_json({**record, "outcome": "accepted"}, _MOST_BYTES)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return SharedRecord(f"{day:%Y%m%d}-{digest[:32]}", text)


def own_record(shared_id: str, windows: Iterable[WindowState]) -> str:
    """Return a job's own part as JSON."""
    states = [
        [w.budget_id, w.period.value, w.starts_at, w.ends_at, w.limit, w.spent, w.reserved]
        for w in windows
    ]
    return orjson.dumps({_SHARED: shared_id, "budgets": states}).decode()


def whole_record(text: str, find: Callable[[str], str | None]) -> dict[str, Any]:
    """Return the whole record of a job, as operators see it.

    `find` returns a shared part by its id, None if retention has deleted it. Records of versions
    before 0.2 are whole as they are stored.
    """
    own: dict[str, Any] = orjson.loads(text)
    if _SHARED not in own:
        return own
    found = find(own[_SHARED])
    shared = {"outcome": "accepted"} if found is None else orjson.loads(found)
    return {**shared, "budgets": [_details(state) for state in own["budgets"]]}


def _details(state: list[Any]) -> dict[str, Any]:
    budget_id, period, starts_at, ends_at, limit, spent, reserved = state
    room = Headroom(
        budget=Budget(Period(period), Micros(limit)),
        starts_at=from_epoch_ms(starts_at),
        resets_at=None if ends_at is None else from_epoch_ms(ends_at),
        spent=spent,
        reserved=reserved,
        estimate=0,
    )
    return {**room.details(), "budget": budget_id}
