"""Sockets that close without losing a connection."""

import asyncio
import socket

import pytest
from aiohttp import ClientSession, web

from gateway.api.listeners import Listeners
from gateway.config.addresses import Listen


async def hello(_: web.Request) -> web.Response:
    return web.Response(text="hello")


@pytest.fixture
def runner() -> web.AppRunner:
    app = web.Application()
    app.router.add_get("/", hello)
    return web.AppRunner(app, access_log=None, shutdown_timeout=1.0)


async def test_connections_in_the_backlog_are_served_after_the_socket_is_closed(
    runner: web.AppRunner,
) -> None:
    """They are established for the client, and closing the socket alone would reset them."""
    listeners = Listeners(runner)
    url = await listeners.open([Listen("127.0.0.1", 0)])
    port = int(url.rpartition(":")[2])
    waiting = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]  # blocks the loop
    for each in waiting:
        each.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    await listeners.stop_accepting()
    answers = await asyncio.gather(*(asyncio.to_thread(received, each) for each in waiting))

    assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    await runner.cleanup()


def received(connection: socket.socket) -> bytes:
    with connection:
        connection.settimeout(10)
        return connection.recv(1000)


async def test_several_addresses_serve_one_application(runner: web.AppRunner) -> None:
    listeners = Listeners(runner)
    first = await listeners.open([Listen("127.0.0.1", 0), Listen("127.0.0.2", 0)])
    second = runner.addresses[1]

    async with ClientSession() as http:
        for url in (first, f"http://{second[0]}:{second[1]}"):
            async with http.get(url) as answer:
                assert await answer.text() == "hello"
    await runner.cleanup()


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this system has no dual stack")
async def test_all_addresses_of_ipv6_serve_ipv4_too(runner: web.AppRunner) -> None:
    url = await Listeners(runner).open([Listen("::", 0)])
    port = url.rpartition(":")[2]

    async with ClientSession() as http:
        for host in ("127.0.0.1", "[::1]"):
            async with http.get(f"http://{host}:{port}") as answer:
                assert answer.status == 200
    await runner.cleanup()


async def test_an_address_in_use_is_named(runner: web.AppRunner) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=rf"can't listen on 127\.0\.0\.1:{port}"):
            await Listeners(runner).open([Listen("127.0.0.1", port)])
    await runner.cleanup()
