"""Which request and which trace the present work belongs to; the tasks it starts inherit it."""

from contextlib import AbstractContextManager
from contextvars import ContextVar

from structlog.contextvars import bound_contextvars

from gateway.telemetry.traceparent import Traceparent

CURRENT: ContextVar[Traceparent | None] = ContextVar("video_gateway_traceparent", default=None)
"""The present span; set by `Tracer.span` alone. A context variable is the interpreter's own."""


def current_trace_id() -> str | None:
    """The present trace's id, 32 hex digits."""
    current = CURRENT.get()
    return None if current is None else current.trace_id


def log_context(**facts: str) -> AbstractContextManager[None]:
    """Facts for every line inside the `with`, also in the tasks started there (`request_id`)."""
    return bound_contextvars(**facts)
