"""Videos as clients get them: from the upstream, from the store, whole or in parts."""

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway, StartSandbox
from tests.fakes.clock import FakeClock
from tests.fakes.s3 import S3Server
from tests.harness import KEYS, Answer, RunningGateway

CACHE: Mapping[str, Any] = {"content": {"mode": "cache"}}


def content_calls(sandbox: Sandbox) -> int:
    """How often the upstream was asked for a video."""
    kind = "GET /api/v1/videos/{job_id}/content "
    return sum(count for call, count in sandbox.ledger.calls.items() if call.startswith(kind))


@pytest.fixture
async def caching(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> RunningGateway:
    """A gateway that keeps what was downloaded, in `tmp_path / "content"`."""
    return await gateways(sandbox, sqlite_url, _kept_in(tmp_path))


def _kept_in(folder: Path, mode: str = "cache", **more: Any) -> dict[str, Any]:
    return {"content": {"mode": mode, "url": str(folder / "content"), **more}}


async def download(
    gateway: RunningGateway, job: str, headers: Mapping[str, str] | None = None, **options: Any
) -> Answer:
    return await gateway.get(f"/videos/{job}/content", headers=dict(headers or {}), **options)


async def stored(gateway: RunningGateway, job: str) -> Answer:
    """A download that is in the store when this returns; the first answer."""
    first = await download(gateway, job)
    assert first.status == 200
    await gateway.until(lambda: _has_asset(gateway, job))
    return first


async def _has_asset(gateway: RunningGateway, job: str) -> bool:
    row = await gateway.row("SELECT COUNT(*) AS n FROM assets WHERE job_id = :job", job=job)
    return bool(row["n"])


async def test_the_first_download_is_stored_and_the_second_is_served_from_the_store(
    caching: RunningGateway, sandbox: Sandbox
) -> None:
    job = await caching.completed()

    first = await stored(caching, job)
    second = await download(caching, job)

    assert second.body == first.body
    assert content_calls(sandbox) == 1
    assert second.headers["ETag"] == f'"{hashlib.sha256(first.body).hexdigest()}"'


async def test_a_stored_video_says_all_about_itself(caching: RunningGateway) -> None:
    job = await caching.completed()
    film = (await stored(caching, job)).body

    answer = await download(caching, job)

    told = {name: answer.headers[name] for name in _ABOUT}
    assert answer.status == 200
    assert told == {
        "Content-Type": "video/mp4",
        "Content-Length": str(len(film)),
        "Content-Disposition": f'inline; filename="{job}.mp4"',
        "Accept-Ranges": "bytes",
        "Cache-Control": "private",
    }
    assert "Transfer-Encoding" not in answer.headers


_ABOUT = (
    "Content-Type",
    "Content-Length",
    "Content-Disposition",
    "Accept-Ranges",
    "Cache-Control",
)


async def test_head_tells_the_same_without_the_bytes_and_asks_no_upstream(
    caching: RunningGateway, sandbox: Sandbox
) -> None:
    job = await caching.completed()
    film = (await stored(caching, job)).body

    head = await caching.call("HEAD", f"/videos/{job}/content", headers={"Range": "bytes=0-1"})

    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == str(len(film))
    assert head.headers["ETag"] == f'"{hashlib.sha256(film).hexdigest()}"'
    assert content_calls(sandbox) == 1


async def test_head_of_what_is_not_stored_is_200_and_downloads_nothing(
    caching: RunningGateway, sandbox: Sandbox
) -> None:
    job = await caching.completed()

    head = await caching.call("HEAD", f"/videos/{job}/content")

    assert head.status == 200
    assert "ETag" not in head.headers
    assert content_calls(sandbox) == 0


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-99", 5, 100),
        ("bytes=100-", 100, None),
        ("bytes=-7", -7, None),
        ("bytes=0-99999999999", 0, None),
        ("BYTES=3-4", 3, 5),
    ],
)
async def test_a_range_is_answered_with_that_part(
    caching: RunningGateway, asked: str, start: int, stop: int | None
) -> None:
    job = await caching.completed()
    film = (await stored(caching, job)).body

    answer = await download(caching, job, {"Range": asked})

    part = film[start:stop]
    first = film.index(part) if start < 0 else start
    assert answer.status == 206
    assert answer.body == part
    assert answer.headers["Content-Range"] == f"bytes {first}-{first + len(part) - 1}/{len(film)}"
    assert answer.headers["Content-Length"] == str(len(part))


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=9-3", "bytes=-", "items=0-1", "bytes=a-b", "0-5", ""]
)
async def test_several_ranges_and_nonsense_are_answered_with_the_whole(
    caching: RunningGateway, asked: str
) -> None:
    job = await caching.completed()
    film = (await stored(caching, job)).body

    answer = await download(caching, job, {"Range": asked})

    assert (answer.status, answer.body) == (200, film)
    assert "Content-Range" not in answer.headers


