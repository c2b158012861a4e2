"""An incoming submit, after its key and its body were read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.team import Principal
from gateway.domain.video import VideoRequest


class CountedBody(Protocol):
    """The accounting of a body's bytes in memory."""

    transferred: bool

    def release(self) -> None:
        """Release the bytes: the body is no longer in memory."""


@dataclass(frozen=True, slots=True)
class Call:
    """The principal, the request, and what the client's headers ask for."""

    principal: Principal
    request: VideoRequest
    headers: Mapping[str, str]  # only those that may be forwarded
    request_id: str
    traceparent: str | None = None
    size: int = 0  # bytes of the body
    zdr_header: bool = False
    fresh: bool = False  # X-Gateway-Dedupe: bypass
    idempotency_key: str | None = None
    applied_defaults: tuple[str, ...] = ()
    """What the team's defaults filled in, like `duration=8`."""
    body_lease: CountedBody | None = None
    """Accounts for the body's bytes until they have been sent."""
