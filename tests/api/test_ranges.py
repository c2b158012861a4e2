"""Ranges of a video that is not stored yet, as iPhones and Safari request it on the first play."""

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.api.public.test_downloads import content_calls, download
from tests.harness import Answer, RunningGateway

FILM = random.Random(3).randbytes(3_000_000)
PASSTHROUGH: Mapping[str, Any] = {"content": {"mode": "passthrough"}}
NOT_RETAINED: Mapping[str, Any] = {
    "content": {"mode": "cache"},
    "teams": {"growth": {"retain": False}},
}


@pytest.fixture(autouse=True)
def films(sandbox: Sandbox) -> None:
    """The upstream sends this film: chunked, without a length, and it ignores Range."""
    sandbox.films.make = lambda _job, _index: FILM


@pytest.fixture
def ranging(sandbox: Sandbox) -> list[str]:
    """The upstream has lengths and ranges; the ranges that were requested of it."""
    requested: list[str] = []

    async def send(request: web.Request, film: bytes) -> web.StreamResponse:
        headers = {"Content-Type": "video/mp4"}
        if "Range" not in request.headers:
            return web.Response(body=film, headers=headers)
        requested.append(request.headers["Range"])
        span = request.http_range
        start = span.start if span.start >= 0 else len(film) + span.start
        if start >= len(film):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(film)}"})
        part = film[start : span.stop]
        headers["Content-Range"] = f"bytes {start}-{start + len(part) - 1}/{len(film)}"
        return web.Response(status=206, body=part, headers=headers)

    sandbox.films.send = send
    return requested


@pytest.fixture
async def caching(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> RunningGateway:
    config = {"content": {"mode": "cache", "url": str(tmp_path / "content")}}
    return await gateways(sandbox, sqlite_url, config)


def is_part(answer: Answer, start: int, stop: int) -> bool:
    """Whether the answer is exactly this part, and says so."""
    assert answer.status == 206, answer
    assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(FILM)}"
    assert answer.headers["Content-Length"] == str(stop - start)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "video/mp4"
    return answer.body == FILM[start:stop]


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-1", 0, 2),
        ("bytes=1000000-1999999", 1_000_000, 2_000_000),
        ("bytes=2999999-", 2_999_999, 3_000_000),
        ("bytes=-5", 2_999_995, 3_000_000),
    ],
)
async def test_the_first_play_of_a_video_is_answered_with_the_part(
    caching: RunningGateway, sandbox: Sandbox, asked: str, start: int, stop: int
) -> None:
    job = await caching.completed()

    first = await download(caching, job, {"Range": asked})
    again = await download(caching, job, {"Range": asked})

    assert is_part(first, start, stop)
    assert is_part(again, start, stop)
    assert content_calls(sandbox) == 1


async def test_a_link_suggests_a_file_name_and_plays_in_place(caching: RunningGateway) -> None:
    job = await caching.completed()
    link = (await caching.get(f"/videos/{job}")).json["unsigned_urls"][0]

    answer = await caching.get(link, team=None, headers={"Range": "bytes=0-1"})

    assert is_part(answer, 0, 2)
    assert answer.headers["Content-Disposition"] == f'inline; filename="{job}.mp4"'


async def test_players_that_ask_for_many_parts_at_once_share_one_download(
    caching: RunningGateway, sandbox: Sandbox
) -> None:
    job = await caching.completed()
    starts = range(0, len(FILM), 500_000)

    answers = await asyncio.gather(
        *(download(caching, job, {"Range": f"bytes={at}-{at + 499_999}"}) for at in starts)
    )

    assert b"".join(answer.body for answer in answers) == FILM
    assert all(
        is_part(answer, at, at + 500_000) for answer, at in zip(answers, starts, strict=True)
    )
    assert content_calls(sandbox) == 1


async def test_a_range_beyond_the_video_is_416_on_the_first_play(caching: RunningGateway) -> None:
    job = await caching.completed()

    answer = await download(caching, job, {"Range": "bytes=3000000-"})

    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */3000000")


async def test_nobody_continues_an_earlier_video_with_one_whose_tag_is_unknown(
    caching: RunningGateway,
) -> None:
    job = await caching.completed()

    answer = await download(caching, job, {"Range": "bytes=1-", "If-Range": '"other"'})

    assert (answer.status, answer.body) == (200, FILM)


