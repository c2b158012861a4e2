"""The client of an upstream: what it makes of large bodies and of answers that break."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import pytest

from gateway.adapters.openrouter import OpenRouter
from gateway.adapters.redirects import PublicDownloads
from gateway.domain.job import JobUpdate
from gateway.domain.upstream import Accepted, Declined, NotSent, SubmitOutcome, Unanswered, Unclear
from gateway.sandbox import Sandbox, SandboxConfig
from gateway.services.off_loop import OffLoop
from gateway.telemetry.bundle import Telemetry
from tests.fakes.clock import FakeClock
from tests.fakes.lookup import FakeLookup
from tests.fakes.raw_upstream import Answer, head_of, raw_upstream, saying
from tests.harness import GROK

T = TypeVar("T")
MEGABYTE = 1024 * 1024
KEY = "sk-or-v1-0123456789"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = await Sandbox.start(SandboxConfig(), FakeClock())
    yield sandbox
    await sandbox.close()


@pytest.fixture
async def upstream(sandbox: Sandbox) -> AsyncIterator[OpenRouter]:
    upstream = OpenRouter(
        "main",
        sandbox.url,
        sandbox.api_key,
        connect=5.0,
        poll=5.0,
        content_idle=5.0,
        public=PublicDownloads(FakeLookup()),
        clock=FakeClock(),
        telemetry=Telemetry(),
        off_loop=OffLoop(),
    )
    yield upstream
    await upstream.close()


async def test_a_large_body_is_sent_in_pieces(upstream: OpenRouter, sandbox: Sandbox) -> None:
    """In one piece it would hold up everybody else's request; aiohttp warns, tests then fail."""
    body = json.dumps({**GROK, "prompt": "x" * (3 * MEGABYTE)}).encode()

    outcome = await upstream.submit(body, {}, timeout=20.0)

    assert isinstance(outcome, Accepted)
    (submit,) = sandbox.ledger.submits
    assert submit.headers["content-length"] == str(len(body))


async def test_an_upstream_that_is_away_was_sent_nothing(
    upstream: OpenRouter, sandbox: Sandbox
) -> None:
    await sandbox.close()

    assert isinstance(await upstream.submit(b"{}", {}, timeout=5.0), NotSent)


@asynccontextmanager
async def client_of(
    url: str, public: PublicDownloads | None = None, off_loop: OffLoop | None = None
) -> AsyncIterator[OpenRouter]:
    client = OpenRouter(
        "main",
        url,
        KEY,
        connect=5.0,
        poll=5.0,
        content_idle=5.0,
        public=public or PublicDownloads(FakeLookup()),
        clock=FakeClock(),
        telemetry=Telemetry(),
        off_loop=off_loop or OffLoop(),
    )
    yield client
    await client.close()


async def outcome_of(answer: Answer, body: bytes = b"{}") -> SubmitOutcome:
    async with raw_upstream(answer) as upstream, client_of(upstream.url) as client:
        return await client.submit(body, {}, timeout=10.0)


def response(status: int, body: bytes, headers: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}\r\n".encode() + body


@pytest.mark.parametrize("status", [401, 404, 409, 413, 431])
async def test_a_proxys_page_with_a_4xx_is_a_refusal(status: int) -> None:
    outcome = await outcome_of(saying(response(status, b"<html>no</html>")))

    assert isinstance(outcome, Declined)
    assert outcome.error == {"code": status, "message": "no"}


async def test_an_early_4xx_is_a_refusal_although_the_body_was_not_read() -> None:
    """A proxy that answers 413 to the head of a large request and closes."""
    outcome = await outcome_of(
        saying(response(413, b"too large", "Connection: close\r\n"), body=False),
        b"x" * (30 * MEGABYTE),
    )

    assert isinstance(outcome, Declined | NotSent)


async def test_a_connection_that_breaks_before_the_body_was_written_is_not_sent() -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.transport.abort()

    assert isinstance(await outcome_of(cut, b"x" * (30 * MEGABYTE)), NotSent)


