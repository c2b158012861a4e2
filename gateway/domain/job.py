"""The job: one paid upstream generation, and what can be learned of it."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, NewType

from gateway.domain.units import Micros, micros_nearest

JobId = NewType("JobId", str)
"""`gen-vid-<unix seconds>-<20 alphanumerics>`, minted by the gateway.

See docs/openrouter-contract.md section 2.
"""

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Status(StrEnum):
    """Where a job stands (docs/architecture.md, one job's life)."""

    SUBMITTING = "submitting"  # written, with its reservation, before the upstream hears of it
    UNKNOWN = "unknown"  # the request left and no definite answer came back; never sent again
    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def terminal(self) -> bool:
        """Whether this is an end; an end is final."""
        return self in _TERMINAL

    @property
    def on_the_wire(self) -> str:
        """The status as OpenRouter's clients know it: the gateway's own two are `pending`."""
        return "pending" if self in (Status.SUBMITTING, Status.UNKNOWN) else self.value


_TERMINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.EXPIRED})
OPEN = tuple(status for status in Status if not status.terminal)

# What upstreams have been seen to say beyond the six statuses of the contract
# (docs/openrouter-contract.md 3, 11).
_ALIASES = {"dead": Status.FAILED, "queued": Status.PENDING, "canceled": Status.CANCELLED}


class Cause(StrEnum):
    """Why a job ended: on whose word."""

    UPSTREAM = "upstream"  # the upstream's verdict
    REFUSED = "refused"  # a definite refusal: nothing was ever generated
    ASSUMED = "assumed"  # no verdict ever came; settled at the estimate
    LOST = "lost"  # the upstream forgot the job; settled at the estimate
    OPERATOR = "operator"  # an operator ended it

    @property
    def has_verdict(self) -> bool:
        """Whether the upstream said how the job ended."""
        return self in (Cause.UPSTREAM, Cause.REFUSED)


@dataclass(frozen=True, slots=True)
class Job:
    """One row of `jobs`. Times are epoch milliseconds, money micro-dollars."""

    id: JobId
    team: str
    key: str
    upstream: str
    upstream_id: str | None
    model: str
    status: Status
    version: int
    created_at: int
    ended_at: int | None
    cause: Cause | None
    error: str | None
    estimate_micros: int
    cost_micros: int | None
    raw_cost: str | None
    is_byok: bool | None
    outputs: int
    copy_expires_at: int | None
    zdr: bool
    retain: bool
    request_id: str
    traceparent: str | None
    content_gone: bool  # whether its video is known to be gone for good
    profile: str  # the kind of request, under which its cost is remembered
    announced: bool  # whether anybody was given the id before the upstream's answer was known
    content_missing_since: int | None = None  # the upstream has answered 404 for the video
    catalog_micros: int | None = None  # the catalog's price, before a raise; None: of version 0.1

    @property
    def usage(self) -> Mapping[str, Any] | None:
        """`usage` as the upstream reported it: a part that is unknown is left out, never null."""
        usage: dict[str, Any] = {}
        cost = plausible_cost(self.raw_cost)
        if cost is not None:
            usage["cost"] = float(cost)
        if self.is_byok is not None:
            usage["is_byok"] = self.is_byok
        return usage or None


@dataclass(frozen=True, slots=True)
class JobUpdate:
    """What an upstream says of a job: by a poll, or by a verified webhook."""

    status: Status | None  # None: a word that we do not know, and no reason to change anything
    error: str | None = None
    raw_cost: str | None = None  # the upstream's own digits; None: not stated
    is_byok: bool | None = None
    outputs: int = 0
    copy_expires_at: int | None = None  # unix seconds; only where the upstream stored a copy

    @property
    def cost_micros(self) -> Micros | None:
        """The cost in micro-dollars; None where it is not stated or can't be believed."""
        cost = plausible_cost(self.raw_cost)
        return None if cost is None else micros_nearest(cost)


_NO_AMOUNT = Decimal(1_000_000_000)  # USD; above it a figure is an error, and sums could overflow


def plausible_cost(raw: str | None) -> Decimal | None:
    """Return the upstream's digits as dollars; None for what is no amount: NaN, negative, huge."""
    if raw is None:
        return None
    try:
        cost = Decimal(raw)
    except InvalidOperation:
        return None
    return cost if cost.is_finite() and 0 <= cost <= _NO_AMOUNT else None


def new_job_id(now_seconds: int, source: random.Random) -> JobId:
    """A fresh id; unguessable when `source` is the system's."""
    return JobId(f"gen-vid-{now_seconds}-{_alphanumerics(source, 20)}")


def new_token(source: random.Random) -> str:
    """A correlation token for the callback URL: 43 characters, 256 bits."""
    return _alphanumerics(source, 43)


def _alphanumerics(source: random.Random, count: int) -> str:
    """Any text of that length, all alike; one draw, for each asks the kernel."""
    number, letters = source.randrange(len(_ALPHABET) ** count), []
    for _ in range(count):
        number, letter = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[letter])
    return "".join(letters)


def parse_status(word: Any) -> Status | None:
    """The upstream's word as a status; None for a word that the contract does not know."""
    if not isinstance(word, str):
        return None
    if word in _ALIASES:
        return _ALIASES[word]
    try:
        status = Status(word)
    except ValueError:
        return None
    return None if status in (Status.SUBMITTING, Status.UNKNOWN) else status


def parse_news(body: Mapping[str, Any]) -> JobUpdate:
    """A poll's or a webhook's job object as news (docs/openrouter-contract.md sections 3 and 7).

    Nothing in it is trusted further than its type: a strange part is as if it were absent. The
    body must have been parsed with decimals as `decimal.Decimal` or `int`, or the digits are lost.
    """
    usage = body.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    cost, is_byok = usage.get("cost"), usage.get("is_byok")
    urls = body.get("unsigned_urls")
    copies, expires = body.get("urls"), body.get("expires_at")
    return JobUpdate(
        status=parse_status(body.get("status")),
        error=_error_text(body.get("error")),
        raw_cost=_figure(cost),
        is_byok=is_byok if isinstance(is_byok, bool) else None,
        outputs=len(urls) if isinstance(urls, list) else 0,
        copy_expires_at=_seconds(expires) if copies else None,
    )


def _figure(cost: Any) -> str | None:
    """A cost as it was written; what it is worth is judged when it is settled."""
    return None if cost is None or isinstance(cost, bool) else _storable(str(cost)[:_MAX_DIGITS])


def _seconds(value: Any) -> int | None:
    """Unix seconds up to the year 9999: more is no time, and no column of a database holds it."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    return int(value) if 0 <= value < _YEAR_10000 else None


def _error_text(error: Any) -> str | None:
    """`error` is a string by contract; an object's `message` is taken if one comes."""
    if isinstance(error, Mapping):
        error = error.get("message")
    if not isinstance(error, str) or not error:
        return None
    return _storable(error[:_MAX_ERROR])


def _storable(text: str) -> str:
    """A stranger's text without NULs and halves of surrogate pairs.

    No database takes them, and a job that can't be written down would never end.
    """
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


_YEAR_10000 = 253_402_300_800
_MAX_DIGITS = 100  # of a cost; a longer one is not believed anyway
_MAX_ERROR = 4000  # characters of an upstream's words that are kept


def poll_delay(polls: int, first: float, factor: float, longest: float) -> float:
    """Seconds until the next poll of a job that was polled `polls` times."""
    delay = first
    for _ in range(min(polls, 64)):
        delay *= factor
        if delay >= longest:
            return longest
    return min(delay, longest)
