"""What belongs to the present work."""

import asyncio

from structlog.contextvars import get_contextvars

from gateway.telemetry.context import current_trace_id, log_context
from gateway.telemetry.tracing import Tracer


async def test_facts_hold_inside_and_in_the_tasks_started_there() -> None:
    async def seen() -> object:
        return get_contextvars().get("request_id")

    with log_context(request_id="req_1"):
        inside = await asyncio.create_task(seen())

    assert inside == "req_1"
    assert await seen() is None


def test_the_trace_id_is_that_of_the_present_span() -> None:
    assert current_trace_id() is None
    with Tracer().span("submit") as span:
        assert current_trace_id() == span.place.trace_id
    assert current_trace_id() is None
