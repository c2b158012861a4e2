"""One trace from the client's `traceparent` over submit, upstream, poll or webhook, delivery.

What is asserted is what a real OTLP collector received from whole gateways.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from gateway.sandbox import Sandbox
from tests.api.conftest import StartSandbox
from tests.fakes.subscriber import answers, subscriber
from tests.harness import RunningGateway, running_gateway
from tests.telemetry.collector import Collector, attributes

TRACE, CLIENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = {"traceparent": f"00-{TRACE}-{CLIENT}-01"}
SECRET = "the-workspace-signing-secret"
HOOK_SECRET = "a-subscribers-own-secret"


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    made = Collector()
    server = await made.start()
    yield made
    made.release()
    await server.close()


def traced(collector: Collector, hook: str, **upstream: Any) -> dict[str, Any]:
    subscription = {"name": "farm", "url": hook, "secret": HOOK_SECRET}
    return {
        "telemetry": {"otlp_endpoint": collector.url},
        "webhooks": [subscription],
        "callbacks": {"allow_http": True},
        "upstreams": {"*": upstream},
    }


def ours(collector: Collector) -> dict[str, Span]:
    """The spans of the client's trace, by name; of several of a name the last."""
    return {span.name: span for span in collector.spans if span.trace_id.hex() == TRACE}


def parent(spans: dict[str, Span], name: str) -> str:
    """The name of a span's parent; `client` where that is the client's own."""
    wanted = spans[name].parent_span_id
    if wanted.hex() == CLIENT:
        return "client"
    return next(one.name for one in spans.values() if one.span_id == wanted)


async def submitted(gateway: RunningGateway) -> str:
    answer = await gateway.call(
        "POST",
        "/videos",
        headers=HEADER,
        json={"model": "x-ai/grok-imagine-video", "prompt": "a lighthouse", "duration": 1},
    )
    assert answer.status == 202
    return str(answer.json["id"])


async def delivered(gateway: RunningGateway) -> bool:
    return bool(gateway.told("delivery.attempted"))


async def test_a_polled_job_is_one_trace(
    sandbox: Sandbox, sqlite_url: str, collector: Collector, clock: Any
) -> None:
    async with subscriber(answers(200)) as hook:
        changes = traced(collector, hook.url())
        async with running_gateway(sandbox, sqlite_url, changes, clock=clock) as gateway:
            job = await submitted(gateway)
            await gateway.ended(job)
            await gateway.until(lambda: delivered(gateway))
            ended = gateway.told("job.ended")
            requests = gateway.told("request.ended")

    spans = ours(collector)
    assert parent(spans, "POST /api/v1/videos") == "client"
    for name in ("upstream.submit", "job.poll", "delivery.attempt"):
        assert parent(spans, name) == "POST /api/v1/videos", name
    assert parent(spans, "upstream.poll") == "job.poll"
    assert spans["POST /api/v1/videos"].kind == Span.SPAN_KIND_SERVER
    assert spans["upstream.submit"].kind == Span.SPAN_KIND_CLIENT
    assert attributes(spans["upstream.submit"]) == {"upstream": "sandbox", "outcome": "ok"}
    assert attributes(spans["POST /api/v1/videos"])["job"] == job
    assert attributes(spans["delivery.attempt"])["endpoint"] == "organisation/farm"
    assert [line["trace_id"] for line in ended] == [TRACE]
    assert ended[0]["request_id"] in {line["request_id"] for line in requests}


async def test_a_job_that_a_webhook_ends_is_one_trace(
    sandboxes: StartSandbox, sqlite_url: str, collector: Collector, clock: Any
) -> None:
    sandbox = await sandboxes(webhook_secret=SECRET)
    seldom = {"first": "1h", "factor": "1", "max": "1h"}
    async with subscriber(answers(200)) as hook:
        changes = traced(collector, hook.url(), webhook_secrets=[SECRET], poll=seldom)
        async with running_gateway(sandbox, sqlite_url, changes, clock=clock) as gateway:
            job = await submitted(gateway)
            await gateway.ended(job)
            await gateway.until(lambda: delivered(gateway))

    spans = ours(collector)
    assert "upstream.poll" not in spans
    for name in ("upstream.submit", "webhook.received", "delivery.attempt"):
        assert parent(spans, name) == "POST /api/v1/videos", name


async def test_a_trace_goes_on_after_a_restart(
    sandbox: Sandbox, sqlite_url: str, collector: Collector, clock: Any
) -> None:
    async with subscriber(answers(200)) as hook:
        changes = traced(collector, hook.url())
        async with running_gateway(sandbox, sqlite_url, changes, clock=clock) as first:
            job = await submitted(first)
        before = set(ours(collector))
        async with running_gateway(sandbox, sqlite_url, changes, clock=clock) as second:
            await second.ended(job)
            await second.until(lambda: delivered(second))

    spans = ours(collector)
    assert "delivery.attempt" not in before
    for name in ("job.poll", "delivery.attempt"):
        assert parent(spans, name) == "POST /api/v1/videos", name


async def test_what_fails_is_marked_in_the_trace(
    sandbox: Sandbox, sqlite_url: str, collector: Collector, clock: Any
) -> None:
    sandbox.faults.next("submit", "reset")
    async with subscriber(answers(500)) as hook:
        changes = traced(collector, hook.url(), unknown_ttl="5s", timeout={"submit": "5s"})
        async with running_gateway(sandbox, sqlite_url, changes, clock=clock) as gateway:
            job = await submitted(gateway)
            await gateway.ended(job)
            await gateway.until(lambda: delivered(gateway))

    spans = ours(collector)
    assert attributes(spans["upstream.submit"])["error.type"] == "unknown"
    assert attributes(spans["delivery.attempt"])["error.type"] == "failed"
    assert parent(spans, "job.assumed") == "POST /api/v1/videos"


async def test_a_client_without_a_trace_begins_one_that_its_job_keeps(
    gateway: RunningGateway,
) -> None:
    job = await gateway.job()
    await gateway.ended(job)

    (submit,) = [
        line for line in gateway.told("request.ended") if line["route"] == "/api/v1/videos"
    ]
    (ended,) = gateway.told("job.ended")
    assert len(submit["trace_id"]) == 32
    assert ended["trace_id"] == submit["trace_id"]