@pytest.mark.parametrize("beyond", [0, 1_000_000])
async def test_a_range_without_a_byte_of_the_video_is_416(
    caching: RunningGateway, beyond: int
) -> None:
    job = await caching.completed()
    size = len((await stored(caching, job)).body)

    answer = await download(caching, job, {"Range": f"bytes={size + beyond}-"})
    nothing = await download(caching, job, {"Range": "bytes=-0"})

    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes */{size}")
    assert nothing.status == 416


async def test_who_has_the_video_is_told_304(caching: RunningGateway) -> None:
    job = await caching.completed()
    film = (await stored(caching, job)).body
    tag = f'"{hashlib.sha256(film).hexdigest()}"'

    for given in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        answer = await download(caching, job, {"If-None-Match": given})
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["ETag"] == tag
    other = await download(caching, job, {"If-None-Match": '"other"'})
    assert other.status == 200


async def test_a_part_is_only_given_to_who_has_the_rest_of_the_same_video(
    caching: RunningGateway,
) -> None:
    job = await caching.completed()
    film = (await stored(caching, job)).body
    tag = f'"{hashlib.sha256(film).hexdigest()}"'

    fits = await download(caching, job, {"Range": "bytes=1-", "If-Range": tag})
    changed = await download(caching, job, {"Range": "bytes=1-", "If-Range": '"other"'})
    weak = await download(caching, job, {"Range": "bytes=1-", "If-Range": f"W/{tag}"})
    dated = await download(
        caching, job, {"Range": "bytes=1-", "If-Range": "Sun, 22 Nov 2026 12:00:00 GMT"}
    )

    assert (fits.status, fits.body) == (206, film[1:])
    assert [a.status for a in (changed, weak, dated)] == [200, 200, 200]


async def test_the_second_output_has_its_own_name_and_bytes(
    gateways: StartGateway, sandboxes: StartSandbox, sqlite_url: str
) -> None:
    sandbox = await sandboxes(outputs=2)
    gateway = await gateways(sandbox, sqlite_url, CACHE)
    job = await gateway.completed()

    first = await download(gateway, job)
    second = await gateway.get(f"/videos/{job}/content?index=1")

    assert second.headers["Content-Disposition"] == f'inline; filename="{job}-1.mp4"'
    assert first.headers["Content-Disposition"] == f'inline; filename="{job}.mp4"'
    assert first.body != second.body


async def test_a_signed_link_gets_a_part_of_a_stored_video_without_a_key(
    caching: RunningGateway,
) -> None:
    job = await caching.completed()
    film = (await stored(caching, job)).body
    (link,) = (await caching.get(f"/videos/{job}")).json["unsigned_urls"]

    answer = await caching.get(link, team=None, headers={"Range": "bytes=0-9"})

    assert (answer.status, answer.body) == (206, film[:10])


async def test_another_team_gets_nothing_of_a_stored_video(caching: RunningGateway) -> None:
    job = await caching.completed()
    await stored(caching, job)

    answer = await download(caching, job, team="rivals")

    assert (answer.status, answer.reason) == (404, "job_not_found")


async def test_a_stored_video_outlives_the_upstreams_copy(
    clock: FakeClock, gateways: StartGateway, sandboxes: StartSandbox, sqlite_url: str
) -> None:
    sandbox = await sandboxes(retention_seconds=60.0)
    gateway = await gateways(sandbox, sqlite_url, CACHE)
    job = await gateway.completed()
    film = (await stored(gateway, job)).body
    await clock.advance(61.0)

    answer = await download(gateway, job)

    assert (answer.status, answer.body) == (200, film)


