"""What an upstream's answer means: refused, failed and unknown kept apart.

See docs/reliability.md (b).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.domain.job import JobUpdate, Status, parse_news


@dataclass(frozen=True, slots=True)
class Accepted:
    """The upstream took the job and gave it an id."""

    upstream_id: str
    status: Status


@dataclass(frozen=True, slots=True)
class Declined:
    """A definite refusal, in the upstream's own words: nothing was generated, nothing is owed."""

    status: int
    error: Mapping[str, Any]  # OpenRouter's error object: code, message, maybe metadata
    retry_after: int | None = None  # seconds
    location: str | None = None
    """Of a redirect: where it points, or empty where that cannot be shown; else None."""

    @property
    def transient(self) -> bool:
        """Whether the same request may be taken a moment later."""
        return self.status in (429, 503)


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request was never written whole, and no answer came: it can be sent again."""

    why: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """The request left and no definite answer came back: it may run and be billed."""

    why: str


SubmitOutcome = Accepted | Declined | NotSent | Unclear


@dataclass(frozen=True, slots=True)
class Missing:
    """The upstream does not know the job. No verdict: it may be late to learn of it."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The upstream could not be asked, or its answer could not be read."""

    why: str


PollOutcome = JobUpdate | Missing | Unanswered


class ContentFailed(Exception):
    """The upstream did not hand over the bytes: `gone` (for good), or not just now."""

    def __init__(self, why: str, *, gone: bool = False) -> None:
        """`why` is for the log; it never reaches a client."""
        super().__init__(why)
        self.why = why
        self.gone = gone


def read_poll(status: int, body: bytes) -> PollOutcome:
    """What the answer to a poll means (docs/openrouter-contract.md section 3)."""
    value = parse_answer(body)
    if status == 200:
        return parse_news(value) if "status" in value else Unanswered("status 200, no job in it")
    if status == 404 and error_object(status, value) is not None:
        return Missing()
    return Unanswered(f"status {status}")


def parse_answer(body: bytes) -> Mapping[str, Any]:
    """Return the JSON object of an answer, numbers exact; empty for anything else."""
    try:
        value = _writable(json.loads(body, parse_float=Decimal, parse_constant=lambda _: None))
    except (ValueError, ArithmeticError, RecursionError):  # the second: 1e99999999999999999999
        return {}
    return value if isinstance(value, dict) else {}


def _writable(value: Any) -> Any:
    """The value with every text such that a database takes it and UTF-8 can say it.

    A lone surrogate or a NUL in an upstream's words must not keep a job from ending.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
    if isinstance(value, dict):
        return {_writable(key): _writable(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_writable(item) for item in value]
    return value


def error_object(status: int, value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The error object with what every SDK can parse; None where it is not OpenRouter's.

    The second shape, `{"success": false, "error": {"name": "ZodError", ...}}`, has no code and
    makes the SDKs throw, so it is given one. `user_id` beside it is sensitive and left behind.
    """
    error = value.get("error")
    if not isinstance(error, Mapping) or not isinstance(error.get("message"), str):
        return None
    metadata = error.get("metadata")
    relayed: dict[str, Any] = {"code": status, "message": error["message"]}
    if isinstance(metadata, Mapping):
        relayed["metadata"] = metadata
    return relayed


def masked(value: Any, hidden: Mapping[str, str]) -> Any:
    """The JSON value with what is `hidden` replaced in every text by what stands for it.

    An upstream quotes what it refuses, also what only the gateway and it know of each other.
    """
    if isinstance(value, str):
        for secret in sorted(hidden, key=len, reverse=True):
            value = value.replace(secret, hidden[secret])
        return value
    if isinstance(value, Mapping):
        return {masked(key, hidden): masked(member, hidden) for key, member in value.items()}
    if isinstance(value, list):
        return [masked(item, hidden) for item in value]
    return value
