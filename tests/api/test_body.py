"""Reading a body: bounded in size and in time, whatever the client does."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.api.body import read_body
from gateway.api.errors import refusal
from gateway.domain.errors import Refused
from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.harness import GROK, KEYS, RunningGateway

LIMIT = 1000


@asynccontextmanager
async def reader(**limits: Any) -> AsyncIterator[TestServer]:
    """A server that reads bodies under these limits and says how long they were."""

    async def handle(request: web.Request) -> web.Response:
        try:
            return web.json_response({"read": len(await read_body(request, LIMIT, **limits))})
        except Refused as error:
            return refusal(error)

    app = web.Application()
    app.router.add_post("/", handle)
    server = TestServer(app, host="127.0.0.1")
    async with server:
        yield server


async def answered(
    server: TestServer, headers: str, *pieces: bytes, pause: float = 0.0
) -> tuple[int, Any]:
    """Status and JSON of what is answered to a body sent in pieces, the connection kept open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(f"POST / HTTP/1.1\r\nHost: x\r\n{headers}\r\n\r\n".encode())
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(5):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
            body = await reader.readexactly(length)
        return int(head.split()[1]), json.loads(body)
    finally:
        writer.close()
        await writer.wait_closed()


def chunk(data: bytes) -> bytes:
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


async def test_a_body_of_exactly_the_limit_is_read() -> None:
    async with reader() as server:
        assert await answered(server, f"Content-Length: {LIMIT}", b"x" * LIMIT) == (
            200,
            {"read": LIMIT},
        )


async def test_a_body_that_is_announced_too_large_is_refused_before_it_comes() -> None:
    async with reader() as server:
        status, body = await answered(server, f"Content-Length: {LIMIT + 1}")

    assert status == 413
    assert body["error"]["metadata"]["gateway"]["reason"] == "body_too_large"


async def test_a_body_that_grows_too_large_is_refused_while_it_comes() -> None:
    async with reader() as server:
        status, body = await answered(
            server, "Transfer-Encoding: chunked", chunk(b"x" * 600), chunk(b"x" * 600)
        )

    assert (status, body["error"]["code"]) == (413, 413)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "x-custom"])
async def test_a_compressed_body_is_refused_unread(encoding: str) -> None:
    """A few thousand bytes of it would be gigabytes in memory."""
    headers = f"Content-Encoding: {encoding}\r\nContent-Length: 10"

    async with reader() as server:
        status, body = await answered(server, headers, b"not gzip!!")

    assert (status, body["error"]["code"]) == (415, 415)
    details = body["error"]["metadata"]["gateway"]
    assert (details["reason"], details["field"]) == ("unsupported_media_type", "Content-Encoding")


async def test_an_encoding_that_changes_nothing_is_read() -> None:
    async with reader() as server:
        status, _ = await answered(server, "Content-Encoding: identity\r\nContent-Length: 2", b"{}")

    assert status == 200


async def test_a_body_that_stalls_is_a_408() -> None:
    async with reader(idle=0.05) as server:
        status, body = await answered(server, "Content-Length: 100", b"x" * 10)

    assert status == 408
    assert body["error"]["metadata"]["gateway"]["reason"] == "body_timeout"


async def test_a_body_that_drips_for_ever_is_a_408() -> None:
    """Each piece comes in time; all of them do not."""
    async with reader(idle=1.0, total=0.2) as server:
        status, _ = await answered(server, "Content-Length: 900", *[b"x"] * 12, pause=0.03)

    assert status == 408


async def test_the_configured_limit_holds_for_a_submit(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, {"server": {"max_body_mb": 1}})
    image = "data:image/png;base64," + "A" * 950_000
    frames = [{"type": "image_url", "image_url": {"url": image}, "frame_type": "first_frame"}]

    fits = await gateway.submit(frame_images=frames)
    too_large = await gateway.submit(prompt="p" * 1_000_000)

    assert fits.status == 202, fits.body
    assert (too_large.status, too_large.reason) == (413, "body_too_large")
    assert len(sandbox.ledger.submits) == 1


async def test_a_key_is_asked_for_before_a_large_body_is_read(gateway: RunningGateway) -> None:
    answer = await gateway.call("POST", "/videos", team=None, data=io.BytesIO(b"x" * 5_000_000))

    assert answer.status == 401


@pytest.mark.parametrize(
    "head",
    [
        "GET /api/v1/videos/x HTTP/1.1\r\nHost: x\r\nX: " + "a" * 9000,
        "GET /api/v1/videos/" + "a" * 9000 + " HTTP/1.1\r\nHost: x",
        "GET /api/v1/videos/x HTTP/1.1\r\nHost: x\r\n" + "\r\n".join(["X: y"] * 500),
    ],
    ids=["one header", "the request line", "many headers"],
)
async def test_headers_that_are_too_large_are_refused(gateway: RunningGateway, head: str) -> None:
    reader, writer = await _connected(gateway)
    try:
        writer.write(f"{head}\r\n\r\n".encode())
        async with asyncio.timeout(5):
            answer = await reader.read()
    finally:
        writer.close()
    assert answer.split()[1] in (b"400", b"431")


@pytest.mark.parametrize("drip", [False, True])
async def test_a_client_whose_headers_never_end_is_cut_off(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, *, drip: bool
) -> None:
    """Slowloris: within the keep-alive time, however steadily another byte comes."""
    gateway = await gateways(sandbox, sqlite_url, keepalive=0.3)
    reader, writer = await _connected(gateway)
    writer.write(b"GET /api/v1/videos/x HTTP/1.1\r\nHost: x\r\nX: ")

    async def dripping() -> None:
        while drip:
            await asyncio.sleep(0.02)
            writer.write(b"a")

    task = asyncio.create_task(dripping())
    try:
        async with asyncio.timeout(3):
            assert await reader.read() == b""
    except ConnectionResetError:
        pass  # cut off while another byte was on its way
    finally:
        task.cancel()
        await asyncio.wait([task])
        writer.close()


async def test_one_slow_client_does_not_hold_up_another(gateway: RunningGateway) -> None:
    slow = []
    for _ in range(50):
        _, writer = await _connected(gateway)
        writer.write(
            b"POST /api/v1/videos HTTP/1.1\r\nHost: x\r\n"
            b"Authorization: Bearer "
            + KEYS["growth"].encode()
            + b"\r\nContent-Length: 100\r\n\r\n{"
        )
        slow.append(writer)

    answer = await gateway.call("POST", "/videos", json=GROK)

    assert answer.status == 202
    for writer in slow:
        writer.close()

    async def noticed() -> bool:
        left = [line for line in gateway.told("request.ended") if line["status"] == 499]
        return len(left) == len(slow)

    await gateway.until(noticed)  # and none of them is an error in the log


async def _connected(
    gateway: RunningGateway,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = gateway.origin.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))
