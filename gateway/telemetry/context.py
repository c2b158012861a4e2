"""The request and the trace of the present work, which its tasks inherit."""

from contextlib import AbstractContextManager
from contextvars import ContextVar

from structlog.contextvars import bound_contextvars

from gateway.telemetry.traceparent import Traceparent

CURRENT: ContextVar[Traceparent | None] = ContextVar("video_gateway_traceparent", default=None)
"""The present span; set by `Tracer.span` alone. A context variable is the interpreter's own."""


def current_trace_id() -> str | None:
    """Return the present trace's id, 32 hex digits."""
    current = CURRENT.get()
    return None if current is None else current.trace_id


def log_context(**facts: str) -> AbstractContextManager[None]:
    """Add facts to every line inside the `with`, also in tasks started there (`request_id`)."""
    return bound_contextvars(**facts)
