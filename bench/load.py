"""The load: connections that send the next request when the last is answered, and keep the time."""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import dataclass

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_LAST = b"0\r\n\r\n"
_READ = 1 << 19  # bytes taken at a time


class WrongAnswer(Exception):
    """The target did not answer what was expected; nothing measured means anything then."""


@dataclass(frozen=True, slots=True)
class Load:
    """What some seconds of load gave."""

    seconds: float
    latencies: tuple[float, ...]  # seconds, ascending
    bytes: int

    @property
    def requests(self) -> int:
        """How many were answered."""
        return len(self.latencies)

    @property
    def rate(self) -> float:
        """Answers in a second."""
        return self.requests / self.seconds

    @property
    def megabytes_per_second(self) -> float:
        """Millions of bytes received in a second."""
        return self.bytes / self.seconds / 1e6

    def quantile(self, share: float) -> float:
        """The latency, in milliseconds, that this share of the requests stayed within."""
        return self.latencies[min(self.requests - 1, int(self.requests * share))] * 1000


@dataclass(frozen=True, slots=True)
class Target:
    """Where the load goes."""

    port: int
    key: str


def get(target: Target, path: str) -> bytes:
    """A request without a body."""
    return f"{_head('GET', path, target)}\r\n".encode()


def post(target: Target, path: str, body: bytes) -> bytes:
    """A request with a JSON body."""
    more = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return f"{_head('POST', path, target)}{more}".encode() + body


def _head(method: str, path: str, target: Target) -> str:
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{target.port}\r\n"
        f"Authorization: Bearer {target.key}\r\n"
    )


async def ask(target: Target, request: bytes) -> bytes:
    """One answer's body, on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202")):
            raise WrongAnswer(f"{head[:60]!r} {body[:300]!r}")
        return body
    finally:
        writer.close()


async def press(
    target: Target,
    make: Callable[[], bytes],
    *,
    connections: int,
    seconds: float = 0.0,
    each: int | None = None,
    expect: bytes = b"HTTP/1.1 200",
) -> Load:
    """Load with so many connections, for so long, or `each` requests on every connection.

    Raises:
        WrongAnswer: an answer began otherwise than `expect`, or a connection broke.

    """
    began = time.perf_counter()
    end = began + seconds
    clients = [
        _client(target, make, end if each is None else None, each or 0, expect)
        for _ in range(connections)
    ]
    results = await asyncio.gather(*clients)
    took = time.perf_counter() - began
    latencies = sorted(latency for found, _ in results for latency in found)
    return Load(took, tuple(latencies), sum(size for _, size in results))


async def stall(target: Target, request: bytes, *, connections: int, seconds: float) -> None:
    """Ask on so many connections, read the first megabyte, and then nothing for so long."""
    pairs = [
        await asyncio.open_connection("127.0.0.1", target.port, limit=1 << 16)
        for _ in range(connections)
    ]
    try:
        for reader, writer in pairs:
            writer.write(request)
            await reader.readexactly(1 << 20)
        await asyncio.sleep(seconds)
    finally:
        for _, writer in pairs:
            writer.transport.abort()


async def _client(
    target: Target, make: Callable[[], bytes], end: float | None, each: int, expect: bytes
) -> tuple[list[float], int]:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port, limit=_READ)
    latencies: list[float] = []
    size = 0
    try:
        while len(latencies) < each if end is None else time.perf_counter() < end:
            start = time.perf_counter()
            writer.write(make())
            size += await read_answer(reader, expect)
            latencies.append(time.perf_counter() - start)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise WrongAnswer(f"the connection broke: {error!r}") from error
    finally:
        writer.close()
    return latencies, size


async def read_answer(reader: asyncio.StreamReader, expect: bytes) -> int:
    """Read one answer; how long its body was."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if not head.startswith(expect):
        raise WrongAnswer(f"{head[:200]!r}")
    size, tail = 0, b""
    if length:
        while size < int(length[1]):
            size += len(await _piece(reader, int(length[1]) - size))
        return size
    while not tail.endswith(_LAST):  # chunked; the video has no such bytes in it
        part = await _piece(reader, _READ)
        size += len(part)
        tail = (tail + part[-len(_LAST) :])[-len(_LAST) :]
    return size


async def _piece(reader: asyncio.StreamReader, most: int) -> bytes:
    part = await reader.read(min(most, _READ))
    if not part:
        raise WrongAnswer("the answer broke off")
    return part
