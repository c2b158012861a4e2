"""The bundle: request id and trace in every line, through background work, until all is told."""

import asyncio
import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.telemetry.bundle import Telemetry, TelemetryUnavailable, open_telemetry
from tests.telemetry.collector import Collector
from tests.telemetry.page import Page

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{SPAN}-01"


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def telemetry(stream: io.StringIO) -> Iterator[Telemetry]:
    opened = open_telemetry("info", "json", teams=["growth"], upstreams=["up"], stream=stream)
    yield opened
    opened.close()


def lines(telemetry: Telemetry, stream: io.StringIO) -> list[dict[str, Any]]:
    assert telemetry.pipe is not None
    assert telemetry.pipe.flush()
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_every_line_of_a_request_and_its_tasks_bears_its_ids(
    telemetry: Telemetry, stream: io.StringIO
) -> None:
    async def background() -> None:
        telemetry.log.info("in.background")

    with telemetry.request("r1", HEADER):
        task = asyncio.create_task(background())
        telemetry.log.info("in.request")
    await task
    telemetry.log.info("outside")

    told = {line["event"]: line for line in lines(telemetry, stream)}
    for event in ("in.request", "in.background"):
        assert (told[event]["request_id"], told[event]["trace_id"]) == ("r1", TRACE)
    assert "request_id" not in told["outside"]
    assert "trace_id" not in told["outside"]


def test_work_that_goes_on_later_bears_the_ids_it_began_with(
    telemetry: Telemetry, stream: io.StringIO
) -> None:
    with telemetry.request("r1", HEADER):
        stored = telemetry.tracer.inject()

    with telemetry.work("job.poll", "r1", stored):
        telemetry.log.info("job.polled")

    (line,) = lines(telemetry, stream)
    assert (line["request_id"], line["trace_id"]) == ("r1", TRACE)


@pytest.mark.parametrize("header", [None, "", "garbage"])
def test_a_request_without_a_trace_gets_one(
    telemetry: Telemetry, stream: io.StringIO, header: str | None
) -> None:
    with telemetry.request("r1", header):
        telemetry.log.info("one")
        telemetry.log.info("two")
    with telemetry.request("r2", header):
        telemetry.log.info("three")

    one, two, three = (line["trace_id"] for line in lines(telemetry, stream))
    assert one == two != three
    assert len(one) == 32


def test_a_background_step_within_a_request_does_not_take_its_trace(telemetry: Telemetry) -> None:
    with (
        telemetry.request("r1", HEADER),
        telemetry.work("job.poll", "r0", None) as span,
    ):
        assert span.place.trace_id != TRACE


def test_the_page_tells_of_lost_lines_and_exemplars(telemetry: Telemetry) -> None:
    with telemetry.request("r1", HEADER):
        telemetry.metrics.event_loop_lag(0.02)

    page = Page(telemetry.metrics, "application/openmetrics-text; version=1.0.0")
    assert page.values("log_lines_dropped_total") == {(): 0}
    assert f'trace_id="{TRACE}"' in page.text


def test_it_can_be_had_without_any_output() -> None:
    telemetry = Telemetry()

    with telemetry.request("r1", HEADER):
        assert telemetry.tracer.inject() == HEADER
    assert telemetry.close()


async def test_with_a_collector_spans_are_sent_before_it_closes(stream: io.StringIO) -> None:
    collector = Collector()
    server = await collector.start()
    telemetry = open_telemetry(
        "info", "json", teams=[], upstreams=[], otlp_endpoint=collector.url, stream=stream
    )
    with telemetry.request("r1", HEADER), telemetry.tracer.span("inner"):
        pass

    assert await asyncio.to_thread(telemetry.close)
    await server.close()

    assert {span.name for span in collector.spans} == {"http.request", "inner"}


def test_a_collector_without_the_extra_is_refused_in_plain_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "gateway.telemetry.otlp", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(TelemetryUnavailable, match=r"video-gateway\[otel\]"):
        open_telemetry("info", "json", teams=[], upstreams=[], otlp_endpoint="http://h:4318")