async def test_a_connection_that_breaks_after_a_small_body_is_unknown() -> None:
    """The whole body fits one write: the upstream may have all of it."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.transport.abort()

    assert isinstance(await outcome_of(cut, b"{}"), Unclear)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (b'HTTP/1.1 202 X\r\nContent-Length: 99\r\n\r\n{"id": "a', Unclear),
        (b'HTTP/1.1 403 X\r\nContent-Length: 99\r\n\r\n{"error"', Declined),
        (b'HTTP/1.1 503 X\r\nContent-Length: 99\r\n\r\n{"error"', Unclear),
        (b"garbage\r\n\r\n", Unclear),
        (b"HTTP/1.1 202 X\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", Unclear),
        (b"HTTP/1.1 303 X\r\nLocation: https://x.example/\r\nContent-Length: 0\r\n\r\n", Unclear),
        (b"HTTP/1.1 308 X\r\nLocation: https://x.example/\r\nContent-Length: 0\r\n\r\n", Declined),
    ],
)
async def test_an_answer_that_is_cut_or_undecodable_is_judged_by_what_is_certain(
    answer: bytes, kind: type
) -> None:
    assert isinstance(await outcome_of(saying(answer)), kind)


async def test_a_key_that_the_upstream_quotes_is_masked() -> None:
    page = f'{{"error": {{"code": 403, "message": "key {KEY} may not"}}}}'.encode()

    outcome = await outcome_of(saying(response(403, page)))

    assert isinstance(outcome, Declined)
    assert outcome.error["message"] == "key ... may not"


ACCEPTED = response(202, b'{"id": "up-1", "status": "pending"}')


async def posted(reader: asyncio.StreamReader, heads: list[bytes]) -> None:
    """Read one submit with an empty object as its body."""
    heads.append(await head_of(reader))
    await reader.readexactly(2)


async def test_submits_share_a_connection_that_was_idle_for_a_moment() -> None:
    connections, heads = 0, list[bytes]()

    async def keeping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            await posted(reader, heads)
            writer.write(ACCEPTED)

    async with raw_upstream(keeping) as upstream, client_of(upstream.url) as client:
        outcomes = [await client.submit(b"{}", {}, timeout=10.0) for _ in range(3)]

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert (connections, len(heads)) == (1, 3)


async def test_a_kept_connection_that_closes_as_the_submit_is_written_is_unknown() -> None:
    """The server may have read the request: it is never sent again."""
    connections, heads = 0, list[bytes]()

    async def closing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await posted(reader, heads)
        writer.write(ACCEPTED)
        heads.append(await reader.read(1))  # the next submit has begun to arrive
        writer.transport.abort()

    async with raw_upstream(closing) as upstream, client_of(upstream.url) as client:
        first = await client.submit(b"{}", {}, timeout=10.0)
        second = await client.submit(b"{}", {}, timeout=10.0)

    assert isinstance(first, Accepted)
    assert isinstance(second, Unclear)
    assert (connections, len(heads)) == (1, 2)


async def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    connections, heads = 0, list[bytes]()
    closed = asyncio.Event()

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await posted(reader, heads)
        writer.write(ACCEPTED)
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with raw_upstream(once) as upstream, client_of(upstream.url) as client:
        outcomes = []
        for _ in range(2):
            outcomes.append(await client.submit(b"{}", {}, timeout=10.0))
            await asyncio.wait_for(closed.wait(), 10)
            closed.clear()
            for _turn in range(10):  # the client reads the end of the connection
                await asyncio.sleep(0)

    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    assert (connections, len(heads)) == (2, 2)


class Counting(OffLoop):
    """Counts what is moved out of the event loop."""

    def __init__(self) -> None:
        super().__init__()
        self.runs = 0

    async def run(self, work: Callable[[], T]) -> T:
        self.runs += 1
        return await super().run(work)


@pytest.mark.parametrize(("size", "runs"), [(100, 0), (500_000, 1)])
async def test_a_large_answer_is_parsed_outside_of_the_event_loop(size: int, runs: int) -> None:
    """Half a megabyte takes some milliseconds, in which every other request would wait."""
    body = json.dumps({"id": "up-1", "status": "pending", "padding": "x" * size}).encode()
    off_loop = Counting()

    poll = raw_upstream(saying(response(200, body), body=False))
    submit = raw_upstream(saying(response(202, body)))
    async with poll as upstream, client_of(upstream.url, off_loop=off_loop) as client:
        polled = await client.poll("up-1")
    async with submit as upstream, client_of(upstream.url, off_loop=off_loop) as client:
        submitted = await client.submit(b"{}", {}, timeout=10.0)

    assert isinstance(polled, JobUpdate)
    assert isinstance(submitted, Accepted)
    assert off_loop.runs == 2 * runs


async def test_an_answer_to_a_poll_above_a_megabyte_is_not_read_further() -> None:
    body = json.dumps({"id": "up-1", "status": "completed", "padding": "x" * 1_200_000}).encode()

    async with (
        raw_upstream(saying(response(200, body), body=False)) as upstream,
        client_of(upstream.url) as client,
    ):
        assert isinstance(await client.poll("up-1"), Unanswered)