async def test_what_the_upstream_has_no_more_is_410_and_is_bought_anew(
    clock: FakeClock, gateways: StartGateway, sandboxes: StartSandbox, sqlite_url: str
) -> None:
    sandbox = await sandboxes(retention_seconds=60.0)
    gateway = await gateways(sandbox, sqlite_url, CACHE)
    job = await gateway.completed()
    await clock.advance(61.0)

    gone = await download(gateway, job)
    head = await gateway.call("HEAD", f"/videos/{job}/content")
    again = await gateway.submit()

    assert head.status == 410
    assert (gone.status, gone.reason) == (410, "content_gone")
    assert again.headers["X-Gateway-Dedupe"] == "miss"
    assert again.json["id"] != job


async def test_a_video_that_was_given_up_and_is_there_again_is_shared_again(
    caching: RunningGateway, sandbox: Sandbox
) -> None:
    """An upstream that forgot a video for a moment must not make the next one be paid for."""
    job = await caching.completed()
    sandbox.faults.next("content", "refuse", status=410)

    gone = await download(caching, job)
    await stored(caching, job)
    again = await caching.submit()

    assert gone.status == 410
    assert (again.json["id"], again.headers["X-Gateway-Dedupe"]) == (job, "hit")


CONFIGURED: list[dict[str, Any]] = [
    {"content": {"mode": "passthrough"}},
    {"content": {"mode": "cache"}},
    {"teams": {"growth": {"retain": False}}},
]


@pytest.mark.parametrize("changes", CONFIGURED, ids=["passthrough", "cache", "not retained"])
@pytest.mark.parametrize("fault", [("refuse", {"status": 404}), ("html", {"status": 404})])
async def test_one_404_is_not_the_end_of_a_video(
    gateways: StartGateway,
    sandbox: Sandbox,
    sqlite_url: str,
    tmp_path: Path,
    changes: dict[str, Any],
    fault: tuple[str, dict[str, Any]],
) -> None:
    """A provider may be late with the file, and a proxy may answer; the next one must not pay."""
    content = {"url": str(tmp_path / "content"), **changes.get("content", {})}
    gateway = await gateways(sandbox, sqlite_url, changes | {"content": content})
    job = await gateway.completed()
    sandbox.faults.next("content", fault[0], **fault[1])

    failed = await download(gateway, job)
    again = await gateway.submit()
    after = await download(gateway, job)

    assert (failed.status, failed.reason) == (502, "upstream_failed")
    assert (again.json["id"], again.headers["X-Gateway-Dedupe"]) == (job, "hit")
    assert after.status == 200
    assert len(sandbox.ledger.accepted) == 1


@pytest.mark.parametrize("mode", ["passthrough", "cache"])
async def test_a_404_of_the_upstream_that_lasts_a_minute_is_the_end(
    clock: FakeClock,
    gateways: StartGateway,
    sandbox: Sandbox,
    sqlite_url: str,
    tmp_path: Path,
    mode: str,
) -> None:
    gateway = await gateways(sandbox, sqlite_url, _kept_in(tmp_path, mode))
    job = await gateway.completed()
    sandbox.faults.next("content", "refuse", status=404, times=3)

    first = await download(gateway, job)
    await clock.advance(30)
    second = await download(gateway, job)
    await clock.advance(31)
    third = await download(gateway, job)

    assert [first.status, second.status, third.status] == [502, 502, 410]
    assert (await gateway.submit()).headers["X-Gateway-Dedupe"] == "miss"


async def test_a_404_page_of_a_proxy_is_never_the_end(
    clock: FakeClock, caching: RunningGateway, sandbox: Sandbox
) -> None:
    job = await caching.completed()
    sandbox.faults.next("content", "html", status=404, times=3)

    for _ in range(3):
        assert (await download(caching, job)).status == 502
        await clock.advance(100)

    assert (await download(caching, job)).status == 200


async def test_a_video_that_comes_between_two_404s_starts_the_minute_anew(
    clock: FakeClock, gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, {"content": {"mode": "passthrough"}})
    job = await gateway.completed()

    for _ in range(3):
        sandbox.faults.next("content", "refuse", status=404)
        assert (await download(gateway, job)).status == 502
        assert (await download(gateway, job)).status == 200
        await clock.advance(61)


