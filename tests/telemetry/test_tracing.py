"""Tracing without a collector: nothing is recorded, but the trace's id goes everywhere."""

import asyncio

import pytest

from gateway.telemetry.context import current_trace_id
from gateway.telemetry.traceparent import Traceparent, parse
from gateway.telemetry.tracing import Attribute, SpanKind, Tracer

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{SPAN}-01"


class Recorded:
    def __init__(self, name: str, parent: Traceparent | None) -> None:
        self.name, self.parent = name, parent
        self.place = Traceparent(parent.trace_id if parent else "a" * 32, "b" * 16, sampled=True)
        self.attributes: dict[str, Attribute] = {}
        self.ended: list[str | None] = []

    def set(self, name: str, value: Attribute) -> None:
        self.attributes[name] = value

    def end(self, failure: str | None) -> None:
        self.ended.append(failure)


class Recorder:
    """Keeps spans in memory."""

    def __init__(self) -> None:
        self.spans: list[Recorded] = []
        self.dropped = 0

    def start(self, name: str, kind: SpanKind, parent: Traceparent | None) -> Recorded:
        self.spans.append(Recorded(name, parent))
        return self.spans[-1]

    def close(self, timeout: float) -> bool:
        return True


def test_a_clients_trace_is_carried_on_unchanged() -> None:
    tracer = Tracer()

    with tracer.span("request", parent=HEADER) as span:
        assert span.place.trace_id == TRACE
        assert current_trace_id() == TRACE
        with tracer.span("inner"):
            assert tracer.inject() == HEADER

    assert current_trace_id() is None
    assert tracer.inject() is None


@pytest.mark.parametrize("header", ["", "garbage", f"00-{'0' * 32}-{SPAN}-01"])
def test_an_unreadable_header_begins_a_trace_of_our_own(header: str) -> None:
    tracer = Tracer()

    with tracer.span("outer", parent=HEADER), tracer.span("request", parent=header) as span:
        assert span.place.trace_id != TRACE
        assert parse(tracer.inject()) == span.place


def test_what_was_stored_with_a_job_is_taken_up_again() -> None:
    with Tracer().span("submit", parent=HEADER):
        stored = Tracer().inject()

    with Tracer().span("job.poll", parent=stored):
        assert current_trace_id() == TRACE


async def test_tasks_inherit_the_trace_and_never_mix_theirs() -> None:
    tracer = Tracer()

    async def background() -> str | None:
        await asyncio.sleep(0)
        return current_trace_id()

    async def request(number: int) -> None:
        trace = f"{number + 1:032x}"
        with tracer.span("request", parent=f"00-{trace}-{SPAN}-01"):
            task = asyncio.create_task(background())
            await asyncio.sleep(0)
            assert current_trace_id() == trace
        assert await task == trace

    await asyncio.gather(*(request(number) for number in range(200)))


def test_attributes_are_redacted_and_plain() -> None:
    recorder = Recorder()

    with Tracer(recorder).span("x", attributes={"prompt": "a cat", "team": "growth"}) as span:
        span.set(url="https://h.example/x?sig=abc", status=200, absent=None, tries=[1, 2])

    assert recorder.spans[0].attributes == {
        "prompt": "[redacted]",
        "team": "growth",
        "url": "https://h.example/x?…",
        "status": 200,
        "tries": "[1, 2]",
    }


def test_a_failure_is_told_by_kind_and_passes_on() -> None:
    recorder = Recorder()

    with pytest.raises(ValueError, match="a prompt"), Tracer(recorder).span("x"):
        raise ValueError("a prompt")

    assert recorder.spans[0].ended == ["ValueError"]
    assert current_trace_id() is None


def test_a_span_can_fail_without_an_exception() -> None:
    recorder = Recorder()
    with Tracer(recorder).span("x") as span:
        span.fail("upstream_unavailable")
    with Tracer(recorder).span("y"):
        pass

    assert [span.ended for span in recorder.spans] == [["upstream_unavailable"], [None]]


async def test_a_cancelled_span_ends_and_leaves_no_trace_behind() -> None:
    recorder = Recorder()

    async def work() -> None:
        with Tracer(recorder).span("x"):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])

    assert recorder.spans[0].ended == ["CancelledError"]


def test_spans_within_spans_know_their_parents() -> None:
    recorder = Recorder()
    tracer = Tracer(recorder)

    with tracer.span("outer", parent=HEADER) as outer, tracer.span("inner"):
        pass

    assert recorder.spans[0].parent == parse(HEADER)
    assert recorder.spans[1].parent == outer.place
