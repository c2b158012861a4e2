"""Whatever an upstream does with a submit, one POST reaches it and the client has one job.

In real time, with the official SDKs' own retries and timeouts: the Python one gives up after five
seconds and retries, both retry every 5xx for an hour (docs/openrouter-contract.md section 9).
"""

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from openrouter import OpenRouter

from gateway.adapters.clock import SystemClock
from gateway.domain.job import Status
from gateway.sandbox import Sandbox, SandboxConfig
from tests.harness import GROK, KEYS, RunningGateway, running_gateway
from tests.sdk_js.programs import Programs


@dataclass(frozen=True)
class HostileResponse:
    """What the upstream does with a submit, and where the job stands when all is over."""

    action: str
    model: str  # one each, by which the sandbox tells them apart
    status: str
    details: dict[str, Any] = field(default_factory=dict)


# A hanging upstream is given up after nine seconds.
IMPATIENT = {"timeout": {"submit": "9s"}, "poll": {"first": "100ms", "max": "100ms"}}
MISDEEDS = [
    HostileResponse("delay", "x-ai/grok-imagine-video", "completed", {"seconds": 8.0}),
    HostileResponse("reset_after", "alibaba/happyhorse-1.1", "unknown"),
    HostileResponse("reset", "alibaba/happyhorse-1.0", "unknown"),
    HostileResponse("html", "runway/gen-4.5", "unknown"),
    HostileResponse("html", "alibaba/wan-2.7", "unknown", {"status": 502, "accept": True}),
    HostileResponse("garbage", "kwaivgi/kling-video-o1", "unknown"),
    HostileResponse("truncated", "alibaba/wan-2.6", "unknown"),
    HostileResponse("no_id", "minimax/hailuo-3", "unknown"),
    HostileResponse(
        "refuse",
        "minimax/hailuo-2.3",
        "unknown",
        {"status": 503, "body": '{"error": {"message": "busy"}}'},
    ),
    HostileResponse("refuse", "google/veo-3.1", "unknown", {"status": 500}),
    HostileResponse("hang", "openai/sora-2-pro", "unknown"),
]


def request(hostile_response: HostileResponse, client: str) -> dict[str, Any]:
    return {"model": hostile_response.model, "prompt": f"a lighthouse, says the {client} client"}


@dataclass(frozen=True)
class Told:
    """What a client was answered."""

    id: str
    status: str


async def by_python(gateway: RunningGateway) -> list[Told]:
    """All submits at once, each from a thread and a client of its own."""

    def submit(hostile_response: HostileResponse) -> Told:
        with OpenRouter(api_key=KEYS["growth"], server_url=gateway.base) as client:
            job = client.video_generation.generate(**request(hostile_response, "python"))
            return Told(job.id, job.status)

    return await asyncio.gather(*(asyncio.to_thread(submit, one) for one in MISDEEDS))


async def by_async_python(gateway: RunningGateway) -> list[Told]:
    async with OpenRouter(api_key=KEYS["growth"], server_url=gateway.base) as client:
        submits = [
            client.video_generation.generate_async(**request(one, "async python"))
            for one in MISDEEDS
        ]
        return [Told(job.id, job.status) for job in await asyncio.gather(*submits)]


async def by_typescript(gateway: RunningGateway, sdk_js: Programs) -> list[Told]:
    requests = [request(one, "typescript") for one in MISDEEDS]
    jobs = await sdk_js.run("submit", base=gateway.base, key=KEYS["growth"], requests=requests)
    return [Told(job["id"], job["status"]) for job in jobs]


async def test_exactly_one_post_reaches_an_upstream_that_misbehaves(
    sqlite_url: str, sdk_js_if_any: Programs | None
) -> None:
    """Three SDKs meet eleven hostile responses at the same time."""
    sandbox = await Sandbox.start(SandboxConfig(generation_seconds=(0.1, 0.1)))
    clients = 2 if sdk_js_if_any is None else 3
    for hostile_response in MISDEEDS:
        sandbox.faults.next(
            "submit",
            hostile_response.action,
            times=clients,
            model=hostile_response.model,
            **hostile_response.details,
        )
    try:
        async with running_gateway(
            sandbox, sqlite_url, {"upstreams": {"*": IMPATIENT}}, clock=SystemClock()
        ) as gateway:
            answers = await asyncio.gather(
                by_python(gateway),
                by_async_python(gateway),
                *([] if sdk_js_if_any is None else [by_typescript(gateway, sdk_js_if_any)]),
            )
            told = [one for answer in answers for one in answer]

            assert {one.status for one in told} == {"pending"}
            assert len({one.id for one in told}) == clients * len(MISDEEDS)
            for answer in answers:
                for one, hostile_response in zip(answer, MISDEEDS, strict=True):
                    await gateway.until(partial(stands, gateway, one.id, hostile_response))
            posts = [line for line in gateway.told("request.ended") if line["method"] == "POST"]
            assert len(posts) == clients * len(MISDEEDS), "an SDK asked again"
    finally:
        await sandbox.close()

    assert len(sandbox.ledger.submits) == clients * len(MISDEEDS)
    assert sandbox.faults.waiting == ()


async def stands(gateway: RunningGateway, job_id: str, hostile_response: HostileResponse) -> bool:
    """Whether the job stands where it should: in the database, and as its client sees it."""
    row = await gateway.row("SELECT status FROM jobs WHERE id = :id", id=job_id)
    seen = await gateway.status(job_id)
    return (row["status"], seen) == (
        hostile_response.status,
        Status(hostile_response.status).on_the_wire,
    )


async def test_without_the_gateway_the_sdk_pays_again_on_every_5xx(sandbox: Sandbox) -> None:
    """What the test above would see if a 5xx ever reached a client: it can fail."""
    sandbox.faults.next("submit", "html", accept=True)

    def submit() -> None:
        with OpenRouter(api_key=sandbox.api_key, server_url=sandbox.url) as client:
            client.video_generation.generate(**GROK)

    await asyncio.to_thread(submit)

    assert len(sandbox.ledger.accepted) == 2


@pytest.mark.parametrize("status", [500, 502, 504])
async def test_a_json_error_that_is_no_refusal_leaves_the_job_open(
    gateway: RunningGateway, sandbox: Sandbox, status: int
) -> None:
    """An error page of a proxy before a provider that took the job looks exactly like it."""
    sandbox.faults.next("submit", "refuse", status=status, accept=True)

    job_id = await gateway.job()

    row = await gateway.row("SELECT status FROM jobs WHERE id = :id", id=job_id)
    assert row["status"] == "unknown"
    assert len(sandbox.ledger.submits) == 1
