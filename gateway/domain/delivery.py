"""A delivery's decisions: what an attempt came to, when the next one is, when an endpoint is lost.

Pure: the moment and the chance are given. What was received is already bounded and made harmless.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from gateway.domain.signature import sign_openrouter, sign_standard

JITTER = 0.2  # each way, as Svix does: endpoints that fail together don't come back together
PATIENCE = timedelta(days=5)  # of nothing but failure, then the endpoint is disabled
# Longer without any attempt, and nothing is known of the time between: twice the schedule's
# longest step, which is what Retry-After can stretch it to.
SILENCE = timedelta(hours=48)

_RETRY_AFTER_LIMIT = 10 * 86_400  # seconds; it is clamped to the schedule anyway


class ErrorKind(StrEnum):
    """How an attempt broke off; stable (metrics, the attempts' record)."""

    DNS = "dns"
    BLOCKED_ADDRESS = "blocked_address"  # the policy forbids where the URL leads
    CONNECT = "connect"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    PROTOCOL = "protocol"  # what came back is not HTTP, or not within its limits
    UNCONFIGURED = "unconfigured"  # the configuration has nobody of that name now


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """One HTTP try.

    There may be both a status and an error: the answer began well and its body broke off. Then the
    status counts, as the subscriber had decided by then.
    """

    status: int | None
    latency_ms: int
    error: ErrorKind | None = None
    detail: str = ""  # for the operator: what went wrong, in words
    answer: str = ""  # the first bytes of the answer as printable text
    retry_after: int | None = None  # seconds the subscriber asked us to wait


class Judgement(StrEnum):
    """What an attempt means for its delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DISABLE = "disable"  # 410: the endpoint wants nothing more, ever


@dataclass(frozen=True, slots=True)
class Failing:
    """An endpoint's unbroken run of failures; None in its place once anything was delivered."""

    since: datetime
    last: datetime

    @property
    def should_disable(self) -> bool:
        """Whether there were five days of nothing but failure, seen to be failing at both ends."""
        return self.last - self.since >= PATIENCE


def lane_of(endpoint: str, url: str | None, team: str | None) -> str:
    """What shares one limit of concurrency, so that the slow hold up nobody but themselves.

    A subscriber is a lane. A client's callback (`url`, canonical) shares one with those of its team
    that lead to the same origin: a host that hangs delays no other host, and no other team.
    """
    if url is None:
        return endpoint
    origin = "/".join(url.split("/", 3)[:3])
    return f"{endpoint} {team or ''} {origin}"


def judge(outcome: AttemptOutcome) -> Judgement:
    """2xx is success; 410 disables; everything else, redirects too, is a failure to be retried."""
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
    """When to try again after attempt `attempt_number` (from 1) failed; None: it was the last.

    `jitter` in [0, 1): a fresh random number. The wait is the schedule's, 20 % either way. With
    `retry_after` it is what the subscriber asked for, but at least the schedule's and at most twice
    that, and jitter then only adds: nobody is called on sooner than they asked.
    """
    if attempt_number > len(schedule):
        return None
    base = schedule[attempt_number - 1]
    if retry_after is None:
        return now + base * (1 + JITTER * (2 * jitter - 1))
    asked = min(max(timedelta(seconds=retry_after), base), 2 * base)
    return now + min(asked + base * JITTER * jitter, 2 * base)


def after_failure(failing: Failing | None, now: datetime) -> Failing:
    """The endpoint's run of failures with one more; a run does not stretch over long silence."""
    if failing is None or now - failing.last > SILENCE:
        return Failing(since=now, last=now)
    return replace(failing, last=max(failing.last, now))


def parse_retry_after(header: str | None, now: datetime) -> int | None:
    """`Retry-After` in seconds from `now`, either spelling (RFC 9110); None if absent or odd."""
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
    """The headers of one attempt at `now` (unix seconds): OpenRouter's and Standard Webhooks'.

    The first secret makes OpenRouter's signature, whose receivers read a single one; all of them
    sign by Standard Webhooks. Without secrets nothing is signed, as OpenRouter does without one.

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
