"""Strangers can't take the listener away from those who have a key."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from gateway.api.connections import BOUNDS, ConnectionLimits
from gateway.config.values import read_network
from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.api.test_hostile import is_refusal, raw
from tests.harness import GROK, KEYS, Answer, RunningGateway

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(gateway: RunningGateway) -> AsyncIterator[Streams]:
    host, _, port = gateway.origin.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()


async def ended(reader: asyncio.StreamReader) -> bytes:
    """What comes until the other side closes."""
    async with asyncio.timeout(5):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


KEY = {"Authorization": f"Bearer {KEYS['growth']}"}


@pytest.mark.parametrize("expect", ["\xff", "200-ok", "100-continue, x", "\u00e9"])
@pytest.mark.parametrize(
    ("method", "target"), [("POST", "/videos"), ("GET", "/videos/x"), ("GET", "/nowhere")]
)
async def test_an_expectation_that_is_not_known_is_a_400_in_the_error_body(
    gateway: RunningGateway, method: str, target: str, expect: str
) -> None:
    answer = await raw(gateway, method, target, {**KEY, "Expect": expect}, b"{}")

    assert answer.status == 400
    assert is_refusal(answer)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "X-Request-Id" in answer.headers


async def test_an_expectation_that_is_known_is_met(gateway: RunningGateway) -> None:
    body = json.dumps(GROK).encode()

    answer = await raw(gateway, "POST", "/videos", {**KEY, "Expect": "100-continue"}, body)

    assert b"202" in answer.body or answer.status in (100, 202)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "GZIP"])
async def test_a_compressed_submit_is_refused_whatever_its_encoding(
    gateway: RunningGateway, sandbox: Sandbox, encoding: str
) -> None:
    answer = await raw(gateway, "POST", "/videos", {**KEY, "Content-Encoding": encoding}, b"xx")

    assert (answer.status, answer.reason) == (415, "unsupported_media_type")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert sandbox.ledger.submits == []


async def test_a_malformed_request_is_not_repeated_in_the_answer(gateway: RunningGateway) -> None:
    async with connected(gateway) as (reader, writer):
        writer.write(b"GET /api/v1/videos HTTP/1.1\r\nAuthorization: Bearer vg_sec\x00ret\r\n\r\n")
        answer = await ended(reader)

    assert b" 400 " in answer.partition(b"\r")[0]
    assert b"vg_sec" not in answer
    assert b"invalid_request" in answer
    assert "vg_sec" not in json.dumps(gateway.lines())


async def test_one_peer_may_hold_so_many_connections_without_a_key(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    changes = {"server": {"max_connections_per_peer": 4}}
    gateway = await gateways(sandbox, sqlite_url, changes, await_catalog=True)
    async with AsyncExitStack() as stack:
        # The harness's own client holds one, on which a key came or not.
        held = [await stack.enter_async_context(connected(gateway)) for _ in range(12)]
        for _, writer in held:
            writer.write(b"GET /hal")
        closed = [reader for reader, _ in held if await _is_closed(reader)]

        assert len(closed) >= 8
        assert len(held) - len(closed) >= 3


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        async with asyncio.timeout(0.2):
            return not await reader.read(1)
    except TimeoutError:
        return False
    except ConnectionError:
        return True


async def test_a_connection_with_a_key_does_not_count_against_its_peer(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, {"server": {"max_connections_per_peer": 3}})
    job = await gateway.job()
    request = (
        f"GET /api/v1/videos/{job} HTTP/1.1\r\nHost: x\r\n"
        f"Authorization: Bearer {KEYS['growth']}\r\n\r\n"
    ).encode()
    async with AsyncExitStack() as stack:
        for _ in range(10):
            reader, writer = await stack.enter_async_context(connected(gateway))
            writer.write(request)
            async with asyncio.timeout(5):
                assert (await reader.readline()).startswith(b"HTTP/1.1 200")


def test_trusted_proxies_are_not_counted_by_peer() -> None:
    limits = ConnectionLimits(per_peer=lambda: 1, trusted=lambda: (read_network("10.0.0.0/8"),))

    assert [limits.admit("10.1.2.3") for _ in range(3)] == [True] * 3
    assert [limits.admit("192.0.2.1") for _ in range(3)] == [True, False, False]
    limits.known("192.0.2.1")
    assert limits.admit("192.0.2.1")


def test_all_connections_together_leave_descriptors_for_the_rest() -> None:
    limits = ConnectionLimits(most=2)

    assert [limits.admit(f"192.0.2.{n}") for n in range(3)] == [True, True, False]
    limits.closed()
    assert limits.admit("192.0.2.9")


async def test_headers_that_never_end_cost_their_connection(
    gateway: RunningGateway,
) -> None:
    gateway.gateway.public[BOUNDS].limits.header_seconds = 0.2
    async with connected(gateway) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
        for _ in range(20):
            if reader.at_eof():
                break
            writer.write(b"X: y\r\n")
            await asyncio.sleep(0.05)
        assert await ended(reader) == b""


async def test_bodies_in_memory_are_bounded_in_total_and_for_each_team(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    """Announced, and then sent slowly: what is not yet there counts as well."""
    gateway = await gateways(sandbox, sqlite_url, {"server": {"max_body_mb_in_flight": 8}})

    async def parked(stack: AsyncExitStack, team: str) -> None:
        _, writer = await stack.enter_async_context(connected(gateway))
        writer.write(
            f"POST /api/v1/videos HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n"
            f"Authorization: Bearer {KEYS[team]}\r\n\r\n".encode()
            + b'{"a": '
        )
        await writer.drain()

    async def refused(team: str) -> Any:
        answer = await gateway.call("POST", "/videos", data=io.BytesIO(b" " * 3_000_000), team=team)
        return answer if answer.status == 429 else None

    async with AsyncExitStack() as stack:
        await parked(stack, "growth")
        answer = await gateway.until(lambda: refused("growth"))
        assert answer.reason == "overloaded"
        assert answer.headers["Retry-After"] == "2"
        assert await refused("rivals") is None  # they have their half
        await parked(stack, "rivals")
        assert await gateway.until(lambda: refused("rivals"))

    async def free() -> bool:
        return await refused("growth") is None

    await gateway.until(free)


async def test_an_image_beyond_the_limit_is_refused_by_name(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    changes = {"teams": {"growth": {"limits": {"max_image_mb": 1}}}}
    gateway = await gateways(sandbox, sqlite_url, changes)

    def frame(size: int) -> list[dict[str, Any]]:
        url = "data:image/png;base64," + "A" * size
        return [{"type": "image_url", "image_url": {"url": url}, "frame_type": "first_frame"}]

    async def submit(size: int) -> Answer:
        body = json.dumps({**GROK, "frame_images": frame(size)}).encode()
        return await gateway.call("POST", "/videos", data=io.BytesIO(body))

    small, large = await submit(1_200_000), await submit(1_600_000)

    assert small.status == 202
    assert (large.status, large.reason) == (403, "limit_exceeded")
    assert large.json["error"]["metadata"]["gateway"]["field"] == "frame_images[0].image_url.url"
    assert len(sandbox.ledger.submits) == 1
