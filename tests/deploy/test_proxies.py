"""deploy/nginx.conf and deploy/haproxy.cfg, taken by the real programs and put before a gateway."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from aiohttp import web

from gateway.sandbox import Sandbox, SandboxConfig
from tests.deploy.chart import ROOT
from tests.deploy.programs import program, run
from tests.deploy.proxies import (
    Proxy,
    free_port,
    haproxy_config,
    nginx_config,
    running_proxy,
)
from tests.fakes.clock import FakeClock
from tests.harness import GROK, KEYS, Answer, RunningGateway, running_gateway

Handler = Callable[[web.Request], Awaitable[web.Response]]

BOTH = pytest.mark.parametrize("name", ["nginx", "haproxy"])
KEY = {"Authorization": f"Bearer {KEYS['growth']}"}


@pytest.fixture
async def gateway(sqlite_url: str) -> AsyncIterator[RunningGateway]:
    clock = FakeClock()
    sandbox = await Sandbox.start(SandboxConfig(seed=7, generation_seconds=(2.0, 2.0)), clock)
    try:
        stored = {"content": {"mode": "cache"}}  # so that a part of a video can be asked for
        async with running_gateway(sandbox, sqlite_url, stored, clock=clock) as running:
            yield running
    finally:
        await sandbox.close()


@pytest.fixture
async def proxy(name: str, gateway: RunningGateway, tmp_path: Path) -> AsyncIterator[Proxy]:
    async with running_proxy(name, tmp_path, urlsplit(gateway.origin).netloc) as running:
        yield running


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    nginx = program("nginx")
    path = nginx_config(tmp_path, "127.0.0.1:9", free_port(), free_port())

    told = run(nginx, "-t", "-c", path)

    assert "[warn]" not in told


def test_haproxy_takes_its_file(tmp_path: Path) -> None:
    haproxy = program("haproxy")
    path = haproxy_config(tmp_path, "127.0.0.1:9", free_port(), free_port())

    told = run(haproxy, "-c", "-f", path)

    assert "[WARNING]" not in told


@BOTH
async def test_a_job_is_submitted_polled_and_downloaded(
    proxy: Proxy, gateway: RunningGateway
) -> None:
    url = f"{proxy.secure}/api/v1/videos"
    async with proxy.http.post(url, json=GROK, headers=KEY) as answer:
        assert answer.status == 202, await answer.text()
        job = (await answer.json())["id"]
    await gateway.ended(job)

    async with proxy.http.get(f"{url}/{job}", headers=KEY) as answer:
        assert (await answer.json())["status"] == "completed"
        assert "X-Request-Id" in answer.headers
        assert "Strict-Transport-Security" in answer.headers
    async with proxy.http.get(f"{url}/{job}/content", headers=KEY) as answer:
        video = await answer.read()

    async def stored() -> Answer | None:
        answer = await gateway.get(f"/videos/{job}/content")
        return answer if "ETag" in answer.headers else None

    direct = await gateway.until(stored)
    assert video == direct.body
    part = {**KEY, "Range": "bytes=2-9"}
    async with proxy.http.get(f"{url}/{job}/content", headers=part) as answer:
        assert (answer.status, await answer.read()) == (206, video[2:10])
        assert answer.headers["ETag"] == direct.headers["ETag"]


@BOTH
async def test_no_signature_and_no_webhook_token_is_logged(
    proxy: Proxy, gateway: RunningGateway
) -> None:
    job = await gateway.completed()
    link = urlsplit((await gateway.get(f"/videos/{job}")).json["unsigned_urls"][0])
    assert "signature=" in link.query

    async with proxy.http.get(f"{proxy.secure}{link.path}?{link.query}") as answer:
        assert answer.status == 200
        await answer.read()
    async with proxy.http.post(f"{proxy.secure}/webhooks/sandbox/a-token", data=b"{}") as answer:
        assert answer.status < 500
    log = await proxy.logged("/webhooks/sandbox/-")

    assert f'"path":"{link.path}"' in log
    for secret in ("signature", link.query, "a-token", KEYS["growth"]):
        assert secret not in log


@BOTH
async def test_what_is_sent_in_clear_is_not_served(proxy: Proxy) -> None:
    async with proxy.http.post(f"{proxy.clear}/api/v1/videos", json=GROK, headers=KEY) as answer:
        assert answer.status == 403
    async with proxy.http.get(f"{proxy.clear}/healthz?a=1", allow_redirects=False) as answer:
        assert answer.status == 301
        assert re.fullmatch(r"https://[^/]+/healthz\?a=1", answer.headers["Location"])


@BOTH
@pytest.mark.parametrize("path", ["/metrics", "/admin/v1/jobs"])
async def test_the_operators_paths_lead_nowhere(proxy: Proxy, path: str) -> None:
    async with proxy.http.get(f"{proxy.secure}{path}") as answer:
        assert answer.status == 404


@BOTH
async def test_bodies_up_to_the_gateways_limit_pass_and_longer_ones_do_not(
    name: str, tmp_path: Path
) -> None:
    taken = []

    async def stub(request: web.Request) -> web.Response:
        if request.method == "POST":  # HAProxy asks /readyz, too
            taken.append(len(await request.read()))
        return web.Response()

    async with _stub(stub) as address, running_proxy(name, tmp_path, address) as proxy:
        async with proxy.http.post(f"{proxy.secure}/x", data=BytesIO(bytes(64_000_000))) as answer:
            assert answer.status == 200
        headers = {"Content-Length": "70000000", "Expect": "100-continue"}
        async with proxy.http.post(f"{proxy.secure}/x", headers=headers, data=b"") as answer:
            assert answer.status == 413

    assert taken == [64_000_000]


@BOTH
async def test_a_body_reaches_the_gateway_before_it_is_whole(name: str, tmp_path: Path) -> None:
    """So no prompt is collected, in memory or on disk."""
    begun = asyncio.Event()

    async def stub(request: web.Request) -> web.Response:
        await request.content.readexactly(4)
        begun.set()
        return web.Response(body=await request.read())

    async def slow() -> AsyncIterator[bytes]:
        yield b"half"
        async with asyncio.timeout(20):
            await begun.wait()
        yield b"whole"

    async with (
        _stub(stub) as address,
        running_proxy(name, tmp_path, address) as proxy,
        proxy.http.post(f"{proxy.secure}/x", data=slow()) as answer,
    ):
        assert await answer.read() == b"whole"


async def test_haproxy_goes_on_with_polls_while_no_replica_is_ready(tmp_path: Path) -> None:
    async def stub(request: web.Request) -> web.Response:
        return web.Response(status=503 if request.path == "/readyz" else 200)

    async with _stub(stub) as address, running_proxy("haproxy", tmp_path, address) as proxy:
        await proxy.logged("video_gateway_ready/replica1 is DOWN")
        async with proxy.http.get(f"{proxy.secure}/api/v1/videos/a") as answer:
            assert answer.status == 200


def test_both_wait_longer_than_the_gateway_and_close_idle_connections_sooner() -> None:
    nginx = (ROOT / "deploy" / "nginx.conf").read_text()
    haproxy = (ROOT / "deploy" / "haproxy.cfg").read_text()

    def seconds(pattern: str, text: str) -> int:
        found = re.search(rf"(?m)^\s*(?:default-server .*)?{pattern} (\d+)s", text)
        assert found is not None, pattern
        return int(found[1])

    page = " ".join((ROOT / "docs" / "operations.md").read_text().split())
    assert "keep idle connections for less than `server.keepalive` (75 s)" in page
    idle = re.search(r"keepalive 64;\s+keepalive_timeout (\d+)s", nginx)
    assert idle is not None
    assert int(idle[1]) < 75
    assert seconds("pool-purge-delay", haproxy) < 75
    # The content_idle and answer_within of docs/configuration.md are 30 s and 4 s.
    assert min(seconds("proxy_read_timeout", nginx), seconds("timeout server", haproxy)) > 30


@asynccontextmanager
async def _stub(handler: Handler) -> AsyncIterator[str]:
    """A server in the gateway's place; its `host:port`."""
    app = web.Application(client_max_size=100_000_000)
    app.router.add_route("*", "/{tail:.*}", handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        port = free_port()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"127.0.0.1:{port}"
    finally:
        await runner.cleanup()
