"""Many clients of one video at once: one upstream download, and nobody spoils it for others."""

import asyncio
import random
import re
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from gateway.api.public import downloads
from gateway.api.public.parts import PARTS
from gateway.app import Outside
from gateway.sandbox import Sandbox
from gateway.telemetry.bundle import Telemetry
from tests.api.conftest import StartGateway
from tests.api.public.test_downloads import content_calls, download
from tests.harness import KEYS, RunningGateway

# Far beyond what sockets and buffers on the way hold: a client that stops reading is felt.
FILM = random.Random(11).randbytes(24_000_000)

# The sandbox shares our log, and says so when a download of it is broken off.
SANDBOX_IS_LEFT = "Error handling request from …"


@pytest.fixture(autouse=True)
def long_films(sandbox: Sandbox) -> None:
    sandbox.films.make = lambda _job, _index: FILM


@pytest.fixture
async def caching(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> RunningGateway:
    config = {"content": {"mode": "cache", "url": str(tmp_path / "content")}}
    return await gateways(sandbox, sqlite_url, config, expected_errors=[SANDBOX_IS_LEFT])


async def slow_client(gateway: RunningGateway, job: str, go_on: asyncio.Event) -> bytes:
    """Reads a little, then nothing until it is told to."""
    headers = {"Authorization": f"Bearer {KEYS['growth']}"}
    async with gateway.http.get(f"{gateway.base}/videos/{job}/content", headers=headers) as answer:
        start = await answer.content.readexactly(1000)
        await go_on.wait()
        return start + await answer.content.read()


async def leaving_client(gateway: RunningGateway, job: str) -> None:
    """Reads a little and hangs up."""
    headers = {"Authorization": f"Bearer {KEYS['growth']}"}
    async with gateway.http.get(f"{gateway.base}/videos/{job}/content", headers=headers) as answer:
        await answer.content.readexactly(1000)
        answer.close()


async def assets(gateway: RunningGateway) -> int:
    return int((await gateway.row("SELECT COUNT(*) AS n FROM assets"))["n"])


async def test_twenty_clients_one_slow_one_leaving_share_one_download(
    caching: RunningGateway, sandbox: Sandbox
) -> None:
    job = await caching.completed()
    go_on = asyncio.Event()

    slow = asyncio.create_task(slow_client(caching, job, go_on))
    leaving = asyncio.create_task(leaving_client(caching, job))
    others = await asyncio.gather(*(download(caching, job) for _ in range(18)))
    await leaving
    await caching.until(lambda: assets(caching))
    assert not slow.done()  # it held nobody up: the others and the store are done
    go_on.set()

    assert all(answer.body == FILM for answer in others)
    assert await slow == FILM
    assert content_calls(sandbox) == 1


async def test_the_store_gets_its_copy_although_every_client_has_left(
    caching: RunningGateway, sandbox: Sandbox
) -> None:
    job = await caching.completed()

    await leaving_client(caching, job)
    await caching.until(lambda: assets(caching))

    assert (await download(caching, job)).body == FILM
    assert content_calls(sandbox) == 1


async def test_an_upstream_that_breaks_off_cuts_all_and_leaves_nothing_stored(
    caching: RunningGateway, sandbox: Sandbox, tmp_path: Path
) -> None:
    job = await caching.completed()
    sandbox.faults.next("content", "cut", after_bytes=5_000_000)

    cut = await asyncio.gather(*(download(caching, job) for _ in range(5)), return_exceptions=True)
    left = _files(tmp_path)
    again = await download(caching, job)

    assert all(isinstance(answer, Exception) for answer in cut)
    assert left == []
    assert again.body == FILM
    assert content_calls(sandbox) == 2


async def test_clients_get_their_bytes_when_the_video_is_too_large_for_the_store(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    config = {"content": {"mode": "cache", "url": str(tmp_path / "content"), "max_gb": 0.01}}
    gateway = await gateways(sandbox, sqlite_url, config, expected_errors=[SANDBOX_IS_LEFT])
    job = await gateway.completed()

    answers = await asyncio.gather(*(download(gateway, job) for _ in range(3)))

    assert all(answer.body == FILM for answer in answers)
    assert _files(tmp_path) == []
    assert await _failures(gateway) == {"full": 1.0}


async def test_clients_get_their_bytes_when_the_disk_is_full_and_it_is_counted(
    caching: RunningGateway, tmp_path: Path
) -> None:
    job = await caching.completed()

    with files_end_at(10_000_000):
        answers = await asyncio.gather(*(download(caching, job) for _ in range(3)))
        after = await download(caching, job)

    assert all(answer.body == FILM for answer in (*answers, after))
    assert _files(tmp_path) == []
    assert await _failures(caching) == {"full": 1.0}  # then it is not tried for a while
    assert await assets(caching) == 0


async def test_a_store_that_has_failed_is_tried_again_after_a_while(
    caching: RunningGateway,
) -> None:
    job = await caching.completed()
    with files_end_at(10_000_000):
        await download(caching, job)

    async def stored() -> bool:
        await download(caching, job)
        return bool(await assets(caching))

    await caching.until(stored)


@contextmanager
def files_end_at(size: int) -> Iterator[None]:
    """The kernel lets no file of this process grow beyond `size`: as good as a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def _failures(gateway: RunningGateway) -> dict[str, float]:
    """How often something was not stored, by why."""
    page = (await gateway.get(f"{gateway.admin_url}/metrics", team=None)).body.decode()
    found = re.findall(r'content_store_failures_total\{reason="(\w+)"\} ([0-9.]+)', page)
    return {reason: float(count) for reason, count in found if float(count)}


def _files(folder: Path) -> list[str]:
    return [path.name for path in folder.glob("content/??/*")]


@pytest.mark.parametrize("kept", [False, True], ids=["from the upstream", "from the store"])
async def test_a_client_that_takes_nothing_for_long_is_cut(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, tmp_path: Path, kept: bool
) -> None:
    """Else it could hold files and connections for ever."""
    caching = await gateways(
        sandbox,
        sqlite_url,
        {"content": {"mode": "cache", "url": str(tmp_path / "content")}},
        expected_errors=[SANDBOX_IS_LEFT],
        outside=Outside(client_patience=0.1),
    )
    job = await caching.completed()
    if kept:
        await download(caching, job)
        await caching.until(lambda: assets(caching))
    never = asyncio.Event()

    client = asyncio.create_task(slow_client(caching, job, never))
    cut = await caching.until(lambda: _cut(caching))

    assert cut["why"] == "the client takes nothing"
    assert cut["job"] == job
    never.set()
    with pytest.raises(Exception, match="payload"):
        await client


async def _cut(gateway: RunningGateway) -> Any:
    lines = gateway.told("content.cut")
    return lines[0] if lines else None


async def test_a_slow_client_is_given_no_more_at_once_than_it_takes_in_time() -> None:
    """What is handed over in one piece must go within two minutes, or the client is cut off."""
    written: list[int] = []

    class Slow(web.StreamResponse):
        async def prepare(self, _: web.BaseRequest) -> None:
            return None

        async def write(self, data: bytes | bytearray | memoryview) -> None:
            written.append(len(data))

        async def write_eof(self, _: bytes = b"") -> None:
            return None

    async def window_of_an_object_store() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_001

    app = {PARTS: SimpleNamespace(telemetry=Telemetry(), stalled_after=120.0)}
    request = cast("web.Request", SimpleNamespace(app=app))
    await downloads.send_chunks(request, Slow(), window_of_an_object_store(), "store")

    assert sum(written) == 2_000_001
    assert max(written) <= 256 * 1024
