"""Parse an upstream's webhook after its signature has been verified.

See docs/openrouter-contract.md 7.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeGuard

from gateway.domain.job import JobUpdate, parse_news, parse_status

_PREFIX = "video.generation."
_ID_LIMIT = 200  # characters; the upstream's ids have 39


class Intake(StrEnum):
    """The result of receiving a webhook. The values are stable (metrics, logs)."""

    ACCEPTED = "accepted"  # verified and stored
    DUPLICATE = "duplicate"  # verified and stored before: it changes nothing
    HINT = "hint"  # not verifiable: the gateway polls the job next
    UNKNOWN_JOB = "unknown_job"
    WRONG_TOKEN = "wrong_token"  # noqa: S105 - the name of a result
    IGNORED = "ignored"  # verified, but of a type that does not end a job
    UNREADABLE = "unreadable"  # verified, but not an event of the contract


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """An event about one job, under the upstream's id, which never reaches a client."""

    type: str
    upstream_id: str
    news: JobUpdate

    @property
    def ends(self) -> bool:
        """Whether it reports the end of the job."""
        return self.news.status is not None and self.news.status.terminal


def read_event(body: bytes) -> WebhookEvent | None:
    """Parse the event with exact numbers; None if it does not match the contract. Never raises.

    The type and `data.status` must not contradict each other, because the gateway can't know which
    of them is right. An event of another family or with an unknown status yields an update without
    a status, which changes nothing.
    """
    envelope = _object(body)
    kind, data = envelope.get("type"), envelope.get("data")
    if not isinstance(kind, str):
        return None
    if not kind.startswith(_PREFIX):
        return WebhookEvent(kind, "", JobUpdate(status=None))
    upstream_id = data.get("id") if isinstance(data, Mapping) else None
    if not isinstance(data, Mapping) or not _is_id(upstream_id):
        return None
    named = parse_status(kind.removeprefix(_PREFIX))
    if named is None:
        return WebhookEvent(kind, upstream_id, JobUpdate(status=None))
    if parse_status(data.get("status", named)) is not named:
        return None
    return WebhookEvent(kind, upstream_id, parse_news({**data, "status": named}))


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _ID_LIMIT and value.isprintable()


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body, parse_float=Decimal, parse_constant=lambda _: None)
    except (ValueError, ArithmeticError, RecursionError):  # the second: 1e99999999999999999999
        return {}
    return value if isinstance(value, dict) else {}
