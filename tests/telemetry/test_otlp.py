"""Spans reach a real OTLP collector, and a collector that fails costs nobody anything but spans."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from gateway.telemetry.otlp import OtlpRecorder, traces_url
from gateway.telemetry.tracing import Tracer
from tests.telemetry.collector import Collector, attributes

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{SPAN}-01"
CANARY = "cAnaRyCaNaryCAnary0123456789"


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    made = Collector()
    server = await made.start()
    yield made
    made.release()
    await server.close()


def tracer_to(url: str, *, queue: int = 100) -> Tracer:
    return Tracer(OtlpRecorder(url, version="1.2.3", every=60, queue=queue))


async def close(tracer: Tracer, timeout: float = 10.0) -> bool:
    return await asyncio.to_thread(tracer.close, timeout)


async def test_one_trace_from_the_client_over_a_restart_to_the_delivery(
    collector: Collector,
) -> None:
    first = tracer_to(collector.url)
    with first.span("submit", kind="server", parent=HEADER):
        with first.span("upstream.submit", kind="client"):
            pass
        stored = first.inject()
    assert await close(first)

    second = tracer_to(collector.url)  # another process, another day
    with second.span("job.poll", parent=stored), second.span("delivery", kind="producer"):
        pass
    assert await close(second)

    submit = collector.named("submit")
    assert {span.trace_id.hex() for span in collector.spans} == {TRACE}
    assert submit.parent_span_id.hex() == SPAN
    assert collector.named("upstream.submit").parent_span_id == submit.span_id
    assert collector.named("job.poll").parent_span_id == submit.span_id
    assert collector.named("delivery").parent_span_id == collector.named("job.poll").span_id
    assert submit.kind == Span.SPAN_KIND_SERVER
    assert collector.resource == {"service.name": "video-gateway", "service.version": "1.2.3"}
    assert first.dropped == second.dropped == 0


async def test_a_span_bears_attributes_failure_and_no_secret(collector: Collector) -> None:
    tracer = tracer_to(collector.url)

    def submit() -> None:
        with tracer.span("submit", parent=HEADER) as span:
            span.set(team="growth", prompt=CANARY, note=f"Bearer {CANARY}", seconds=1.5)
            raise ValueError(CANARY)

    with pytest.raises(ValueError, match="cAna"):
        submit()
    await close(tracer)

    told = collector.named("submit")
    assert attributes(told) == {
        "team": "growth",
        "prompt": "[redacted]",
        "note": "[redacted]",
        "seconds": 1.5,
        "error.type": "ValueError",
    }
    assert told.status.code == 2
    assert not told.events
    assert not any(CANARY.encode() in body for body in collector.bodies)


async def test_a_client_that_does_not_want_its_trace_recorded_is_heard(
    collector: Collector,
) -> None:
    tracer = tracer_to(collector.url)
    with tracer.span("submit", parent=f"00-{TRACE}-{SPAN}-00"):
        stored = tracer.inject()
    await close(tracer)

    assert collector.spans == []
    assert stored is not None
    assert stored.startswith(f"00-{TRACE}-")
    assert stored.endswith("-00")


async def test_a_trace_of_our_own_is_recorded(collector: Collector) -> None:
    tracer = tracer_to(collector.url)
    with tracer.span("sweep") as span:
        pass
    await close(tracer)

    told = collector.named("sweep")
    assert told.trace_id.hex() == span.place.trace_id
    assert told.parent_span_id == b""


async def test_batches_leave_while_the_gateway_runs(collector: Collector) -> None:
    tracer = Tracer(OtlpRecorder(collector.url, version="1", every=0.01))
    with tracer.span("x"):
        pass

    async with asyncio.timeout(10):
        await collector.received.wait()

    await close(tracer)


async def test_a_collector_that_hangs_delays_nobody_and_costs_counted_spans(
    collector: Collector,
) -> None:
    collector.silent = True
    tracer = Tracer(OtlpRecorder(collector.url, version="1", every=0.001, queue=50))

    slowest = 0.0
    for _ in range(500):
        started = time.perf_counter()
        with tracer.span("x"):
            pass
        slowest = max(slowest, time.perf_counter() - started)
        await asyncio.sleep(0)

    assert slowest < 1.0  # a wait for the collector would be its 5 s
    assert tracer.dropped >= 400
    started = time.perf_counter()
    assert not await close(tracer, timeout=0.05)
    assert time.perf_counter() - started < 2.0


async def test_spans_that_a_collector_refuses_are_counted(collector: Collector) -> None:
    collector.status = 400
    tracer = tracer_to(collector.url)
    for _ in range(3):
        with tracer.span("x"):
            pass

    assert await close(tracer)
    assert collector.bodies
    assert tracer.dropped == 3


async def test_a_proxy_from_the_environment_is_not_asked(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    tracer = tracer_to(collector.url)
    with tracer.span("x"):
        pass
    await close(tracer)

    assert [span.name for span in collector.spans] == ["x"]


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://collector:4318", "http://collector:4318/v1/traces"),
        ("http://collector:4318/", "http://collector:4318/v1/traces"),
        ("https://host/otlp", "https://host/otlp/v1/traces"),
        ("https://host/otlp/v1/traces", "https://host/otlp/v1/traces"),
    ],
)
def test_a_base_url_is_completed_and_a_whole_one_kept(endpoint: str, url: str) -> None:
    assert traces_url(endpoint) == url
