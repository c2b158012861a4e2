"""Ranges of an upstream's video: what the client of an upstream makes of each answer."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gateway.adapters.openrouter import OpenRouter
from gateway.adapters.redirects import PublicDownloads
from gateway.domain.content import ByteRange, OutOfRange, RangeRequest
from gateway.services.off_loop import OffLoop
from gateway.telemetry.bundle import Telemetry
from tests.fakes.clock import FakeClock
from tests.fakes.lookup import FakeLookup
from tests.fakes.raw_upstream import RawUpstream, head_of, raw_upstream

FILM = bytes(range(100))
WANTED = RangeRequest(10, 19)


class Serving:
    """Answers each request with the next head and body, and repeats the last."""

    def __init__(self, *answers: tuple[str, bytes]) -> None:
        self.answers = list(answers)
        self.heads: list[str] = []

    async def __call__(self, reader: object, writer: object) -> None:
        self.heads.append((await head_of(reader)).decode())  # type: ignore[arg-type]
        head, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        lines = f"{head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(lines.encode() + body)  # type: ignore[attr-defined]
        await writer.drain()  # type: ignore[attr-defined]


WHOLE = ("HTTP/1.1 200 OK\r\nContent-Type: video/mp4", FILM)


def partial(content_range: str, body: bytes, more: str = "") -> tuple[str, bytes]:
    head = f"HTTP/1.1 206 Partial\r\nContent-Type: video/mp4\r\nContent-Range: {content_range}"
    return head + more, body


@asynccontextmanager
async def client_of(served: RawUpstream) -> AsyncIterator[OpenRouter]:
    client = OpenRouter(
        "main",
        served.url,
        "sk-or-v1-0123456789",
        connect=5.0,
        poll=5.0,
        content_idle=5.0,
        public=PublicDownloads(FakeLookup()),
        clock=FakeClock(),
        telemetry=Telemetry(),
        off_loop=OffLoop(),
    )
    try:
        yield client
    finally:
        await client.close()


async def read(
    serving: Serving, wanted: RangeRequest | None
) -> tuple[bytes, int | None, ByteRange | None]:
    async with (
        raw_upstream(serving) as served,
        client_of(served) as client,
        client.content("up-1", 0, wanted) as stream,
    ):
        body = b"".join([chunk async for chunk in stream])
        return body, stream.size, stream.part


async def test_the_range_is_sent_and_the_part_is_read() -> None:
    serving = Serving(partial("bytes 10-19/100", FILM[10:20]))

    assert await read(serving, WANTED) == (FILM[10:20], 100, ByteRange(10, 20))

    (head,) = serving.heads
    assert "Range: bytes=10-19\r\n" in head
    assert "Accept-Encoding: identity\r\n" in head


async def test_without_a_range_none_is_sent_and_the_size_is_the_announced_one() -> None:
    serving = Serving(WHOLE)

    assert await read(serving, None) == (FILM, 100, None)

    assert "range:" not in serving.heads[0].lower()


async def test_an_upstream_that_ignores_the_range_is_read_as_a_whole() -> None:
    assert await read(Serving(WHOLE), WANTED) == (FILM, 100, None)


async def test_a_beginning_of_the_range_is_good() -> None:
    """RFC 9110 section 15.3.7: a server may send less than was requested."""
    serving = Serving(partial("bytes 10-14/100", FILM[10:15]))

    assert await read(serving, WANTED) == (FILM[10:15], 100, ByteRange(10, 15))


@pytest.mark.parametrize(
    "unusable",
    [
        partial("bytes 0-9/100", FILM[:10]),
        partial("bytes 10-29/100", FILM[10:30]),
        partial("bytes 10-19/*", FILM[10:20]),
        partial("nonsense", FILM[10:20]),
        partial("bytes 10-19/100", FILM[10:15]),
        partial("bytes 10-19/100", FILM[10:20], "\r\nContent-Encoding: gzip"),
    ],
)
async def test_another_part_than_the_wanted_one_is_never_passed_on(
    unusable: tuple[str, bytes],
) -> None:
    serving = Serving(unusable, WHOLE)

    assert await read(serving, WANTED) == (FILM, 100, None)

    assert "range:" not in serving.heads[1].lower()


@pytest.mark.parametrize(("stated", "size"), [("bytes */100", 100), ("nonsense", None)])
async def test_a_range_beyond_the_video_is_out_of_range(stated: str, size: int | None) -> None:
    serving = Serving((f"HTTP/1.1 416 No\r\nContent-Range: {stated}", b""))

    with pytest.raises(OutOfRange) as error:
        await read(serving, RangeRequest(100, None))

    assert error.value.size == size