async def test_an_upstream_that_breaks_off_is_502_for_a_range(
    caching: RunningGateway, sandbox: Sandbox
) -> None:
    """Nothing was sent yet, so the client learns it by the status and can retry."""
    job = await caching.completed()
    sandbox.faults.next("content", "cut", after_bytes=1_000_000)

    answer = await download(caching, job, {"Range": "bytes=0-1"})

    assert (answer.status, answer.reason) == (502, "upstream_failed")
    assert is_part(await download(caching, job, {"Range": "bytes=0-1"}), 0, 2)


async def test_a_video_too_large_for_the_store_is_sent_whole(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    config = {"content": {"mode": "cache", "url": str(tmp_path / "content"), "max_gb": 0.001}}
    gateway = await gateways(sandbox, sqlite_url, config, expected_errors=[SANDBOX_IS_LEFT])
    job = await gateway.completed()

    answer = await download(gateway, job, {"Range": "bytes=0-1"})

    assert (answer.status, answer.body) == (200, FILM)


SANDBOX_IS_LEFT = "Error handling request from …"


async def test_a_part_comes_before_the_end_where_the_upstream_says_how_long_it_is(
    caching: RunningGateway, sandbox: Sandbox
) -> None:
    job = await caching.completed()
    go_on = asyncio.Event()

    async def send(request: web.Request, _film: bytes) -> web.StreamResponse:
        length = str(len(FILM))
        answer = web.StreamResponse(headers={"Content-Type": "video/mp4", "Content-Length": length})
        await answer.prepare(request)
        await answer.write(FILM[:1_000_000])
        await go_on.wait()
        await answer.write(FILM[1_000_000:])
        return answer

    sandbox.films.send = send

    early = await download(caching, job, {"Range": "bytes=500000-599999"})
    head = await caching.call("HEAD", f"/videos/{job}/content")
    whole = asyncio.create_task(download(caching, job))
    go_on.set()

    assert is_part(early, 500_000, 600_000)
    assert "ETag" not in early.headers
    assert head.headers["Content-Length"] == str(len(FILM))
    assert (await whole).body == FILM
    assert (await whole).headers["Content-Length"] == str(len(FILM))


@pytest.mark.parametrize(
    "changes", [PASSTHROUGH, NOT_RETAINED], ids=["passthrough", "not retained"]
)
async def test_ranges_of_the_upstream_are_passed_through(
    gateways: StartGateway,
    sandbox: Sandbox,
    sqlite_url: str,
    ranging: list[str],
    changes: Mapping[str, Any],
) -> None:
    gateway = await gateways(sandbox, sqlite_url, changes)
    job = await gateway.completed()

    assert is_part(await download(gateway, job, {"Range": "bytes=0-1"}), 0, 2)
    assert is_part(await download(gateway, job, {"Range": "bytes=-9"}), 2_999_991, 3_000_000)
    beyond = await download(gateway, job, {"Range": "bytes=3000000-"})
    several = await download(gateway, job, {"Range": "bytes=0-1,5-6"})

    assert ranging == ["bytes=0-1", "bytes=-9", "bytes=3000000-"]
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */3000000")
    assert (several.status, several.body) == (200, FILM)


async def test_an_upstream_without_ranges_is_passed_through_whole(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, PASSTHROUGH)
    job = await gateway.completed()

    answer = await download(gateway, job, {"Range": "bytes=0-1"})

    assert (answer.status, answer.body) == (200, FILM)
    assert "Accept-Ranges" not in answer.headers


async def test_head_of_a_video_that_is_not_stored_says_whether_it_has_ranges(
    caching: RunningGateway, gateways: StartGateway, sandbox: Sandbox, tmp_path: Path
) -> None:
    job = await caching.completed()

    head = await caching.call("HEAD", f"/videos/{job}/content", headers={"Range": "bytes=0-1"})

    assert (head.status, head.headers["Accept-Ranges"]) == (200, "bytes")
    assert head.headers["Content-Disposition"] == f'inline; filename="{job}.mp4"'
    assert content_calls(sandbox) == 0
