"""The outcomes of calls to an upstream: accepted, refused, failed or unknown.

See docs/reliability.md (b).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from gateway.domain.job import JobUpdate, Status, parse_news
from gateway.domain.text import storable


@dataclass(frozen=True, slots=True)
class Accepted:
    """The upstream accepted the job and returned its id."""

    upstream_id: str
    status: Status


@dataclass(frozen=True, slots=True)
class Declined:
    """A definite refusal with the upstream's error: nothing was generated, nothing is charged."""

    status: int
    error: Mapping[str, Any]  # OpenRouter's error object: code, message, optional metadata
    retry_after: int | None = None  # seconds
    location: str | None = None
    """A redirect's target, or empty if it can't be shown; None if the answer is no redirect."""

    @property
    def transient(self) -> bool:
        """Whether a retry of the same request may succeed."""
        return self.status in (429, 503)


@dataclass(frozen=True, slots=True)
class NotSent:
    """The request was not fully written and no answer came: it can be sent again."""

    why: str


@dataclass(frozen=True, slots=True)
class Unclear:
    """The request was sent and no definite answer came: it may run and be charged."""

    why: str


SubmitOutcome = Accepted | Declined | NotSent | Unclear


@dataclass(frozen=True, slots=True)
class Missing:
    """The upstream does not know the job. This is no verdict: it may know the job later."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """The upstream could not be reached, or its answer could not be parsed."""

    why: str


PollOutcome = JobUpdate | Missing | Unanswered


@dataclass(frozen=True, slots=True)
class CatalogFailed:
    """The upstream's models could not be fetched. `why` is for operators and has no secrets."""

    why: str


CatalogOutcome = Sequence[Mapping[str, Any]] | CatalogFailed
"""The entries as listed, or why there are none."""


class ContentFailed(Exception):
    """The upstream did not return the bytes.

    `status` is its HTTP status; `own` means that the error body is OpenRouter's, not a proxy's.
    """

    def __init__(self, why: str, *, status: int | None = None, own: bool = False) -> None:
        """Create the error; `why` is for the log and never reaches a client."""
        super().__init__(why)
        self.why = why
        self.status = status
        self.own = own

    @property
    def gone(self) -> bool:
        """Whether the content is permanently gone."""
        return self.status == 410

    @property
    def missing(self) -> bool:
        """Whether the upstream itself does not have the content; this may be temporary."""
        return self.status == 404 and self.own

    @property
    def not_found(self) -> bool:
        """Whether the upstream or a proxy answered 404."""
        return self.status == 404

    def again(self) -> "ContentFailed":
        """Return a copy to raise for another reader of the same download."""
        return ContentFailed(self.why, status=self.status, own=self.own)


def read_poll(status: int, body: bytes) -> PollOutcome:
    """Classify the answer to a poll (docs/openrouter-contract.md section 3)."""
    value = parse_answer(body)
    if status == 200:
        return parse_news(value) if "status" in value else Unanswered("status 200, no job in it")
    if status == 404 and is_openrouters_own(status, value):
        return Missing()
    return Unanswered(f"status {status}")


def parse_answer(body: bytes) -> Mapping[str, Any]:
    """Parse the JSON object of an answer with exact numbers; empty for anything else."""
    try:
        value = _writable(json.loads(body, parse_float=Decimal, parse_constant=lambda _: None))
    except (ValueError, ArithmeticError, RecursionError):  # the second: 1e99999999999999999999
        return {}
    return value if isinstance(value, dict) else {}


def _writable(value: Any) -> Any:
    """Return the value with every string made storable."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {_writable(key): _writable(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_writable(item) for item in value]
    return value


def error_object(status: int, value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the error object in a form that every SDK can parse; None if it is not OpenRouter's.

    OpenRouter's second form, `{"success": false, "error": {"name": "ZodError", ...}}`, has no code
    and makes the SDKs throw, so the code is added. `user_id` is sensitive and left out.
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
    """Return whether the error body is certainly OpenRouter's, not a proxy's."""
    return value.keys() <= _ERROR_BODY and has_own_error(value) and error_code(value) == status


def has_own_error(value: Mapping[str, Any]) -> bool:
    """Return whether `error` has only members that OpenRouter uses."""
    error = value.get("error")
    return isinstance(error, Mapping) and error.keys() <= _ERROR and "message" in error


def error_code(value: Mapping[str, Any]) -> int | None:
    """Return the integer `error.code`; None where there is none."""
    error = value.get("error")
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def masked(value: Any, hidden: Mapping[str, str]) -> Any:
    """Return the JSON value with every key of `hidden` replaced by its value in every string.

    An upstream quotes parts of a refused request, including secrets of the gateway.
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


def without_secrets(text: str, secrets: Iterable[str]) -> str:
    """Return the text with every secret replaced; pass the longest secrets first."""
    for secret in secrets:
        text = text.replace(secret, "...")
    return text