async def test_how_long_a_404_must_last_is_configured(
    clock: FakeClock, gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    content = {"mode": "passthrough", "gone_after": "10m"}
    gateway = await gateways(sandbox, sqlite_url, {"content": content})
    job = await gateway.completed()
    sandbox.faults.next("content", "refuse", status=404, times=3)

    assert (await download(gateway, job)).status == 502
    await clock.advance(590)
    assert (await download(gateway, job)).status == 502
    await clock.advance(11)
    assert (await download(gateway, job)).status == 410


async def test_a_404_after_the_end_that_the_upstream_stated_is_the_end(
    clock: FakeClock, gateways: StartGateway, sandboxes: StartSandbox, sqlite_url: str
) -> None:
    sandbox = await sandboxes(stored_copy_seconds=30.0)
    gateway = await gateways(sandbox, sqlite_url, {"content": {"mode": "passthrough"}})
    job = await gateway.completed()
    sandbox.faults.next("content", "html", status=404)
    await clock.advance(31)

    assert (await download(gateway, job)).status == 410


@pytest.mark.parametrize("mode", ["passthrough", "cache"])
async def test_a_video_of_no_bytes_is_not_a_video(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path, mode: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, _kept_in(tmp_path, mode))
    job = await gateway.completed()
    sandbox.faults.next(
        "content", "refuse", status=200, body="", headers={"Content-Type": "video/mp4"}
    )

    empty = await download(gateway, job)
    after = await download(gateway, job)

    assert (empty.status, empty.reason) == (502, "upstream_failed")
    assert after.status == 200
    assert len(after.body) > 1000


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_an_upstream_that_fails_for_the_moment_is_502_and_nothing_is_lost(
    caching: RunningGateway, sandbox: Sandbox, status: int
) -> None:
    job = await caching.completed()
    sandbox.faults.next("content", "refuse", status=status)

    failed = await download(caching, job)
    after = await download(caching, job)

    assert (failed.status, failed.reason) == (502, "upstream_failed")
    assert failed.headers["Retry-After"] == "5"
    assert after.status == 200


@pytest.mark.parametrize("action", ["html", "garbage"])
async def test_a_page_or_json_in_a_videos_place_is_neither_served_nor_stored(
    caching: RunningGateway, sandbox: Sandbox, action: str
) -> None:
    job = await caching.completed()
    sandbox.faults.next("content", action, status=200)

    answer = await download(caching, job)

    assert (answer.status, answer.reason) == (502, "upstream_failed")
    assert not await _has_asset(caching, job)


async def test_a_missing_file_is_as_if_it_had_not_been_stored(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    caching = await gateways(
        sandbox, sqlite_url, _kept_in(tmp_path), expected_errors=["content.missing"]
    )
    job = await caching.completed()
    film = (await stored(caching, job)).body
    for path in tmp_path.glob("content/??/*"):  # noqa: ASYNC240
        path.unlink()

    answer = await download(caching, job)
    await caching.until(lambda: _has_asset(caching, job))

    assert (answer.status, answer.body) == (200, film)
    assert content_calls(sandbox) == 2
    assert (await caching.row("SELECT reason FROM asset_removals"))["reason"] == "missing"


async def test_passthrough_keeps_nothing_and_makes_no_folder(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    gateway = await gateways(sandbox, sqlite_url, _kept_in(tmp_path, "passthrough"))
    job = await gateway.completed()

    first, second = await download(gateway, job), await download(gateway, job)

    assert first.body == second.body
    assert content_calls(sandbox) == 2
    assert not (tmp_path / "content").exists()
    assert "ETag" not in second.headers


async def test_what_is_stored_is_still_served_when_nothing_more_is_to_be(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str, tmp_path: Path
) -> None:
    before = await gateways(sandbox, postgres_url, _kept_in(tmp_path))
    job = await before.completed()
    await stored(before, job)

    after = await gateways(sandbox, postgres_url, _kept_in(tmp_path, "passthrough"))
    answer = await download(after, job)

    assert "ETag" in answer.headers
    assert content_calls(sandbox) == 1


async def test_replicas_with_a_folder_each_download_each_and_never_say_gone_of_what_one_has(
    clock: FakeClock,
    gateways: StartGateway,
    sandboxes: StartSandbox,
    postgres_url: str,
    tmp_path: Path,
) -> None:
    sandbox = await sandboxes(retention_seconds=60.0)
    here = await gateways(sandbox, postgres_url, _kept_in(tmp_path / "here"))
    there = await gateways(sandbox, postgres_url, _kept_in(tmp_path / "there"))
    job = await here.completed()
    film = (await stored(here, job)).body
    await clock.advance(61.0)

    out_of_reach = await download(there, job)
    served = await download(here, job)
    again = await here.submit()

    assert (out_of_reach.status, out_of_reach.reason) == (503, "not_ready")
    assert "Retry-After" in out_of_reach.headers
    assert served.body == film
    assert again.headers["X-Gateway-Dedupe"] == "hit"


async def test_replicas_that_share_a_folder_share_what_is_in_it(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str, tmp_path: Path
) -> None:
    here = await gateways(sandbox, postgres_url, _kept_in(tmp_path))
    there = await gateways(sandbox, postgres_url, _kept_in(tmp_path))
    job = await here.completed()
    film = (await stored(here, job)).body

    answer = await download(there, job)

    assert (answer.status, answer.body) == (200, film)
    assert content_calls(sandbox) == 1


async def test_videos_in_s3_are_stored_shared_and_served_in_parts(
    clock: FakeClock,
    gateways: StartGateway,
    sandboxes: StartSandbox,
    postgres_url: str,
    s3_server: S3Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    config = {"content": {"mode": "cache", "url": f"s3://{s3_server.bucket()}/videos"}}
    sandbox = await sandboxes(retention_seconds=60.0)
    here = await gateways(sandbox, postgres_url, config)
    there = await gateways(sandbox, postgres_url, config)
    job = await here.completed()
    film = (await stored(here, job)).body
    await clock.advance(61.0)

    whole = await download(there, job)
    part = await download(there, job, {"Range": "bytes=10-19"})
    had = await download(there, job, {"If-None-Match": whole.headers["ETag"]})

    assert (whole.status, whole.body) == (200, film)
    assert (part.status, part.body) == (206, film[10:20])
    assert had.status == 304
    assert whole.headers["Content-Length"] == str(len(film))


async def test_what_is_served_is_counted_by_where_it_came_from(caching: RunningGateway) -> None:
    job = await caching.completed()
    film = (await stored(caching, job)).body
    await download(caching, job, {"Range": "bytes=0-9"})

    page = (await caching.get(f"{caching.admin_url}/metrics", team=None)).body.decode()

    assert f'content_served_bytes_total{{source="upstream"}} {float(len(film))}' in page
    assert 'content_served_bytes_total{source="store"} 10.0' in page
    assert 'content_lookups_total{result="hit"} 1.0' in page
    assert 'content_lookups_total{result="miss"} 1.0' in page


async def test_the_store_makes_room_while_the_gateway_runs(
    clock: FakeClock, gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    config = _kept_in(tmp_path, max_gb=0.0001)
    gateway = await gateways(sandbox, sqlite_url, config)
    jobs = [
        await gateway.completed(prompt=f"number {number}", duration=15, resolution="480p")
        for number in range(6)
    ]
    for job in jobs:
        await clock.advance(1.0)
        await stored(gateway, job)

    async def fits() -> bool:
        row = await gateway.row("SELECT SUM(size) AS size FROM assets")
        return bool(row["size"] <= 100_000)

    await gateway.until(fits)
    before = content_calls(sandbox)
    oldest = await download(gateway, jobs[0])
    newest = await download(gateway, jobs[-1])

    assert (oldest.status, newest.status) == (200, 200)
    assert content_calls(sandbox) == before + 1  # the oldest had to be fetched again
    assert {line["reason"] for line in gateway.told("content.evicted")} == {"space"}


async def test_a_download_that_breaks_off_looks_broken_off_to_an_old_client(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    """HTTP/1.0 has no chunks: a plain close would be the end of the video."""
    gateway = await gateways(sandbox, sqlite_url, {"content": {"mode": "passthrough"}})
    job = await gateway.completed()
    sandbox.faults.next("content", "cut", after_bytes=2000)
    host, _, port = gateway.origin.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    path = f"/api/v1/videos/{job}/content"
    key = KEYS["growth"]
    writer.write(f"GET {path} HTTP/1.0\r\nAuthorization: Bearer {key}\r\n\r\n".encode())

    with pytest.raises(ConnectionResetError):
        await asyncio.wait_for(reader.read(), 5)
    writer.close()
