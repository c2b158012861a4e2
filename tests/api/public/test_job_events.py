"""GET /videos/{id}/events: the status of a job as server-sent events."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import ClientResponse

from gateway.api.public.parts import PARTS
from gateway.sandbox import Sandbox
from tests.fakes.clock import FakeClock
from tests.harness import KEYS, RunningGateway, flowing


@asynccontextmanager
async def stream(
    gateway: RunningGateway, job: str, team: str = "growth", **headers: str
) -> AsyncIterator[ClientResponse]:
    key = {"Authorization": f"Bearer {KEYS[team]}"}
    url = f"{gateway.base}/videos/{job}/events"
    async with gateway.http.get(url, headers={**key, **headers}) as response:
        yield response


def events(body: bytes) -> list[dict[str, Any]]:
    """The events of a stream: their fields, with `data` parsed."""
    found = []
    for block in body.decode().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if line[:1] != ":")
        if "data" in fields:
            found.append({**fields, "data": json.loads(fields["data"])})
    return found


async def test_every_change_of_the_status_is_sent_until_the_end(
    gateway: RunningGateway, clock: FakeClock
) -> None:
    job = await gateway.job()

    async with flowing(clock), stream(gateway, job) as response:
        body = await response.read()

    told = events(body)
    assert response.status == 200
    assert response.headers["Content-Type"] == "text/event-stream"
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert body.startswith(b"retry: 5000\n\n")
    assert {event["event"] for event in told} == {"status"}
    assert len({event["id"] for event in told}) == len(told)
    statuses = [event["data"]["status"] for event in told]
    assert statuses == list(dict.fromkeys(statuses))
    assert statuses[-1] == "completed"
    assert told[-1]["data"] == (await gateway.get(f"/videos/{job}")).json


async def test_a_client_that_has_the_end_is_told_not_to_reconnect(
    gateway: RunningGateway,
) -> None:
    job = await gateway.completed()
    async with stream(gateway, job) as response:
        (end,) = events(await response.read())

    async with stream(gateway, job, **{"Last-Event-ID": end["id"]}) as again:
        assert (again.status, await again.read()) == (204, b"")
    async with stream(gateway, job, **{"Last-Event-ID": "other"}) as other:
        assert events(await other.read()) == [end]


async def test_an_unknown_job_and_another_teams_are_404_as_for_a_poll(
    gateway: RunningGateway,
) -> None:
    job = await gateway.completed()

    for path in (f"/videos/{job}/events", "/videos/gen-vid-1-x/events"):
        answer = await gateway.get(path, team="rivals")
        assert (answer.status, answer.reason) == (404, "job_not_found")
    assert (await gateway.get(f"/videos/{job}/events", team=None)).status == 401


async def test_a_stream_without_news_has_heartbeats_and_an_end(
    gateway: RunningGateway, sandbox: Sandbox, clock: FakeClock
) -> None:
    sandbox.faults.next("job", "hold")
    job = await gateway.job()

    async with stream(gateway, job) as response:
        reading = asyncio.create_task(response.read())

        async def ended() -> bool:
            await clock.advance(5)
            return reading.done()

        await gateway.until(ended)
        body = await reading

    assert body.count(b": heartbeat\n\n") > 10
    assert events(body)[-1]["data"]["status"] == "in_progress"


async def test_streams_are_bounded_for_a_team_and_free_again_when_closed(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    sandbox.faults.next("job", "hold", times=2)
    job, other = await gateway.job(), await gateway.job(team="rivals", prompt="b")
    streams = gateway.gateway.public[PARTS].streams
    streams.per_team = 1

    async with stream(gateway, job) as first:
        await first.content.readexactly(7)
        refused = await gateway.get(f"/videos/{job}/events")
        async with stream(gateway, other, team="rivals") as elsewhere:
            assert elsewhere.status == 200

    assert (refused.status, refused.reason) == (429, "overloaded")
    assert refused.headers["Retry-After"] == "5"
    assert "at most 1 of one team" in refused.json["error"]["message"]

    async def free() -> bool:
        async with stream(gateway, job) as again:
            return again.status == 200

    await gateway.until(free)


async def test_a_shutdown_ends_the_streams(gateway: RunningGateway, sandbox: Sandbox) -> None:
    sandbox.faults.next("job", "hold")
    job = await gateway.job()

    async with stream(gateway, job) as response:
        reading = asyncio.create_task(response.read())
        gateway.gateway.draining = True

        async def ended() -> bool:
            return reading.done()

        await gateway.until(ended)
        assert events(await reading)


async def test_open_streams_are_counted(gateway: RunningGateway) -> None:
    job = await gateway.completed()
    async with stream(gateway, job) as response:
        await response.read()

    page = (await gateway.get(f"{gateway.admin_url}/metrics", team=None)).body.decode()

    assert 'video_gateway_event_streams_total{change="opened"} 1.0' in page
    assert 'video_gateway_event_streams_total{change="closed"} 1.0' in page
