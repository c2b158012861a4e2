"""Delivery decisions: the result of an attempt, the next attempt, when to disable an endpoint.

Pure functions: the caller passes the time and the random numbers. Received text is already bounded
and sanitised.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from gateway.domain.signature import sign_openrouter, sign_standard
from gateway.domain.text import origin
from gateway.domain.upstream import without_secrets

JITTER = 0.2  # in both directions, as Svix does, so that simultaneous failures spread out
PATIENCE = timedelta(days=5)  # of uninterrupted failures; then the endpoint is disabled
# A longer gap without attempts says nothing about the endpoint: the value is twice the schedule's
# longest step, the most that Retry-After can extend it to.
SILENCE = timedelta(hours=48)

_RETRY_AFTER_LIMIT = 10 * 86_400  # seconds; the schedule limits it further


class ErrorKind(StrEnum):
    """How an attempt failed before a complete response. Values are stable (metrics, attempts)."""

    DNS = "dns"
    BLOCKED_ADDRESS = "blocked_address"  # the policy forbids the address the URL resolves to
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    PROTOCOL = "protocol"  # the response is not HTTP, or exceeds the limits
    UNCONFIGURED = "unconfigured"  # the configuration no longer has an endpoint of that name


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """The result of one HTTP attempt.

    Both a status and an error are set if the response's body ended early. The status counts then,
    because the subscriber had already decided.
    """

    status: int | None
    latency_ms: int
    error: ErrorKind | None = None
    detail: str = ""  # a description of the error for operators
    answer: str = ""  # the first bytes of the response as printable text
    retry_after: int | None = None  # seconds, from the subscriber's Retry-After


class Judgement(StrEnum):
    """What an attempt's result means for its delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DISABLE = "disable"  # 410: the endpoint wants no further events


@dataclass(frozen=True, slots=True)
class Failing:
    """An endpoint's uninterrupted run of failures. A successful delivery ends it."""

    since: datetime
    last: datetime

    @property
    def should_disable(self) -> bool:
        """Whether failures were observed at both ends of at least `PATIENCE`, with no success."""
        return self.last - self.since >= PATIENCE


def lane_of(endpoint: str, url: str | None, team: str | None) -> str:
    """Return the lane of a delivery: the deliveries of one lane share a concurrency limit.

    Each subscriber has its own lane. Client callbacks (`url`, canonical) share a lane per team and
    origin, so that a slow host delays no other host and no other team.
    """
    if url is None:
        return endpoint
    return f"{endpoint} {team or ''} {origin(url)}"


def without_secrets_of(outcome: AttemptOutcome, secrets: Iterable[str]) -> AttemptOutcome:
    """Return the outcome without secrets in its texts: a subscriber may repeat what it was sent."""
    secrets = tuple(secrets)
    return replace(
        outcome,
        answer=without_secrets(outcome.answer, secrets),
        detail=without_secrets(outcome.detail, secrets),
    )


def judge(outcome: AttemptOutcome) -> Judgement:
    """Return what an attempt means: 2xx is a success, 410 disables, anything else is retried.

    A redirect is a failure too.
    """
    if outcome.status is not None and 200 <= outcome.status < 300:
        return Judgement.DELIVERED
    return Judgement.DISABLE if outcome.status == 410 else Judgement.RETRY


def next_attempt(
    schedule: Sequence[timedelta],
    attempt_number: int,
    retry_after: int | None,
    jitter: float,
    now: datetime,
) -> datetime | None:
    """Return when to retry after attempt `attempt_number` (from 1) failed; None: it was the last.

    `jitter` is a fresh random number in [0, 1). The wait comes from the schedule, plus or minus
    20 %. With `retry_after` the wait is what the subscriber asked for, but at least the schedule's
    and at most twice that. Jitter then only lengthens it, so that no retry comes too early.
    """
    if attempt_number > len(schedule):
        return None
    base = schedule[attempt_number - 1]
    if retry_after is None:
        return now + base * (1 + JITTER * (2 * jitter - 1))
    asked = min(max(timedelta(seconds=retry_after), base), 2 * base)
    return now + min(asked + base * JITTER * jitter, 2 * base)


def after_failure(failing: Failing | None, now: datetime) -> Failing:
    """Return the run of failures with one more; a gap longer than `SILENCE` starts a new run."""
    if failing is None or now - failing.last > SILENCE:
        return Failing(since=now, last=now)
    return replace(failing, last=max(failing.last, now))


def parse_retry_after(header: str | None, now: datetime) -> int | None:
    """Parse `Retry-After` (RFC 9110: seconds or a date) into seconds; None if absent or invalid."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return min(int(text[:12]), _RETRY_AFTER_LIMIT)
    try:
        moment = parsedate_to_datetime(text)
        # An HTTP date is in GMT; a zone that is missing or `-0000` makes it naive here.
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - now).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0, min(round(seconds), _RETRY_AFTER_LIMIT))


def signed_headers(
    body: bytes, *, event_id: str, idempotency_key: str, secrets: Sequence[str], now: int
) -> dict[str, str]:
    """Return the headers of one attempt at `now` (unix seconds): OpenRouter's and the standard's.

    The first secret signs OpenRouter's header, because its receivers read only one signature. All
    secrets sign the Standard Webhooks header. Without secrets there is no signature, as with
    OpenRouter.

    Raises:
        ValueError: a secret is empty.

    """
    headers = {
        "Content-Type": "application/json",
        "X-OpenRouter-Idempotency-Key": idempotency_key,
        "webhook-id": event_id,
        "webhook-timestamp": str(now),
    }
    if secrets:
        headers["X-OpenRouter-Signature"] = sign_openrouter(body, secrets[0], now)
        headers["webhook-signature"] = sign_standard(event_id, now, body, secrets)
    return headers
