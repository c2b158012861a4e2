"""Records everything the sandbox received and did; tests compare the gateway's data with it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

SubmitOutcome = Literal["open", "accepted", "refused", "unread"]
"""`unread`: an injected fault replaced the handling of the call."""

_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-provider-api-keys", "x-api-key"}
)
_MAX_TEXT = 256  # characters


@dataclass(slots=True)
class Submit:
    """One POST /videos and its outcome."""

    number: int
    at: datetime
    headers: Mapping[str, str]
    body: Any = None
    outcome: SubmitOutcome = "open"
    status: int | None = None  # of the response; None: no response
    job_id: str | None = None
    message: str | None = None
    fault: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class WebhookAttempt:
    """One attempt to deliver one event. `status` None: no response; `error` says why.

    `genuine` is False for an event forged by a fault, which a receiver must reject.
    """

    job_id: str
    event: str
    url: str
    attempt: int
    at: datetime
    headers: Mapping[str, str]
    body: str
    status: int | None
    error: str | None
    fault: str | None = None
    genuine: bool = True

    @property
    def delivered(self) -> bool:
        """Whether the receiver accepted it."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(slots=True)
class Ledger:
    """Everything since the start or the last reset. It grows without limit until a reset."""

    submits: list[Submit] = field(default_factory=list)
    webhooks: list[WebhookAttempt] = field(default_factory=list)
    calls: Counter[str] = field(
        default_factory=Counter
    )  # by route and status, or `cut` without a response
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def arrived(self, at: datetime, headers: Mapping[str, str]) -> Submit:
        """Record a submit before it is handled."""
        submit = Submit(len(self.submits) + 1, at, public_headers(headers))
        self.submits.append(submit)
        self.touch()
        return submit

    def attempted(self, attempt: WebhookAttempt) -> None:
        """Record a delivery attempt."""
        self.webhooks.append(attempt)
        self.touch()

    def counted(self, kind: str, status: int | str) -> None:
        """Count a call."""
        self.calls[f"{kind} {status}"] += 1
        self.touch()

    def touch(self) -> None:
        """Wake all tasks that wait for a change."""
        self.changed.set()
        self.changed = asyncio.Event()

    async def until(self, condition: Callable[["Ledger"], bool], timeout: float = 5.0) -> None:
        """Wait until the condition is true.

        Raises:
            TimeoutError: the condition was not true within `timeout` real seconds.

        """
        async with asyncio.timeout(timeout):
            while not condition(self):
                await self.changed.wait()

    @property
    def accepted(self) -> tuple[str, ...]:
        """Return the ids of the created jobs, in order."""
        return tuple(submit.job_id for submit in self.submits if submit.job_id is not None)

    def clear(self) -> None:
        """Remove everything."""
        self.submits.clear()
        self.webhooks.clear()
        self.calls.clear()
        self.touch()

    def document(self) -> dict[str, Any]:
        """Return everything as JSON values, times in ISO 8601."""
        return {
            "submits": [plain(asdict(submit)) for submit in self.submits],
            "webhooks": [plain(asdict(attempt)) for attempt in self.webhooks],
            "calls": dict(sorted(self.calls.items())),
        }


def public_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers, names in lower case, without those that contain secrets."""
    return {
        name.lower(): value
        for name, value in headers.items()
        if name.lower() not in _SECRET_HEADERS
    }


def shortened(value: Any) -> Any:
    """Shorten long texts in JSON, mostly images, to keep the ledger readable."""
    if isinstance(value, str) and len(value) > _MAX_TEXT:
        return f"{value[:_MAX_TEXT]}... ({len(value)} characters)"
    if isinstance(value, Mapping):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value]
    return value


def plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with times and money as text."""
    return {key: _value(item) for key, item in record.items()}


def _value(item: Any) -> Any:
    if isinstance(item, datetime):
        return item.isoformat()
    return str(item) if isinstance(item, Decimal) else item
