"""What the sandbox saw and did: the oracle that tests compare a gateway's books with."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

AttemptState = Literal["open", "accepted", "refused", "unread"]
"""`unread`: the connection was cut, or spoilt, before anything was done."""

_SECRET_HEADERS = frozenset(
    {"authorization", "proxy-authorization", "cookie", "x-provider-api-keys", "x-api-key"}
)
_LONG = 256


@dataclass(slots=True)
class Submit:
    """One POST /videos as it arrived, and what became of it."""

    number: int
    at: datetime
    headers: Mapping[str, str]
    body: Any = None
    outcome: AttemptState = "open"
    status: int | None = None  # what was answered; None: nothing was
    job_id: str | None = None
    message: str | None = None
    fault: str | None = None
    answered_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SubmitAttempt:
    """One try to deliver one event. `status` None: no answer came, `error` says why.

    `genuine` is False for what a fault made up: a receiver must refuse it.
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
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


@dataclass(slots=True)
class Ledger:
    """Everything since the start or the last reset; it is never cut short, so reset it at times."""

    submits: list[Submit] = field(default_factory=list)
    webhooks: list[SubmitAttempt] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)  # by route and status, or `cut`
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def arrived(self, at: datetime, headers: Mapping[str, str]) -> Submit:
        """Note a submit before anything is done with it."""
        submit = Submit(len(self.submits) + 1, at, public_headers(headers))
        self.submits.append(submit)
        self.touch()
        return submit

    def attempted(self, attempt: SubmitAttempt) -> None:
        """Note a delivery attempt after it was made."""
        self.webhooks.append(attempt)
        self.touch()

    def counted(self, kind: str, status: int | str) -> None:
        """Note an answered call."""
        self.calls[f"{kind} {status}"] += 1
        self.touch()

    def touch(self) -> None:
        """Wake whoever waits for a change."""
        self.changed.set()
        self.changed = asyncio.Event()

    async def until(self, true: Callable[["Ledger"], bool], timeout: float = 5.0) -> None:
        """Wait until that is true of the ledger.

        Raises:
            TimeoutError: it was not within `timeout` real seconds.

        """
        async with asyncio.timeout(timeout):
            while not true(self):
                await self.changed.wait()

    @property
    def accepted(self) -> tuple[str, ...]:
        """The ids of the jobs that were made, in order."""
        return tuple(submit.job_id for submit in self.submits if submit.job_id is not None)

    def clear(self) -> None:
        """Forget everything."""
        self.submits.clear()
        self.webhooks.clear()
        self.calls.clear()
        self.touch()

    def document(self) -> dict[str, Any]:
        """All of it as JSON values, times in ISO 8601."""
        return {
            "submits": [plain(asdict(submit)) for submit in self.submits],
            "webhooks": [plain(asdict(attempt)) for attempt in self.webhooks],
            "calls": dict(sorted(self.calls.items())),
        }


def public_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers, names in lower case, without those that hold secrets."""
    return {
        name.lower(): value
        for name, value in headers.items()
        if name.lower() not in _SECRET_HEADERS
    }


def shortened(value: Any) -> Any:
    """The same JSON with long texts (pictures, mostly) cut, so that the ledger stays readable."""
    if isinstance(value, str) and len(value) > _LONG:
        return f"{value[:_LONG]}... ({len(value)} characters)"
    if isinstance(value, Mapping):
        return {key: shortened(item) for key, item in value.items()}
    if isinstance(value, list):
        return [shortened(item) for item in value]
    return value


def plain(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record with times and money as text."""
    return {key: _value(item) for key, item in record.items()}


def _value(item: Any) -> Any:
    if isinstance(item, datetime):
        return item.isoformat()
    return str(item) if isinstance(item, Decimal) else item
