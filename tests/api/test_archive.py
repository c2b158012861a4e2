"""Archive mode: a completed job's videos are fetched without anybody asking for them."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway, StartSandbox
from tests.api.public.test_downloads import content_calls, download
from tests.fakes.clock import FakeClock
from tests.harness import RunningGateway


def _archive(folder: Path, **more: Any) -> dict[str, Any]:
    return {"content": {"mode": "archive", "url": str(folder / "content"), **more}}


@pytest.fixture
async def archiving(
    gateways: StartGateway, sandbox: Sandbox, database_url: str, tmp_path: Path
) -> RunningGateway:
    return await gateways(sandbox, database_url, _archive(tmp_path))


async def _stored(gateway: RunningGateway, number: int = 1) -> None:
    async def enough() -> bool:
        row = await gateway.row("SELECT COUNT(*) AS n FROM assets")
        return bool(row["n"] == number)

    await gateway.until(enough)


async def _waiting(gateway: RunningGateway) -> int:
    return int((await gateway.row("SELECT COUNT(*) AS n FROM archivals"))["n"])


async def test_a_completed_job_is_stored_without_a_client(
    archiving: RunningGateway, sandbox: Sandbox
) -> None:
    job = await archiving.completed()
    await _stored(archiving)

    answer = await download(archiving, job)

    assert "ETag" in answer.headers
    assert content_calls(sandbox) == 1
    assert await _waiting(archiving) == 0


async def test_every_output_is_stored(
    gateways: StartGateway, sandboxes: StartSandbox, sqlite_url: str, tmp_path: Path
) -> None:
    sandbox = await sandboxes(outputs=3)
    gateway = await gateways(sandbox, sqlite_url, _archive(tmp_path))
    await gateway.completed()

    await _stored(gateway, 3)

    assert content_calls(sandbox) == 3


async def test_an_upstream_that_fails_is_asked_again(
    archiving: RunningGateway, sandbox: Sandbox
) -> None:
    sandbox.faults.next("content", "refuse", status=503, times=2)
    sandbox.faults.next("content", "cut", after_bytes=100)

    await archiving.completed()
    await _stored(archiving)

    assert content_calls(sandbox) == 4
    assert [line["attempts"] for line in archiving.told("content.archive_put_off")] == [1, 2, 3]
    assert await _waiting(archiving) == 0


async def test_what_the_upstream_has_no_more_is_given_up_and_told(
    archiving: RunningGateway, sandbox: Sandbox
) -> None:
    sandbox.faults.next("content", "refuse", status=410, times=2)

    job = await archiving.completed()
    await archiving.until(lambda: _gave_up(archiving))

    (line,) = archiving.told("content.not_stored")
    assert (line["reason"], line["job"]) == ("missed", job)
    assert (await download(archiving, job)).status == 410
    again = await archiving.submit()
    assert again.headers["X-Gateway-Dedupe"] == "miss"


async def _gave_up(gateway: RunningGateway) -> bool:
    return await _waiting(gateway) == 0


async def test_it_is_tried_until_the_upstreams_copy_expires_and_not_longer(
    gateways: StartGateway,
    sandboxes: StartSandbox,
    sqlite_url: str,
    tmp_path: Path,
    clock: FakeClock,
) -> None:
    sandbox = await sandboxes(stored_copy_seconds=30.0)
    sandbox.faults.next("content", "refuse", status=503, times=1000)
    gateway = await gateways(sandbox, sqlite_url, _archive(tmp_path))
    job = await gateway.completed()
    expires_at = (await gateway.get(f"/videos/{job}")).json["expires_at"]

    await gateway.until(lambda: _gave_up(gateway))

    # The clock runs while the gateway works: a slow machine passes it by more, and tries less.
    assert clock.now().timestamp() >= expires_at
    assert gateway.told("content.not_stored")[-1]["job"] == job
    tried = content_calls(sandbox)
    assert tried >= 2
    await clock.advance(600)
    assert content_calls(sandbox) == tried


async def test_a_client_that_comes_while_it_is_fetched_joins(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    sandbox.faults.next("content", "slow", seconds=1.0)
    gateway = await gateways(sandbox, sqlite_url, _archive(tmp_path))
    job = await gateway.completed()

    async def begun() -> bool:
        return any((tmp_path / "content").glob("??/.*"))

    await gateway.until(begun)
    client = asyncio.create_task(download(gateway, job))
    await _stored(gateway)

    assert (await client).status == 200
    assert content_calls(sandbox) == 1


async def test_a_job_of_which_nothing_may_be_kept_is_not_archived(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    config = {**_archive(tmp_path), "teams": {"growth": {"retain": False}}}
    gateway = await gateways(sandbox, sqlite_url, config)

    job = await gateway.completed()

    assert await _waiting(gateway) == 0
    assert (await download(gateway, job)).status == 200
    assert list((tmp_path / "content").glob("??/*")) == []


async def test_a_gateway_that_dies_while_fetching_is_followed_by_another(
    gateways: StartGateway,
    sandbox: Sandbox,
    postgres_url: str,
    tmp_path: Path,
    clock: FakeClock,
) -> None:
    """Its lease runs out; whoever comes next fetches."""
    sandbox.faults.next("content", "hang")
    one = await gateways(sandbox, postgres_url, _archive(tmp_path))
    await one.completed()

    async def leased() -> bool:
        row = await one.row("SELECT COUNT(lease_token) AS n FROM archivals")
        return bool(row["n"])

    await one.until(leased)
    for loop in one.gateway.loops:
        await loop.stop()
    await one.database.write(
        lambda tx: tx.execute("UPDATE archivals SET lease_token = 'died with it'")
    )
    other = await gateways(sandbox, postgres_url, _archive(tmp_path))
    assert await _waiting(other) == 1

    await clock.advance(121)
    await _stored(other)

    assert await _waiting(other) == 0


async def test_cache_mode_archives_nothing(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, {"content": {"mode": "cache"}})

    await gateway.completed()

    assert await _waiting(gateway) == 0
    assert content_calls(sandbox) == 0


async def test_a_reload_does_not_change_what_is_archived(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    cached = {"content": {"mode": "cache", "url": str(tmp_path / "content")}}
    gateway = await gateways(sandbox, sqlite_url, cached)
    config = gateway.gateway.live.config
    archive = config.content.model_copy(update={"mode": "archive"})
    gateway.gateway.reload(config.model_copy(update={"content": archive}), "archive")

    await gateway.completed()

    assert await _waiting(gateway) + content_calls(sandbox) == 0
