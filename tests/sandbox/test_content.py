"""Tests of downloads."""

import asyncio
import io
from typing import Any

import aiohttp
import av
import pytest
from aiohttp import ClientSession

from tests.fakes.clock import FakeClock
from tests.sandbox.client import GROK, Client
from tests.sandbox.conftest import Start

SMALL: dict[str, Any] = {**GROK, "resolution": "480p", "aspect_ratio": "1:1"}


async def finished(client: Client, clock: FakeClock, **changes: Any) -> str:
    job_id = await client.job(SMALL, **changes)
    await clock.advance(6)
    return job_id


async def test_a_completed_job_has_a_video_of_its_size_and_length(
    client: Client, clock: FakeClock
) -> None:
    job_id = await finished(client, clock, duration=2)

    answer = await client.call("GET", f"/videos/{job_id}/content")

    assert answer.status == 200
    assert answer.headers["Content-Type"] == "video/mp4"
    with av.open(io.BytesIO(answer.body)) as container:
        (stream,) = container.streams.video
        assert (stream.codec_context.name, stream.width, stream.height) == ("h264", 544, 544)
        assert container.duration == 2_000_000


async def test_the_response_is_chunked_and_ignores_range(client: Client, clock: FakeClock) -> None:
    job_id = await finished(client, clock)
    path = f"/videos/{job_id}/content?index=0"

    whole = await client.call("GET", path)
    ranged = await client.call("GET", path, headers={"Range": "bytes=0-9"})

    assert (ranged.status, ranged.body) == (200, whole.body)
    assert whole.headers["Transfer-Encoding"] == "chunked"
    for name in ("Content-Length", "Content-Disposition", "Accept-Ranges", "Location"):
        assert name not in whole.headers


async def test_two_jobs_of_one_size_have_different_bytes(client: Client, clock: FakeClock) -> None:
    first, second = [await client.job(SMALL) for _ in range(2)]
    await clock.advance(6)

    one = await client.call("GET", f"/videos/{first}/content")
    other = await client.call("GET", f"/videos/{second}/content")

    assert one.body != other.body


async def test_content_needs_a_key(client: Client, clock: FakeClock, http: ClientSession) -> None:
    job_id = await finished(client, clock)

    async with http.get(f"{client.sandbox.url}/videos/{job_id}/content?index=0") as response:
        body = await response.json()

    assert response.status == 401
    assert body["error"]["code"] == 401


async def test_an_index_out_of_range_is_400_with_the_recorded_message(
    client: Client, clock: FakeClock
) -> None:
    job_id = await finished(client, clock)

    beyond = await client.call("GET", f"/videos/{job_id}/content?index=5")
    invalid = [
        (await client.call("GET", f"/videos/{job_id}/content?index={index}")).status
        for index in ("-1", "x", "1.0", "", "9" * 40)
    ]

    assert beyond.status == 400
    assert beyond.body["error"]["message"] == "Video index 5 out of range (1 videos available)"
    assert invalid == [400] * 5


@pytest.mark.parametrize("status", [409, 404])
async def test_there_is_no_content_before_completion(
    http: ClientSession, start: Start, status: int
) -> None:
    client = Client(http, await start(not_ready_status=status))
    job_id = await client.job(SMALL)

    answer = await client.call("GET", f"/videos/{job_id}/content")

    assert answer.status == answer.body["error"]["code"] == status


async def test_a_failed_job_has_no_content_and_an_unknown_one_is_404(
    client: Client, clock: FakeClock
) -> None:
    client.sandbox.faults.next("job", "fail")
    job_id = await finished(client, clock)

    failed = await client.call("GET", f"/videos/{job_id}/content")
    unknown = await client.call("GET", "/videos/nobody/content")

    assert failed.status == 409
    assert (unknown.status, unknown.body["error"]["message"]) == (404, "Job nobody not found")


async def test_content_is_gone_after_the_retention(
    http: ClientSession, start: Start, clock: FakeClock
) -> None:
    client = Client(http, await start(retention_seconds=100))
    job_id = await finished(client, clock)
    await clock.advance(99)
    before = await client.call("GET", f"/videos/{job_id}/content")
    await clock.advance(1)

    after = await client.call("GET", f"/videos/{job_id}/content")

    assert (before.status, after.status) == (200, 410)


async def test_a_stored_copy_needs_no_key_until_it_expires(
    http: ClientSession, start: Start, clock: FakeClock
) -> None:
    client = Client(http, await start(stored_copy_seconds=600))
    job_id = await finished(client, clock)
    (link,) = (await client.poll(job_id)).body["urls"]
    original = await client.call("GET", f"/videos/{job_id}/content")

    async with http.get(link) as response:
        copy = await response.read()
    forged = [
        (await http.get(changed)).status
        for changed in (
            link.replace("/0.mp4", "/1.mp4"),
            link.replace("expires=1", "expires=9"),
            link[:-1] + ("0" if link[-1] != "0" else "1"),
            link.split("?")[0],
        )
    ]
    await clock.advance(600)

    assert (response.status, copy) == (200, original.body)
    assert forged == [403] * 4
    assert (await http.get(link)).status == 410


async def test_a_download_can_be_cut(client: Client, clock: FakeClock) -> None:
    job_id = await finished(client, clock)
    whole = await client.call("GET", f"/videos/{job_id}/content")
    client.sandbox.faults.next("content", "cut", after_bytes=1000)

    received = b""
    headers = {"Authorization": f"Bearer {client.sandbox.api_key}"}
    url = f"{client.sandbox.url}/videos/{job_id}/content"
    with pytest.raises(aiohttp.ClientPayloadError):  # noqa: PT012 - reading the body fails
        async with client.http.get(url, headers=headers) as response:
            async for chunk in response.content.iter_any():
                received += chunk

    assert received == whole.body[:1000]
    assert (await client.call("GET", f"/videos/{job_id}/content")).body == whole.body


async def test_a_download_can_be_slow(client: Client, clock: FakeClock) -> None:
    job_id = await finished(client, clock)
    whole = await client.call("GET", f"/videos/{job_id}/content")
    client.sandbox.faults.next("content", "slow", seconds=5)

    reading = asyncio.create_task(client.call("GET", f"/videos/{job_id}/content"))
    advanced = 0
    while not reading.done():
        if clock.sleepers:
            await clock.advance(5)
            advanced += 5
        await asyncio.sleep(0)

    assert (await reading).body == whole.body
    assert advanced >= 50
