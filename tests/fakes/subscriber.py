"""Subscribers on loopback, well-behaved and hostile ones: functions that handle a connection."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Subscriber:
    """A raw TCP server that counts connections and records requests."""

    def __init__(self, behave: Behaviour) -> None:
        self.behave = behave
        self.connects = 0
        self.requests: list[bytes] = []
        self.left = asyncio.Event()  # set when either side has closed a connection
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    def url(self, host: str = "127.0.0.1", path: str = "/hook", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def head(self) -> str:
        """The head of the last request, in lower case."""
        return self.requests[-1].partition(b"\r\n\r\n")[0].decode().lower()

    @property
    def body(self) -> bytes:
        return self.requests[-1].partition(b"\r\n\r\n")[2]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connects += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.append(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                self.requests.append(await read_request(reader))
                await self.behave(reader, writer)
        finally:
            writer.close()
            self._tasks.discard(task)
            self.left.set()

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def subscriber(
    behave: Behaviour, host: str = "127.0.0.1", *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Subscriber]:
    """Run a subscriber inside the `with` block."""
    async with _listening([host], behave, tls) as (only,):
        yield only


@asynccontextmanager
async def two_subscribers(
    behave: Behaviour, one: str, other: str
) -> AsyncIterator[tuple[Subscriber, Subscriber]]:
    """Run two subscribers on the same port of two addresses, to detect a wrong connection."""
    async with _listening([one, other], behave, None) as (first, second):
        yield first, second


@asynccontextmanager
async def _listening(
    hosts: Sequence[str], behave: Behaviour, tls: ssl.SSLContext | None
) -> AsyncIterator[list[Subscriber]]:
    fakes = [Subscriber(behave) for _ in hosts]
    servers = await _listen(hosts, fakes, tls)
    try:
        yield fakes
    finally:
        for server, fake in zip(servers, fakes, strict=True):
            server.close()
            await fake.stop()


async def _listen(
    hosts: Sequence[str], fakes: Sequence[Subscriber], tls: ssl.SSLContext | None
) -> list[asyncio.Server]:
    """Listen on the same port of all addresses; try another port if one is in use."""
    for _ in range(20):
        servers: list[asyncio.Server] = []
        try:
            for host, fake in zip(hosts, fakes, strict=True):
                port = fakes[0].port if servers else 0
                servers.append(await asyncio.start_server(fake.serve, host, port, ssl=tls))
                fake.port = servers[-1].sockets[0].getsockname()[1]
        except OSError:
            for server in servers:
                server.close()
        else:
            return servers
    raise AssertionError("no port is free on all of " + ", ".join(hosts))


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Read a request with a Content-Length: head and body."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(
        int(line.partition(b":")[2])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    return head + await reader.readexactly(length)


def answers(status: int = 200, body: bytes = b"", *headers: str) -> Behaviour:
    """Respond with a status and a body; `headers` are whole lines."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}", *headers, "", ""]
    return says("\r\n".join(lines).encode() + body)


def says(raw: bytes) -> Behaviour:
    """Send exactly these bytes and close the connection."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return behave


async def is_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Accept the request and never respond."""
    await reader.read()


async def resets(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accept the request and reset the connection."""
    writer.transport.abort()


def repeats(start: bytes, piece: bytes, *, pause: float = 0.0) -> Behaviour:
    """Send `start`, and then the same piece without end."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return behave
