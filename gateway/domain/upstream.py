"""What an upstream's answer means: refused, failed and unknown kept apart.

See docs/reliability.md (b).
"""

import json
from collections.abc import Mapping, Sequence
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


@dataclass(frozen=True, slots=True)
class CatalogFailed:
    """The upstream's models could not be had. `why` is for operators, and holds no secret."""

    why: str


CatalogOutcome = Sequence[Mapping[str, Any]] | CatalogFailed
"""The entries as listed, or why there are none."""


class ContentFailed(Exception):
    """The upstream did not hand over the bytes.

    `status` is what it answered; `own`: in OpenRouter's own error body, not that of some proxy.
    """

    def __init__(self, why: str, *, status: int | None = None, own: bool = False) -> None:
        """`why` is for the log; it never reaches a client."""
        super().__init__(why)
        self.why = why
        self.status = status
        self.own = own

    @property
    def gone(self) -> bool:
        """Whether the upstream says that it is gone for good."""
        return self.status == 410

    @property
    def missing(self) -> bool:
        """Whether the upstream itself does not have it; that may pass."""
        return self.status == 404 and self.own

    @property
    def not_found(self) -> bool:
        """Whether anything on the way to it answered 404."""
        return self.status == 404

    def again(self) -> "ContentFailed":
        """Return a copy, for another reader of the same download."""
        return ContentFailed(self.why, status=self.status, own=self.own)


def read_poll(status: int, body: bytes) -> PollOutcome:
    """What the answer to a poll means (docs/openrouter-contract.md section 3)."""
    value = parse_answer(body)
    if status == 200:
        return parse_news(value) if "status" in value else Unanswered("status 200, no job in it")
    if status == 404 and is_openrouters_own(status, value):
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


_ERROR_BODY = frozenset({"error", "user_id", "openrouter_metadata"})
_ERROR = frozenset({"code", "message", "metadata"})


def is_openrouters_own(status: int, value: Mapping[str, Any]) -> bool:
    """Return whether the error body can only be OpenRouter's, not that of a proxy before it."""
    return value.keys() <= _ERROR_BODY and has_own_error(value) and error_code(value) == status


def has_own_error(value: Mapping[str, Any]) -> bool:
    """Return whether `error` has OpenRouter's members and no others."""
    error = value.get("error")
    return isinstance(error, Mapping) and error.keys() <= _ERROR and "message" in error


def error_code(value: Mapping[str, Any]) -> int | None:
    """Return the integer `error.code`; None where there is none."""
    error = value.get("error")
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


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
