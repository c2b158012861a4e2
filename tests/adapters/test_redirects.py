"""Downloads follow a redirect to the upstream itself or to a public host, and nowhere else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network

import pytest

from gateway.adapters.openrouter import OpenRouter
from gateway.adapters.redirects import MOST_REDIRECTS, PublicDownloads
from gateway.domain.network import CallbackPolicy
from gateway.domain.upstream import ContentFailed
from gateway.services.off_loop import OffLoop
from gateway.telemetry.bundle import Telemetry
from tests.fakes.clock import FakeClock
from tests.fakes.lookup import FakeLookup
from tests.fakes.raw_upstream import RawUpstream, head_of, raw_upstream

KEY = "sk-or-v1-0123456789"
FILM = b"\x00\x00\x00\x18ftypmp42" + b"film" * 100
OPEN = CallbackPolicy(allow_http=True, allow_networks=(ip_network("127.0.0.0/8"),))


class Redirecting:
    """Redirects to each location in turn, then hands over the film."""

    def __init__(self, *locations: str) -> None:
        self.left = list(locations)
        self.heads: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append((await head_of(reader)).decode())
        if self.left:
            writer.write(
                f"HTTP/1.1 302 Found\r\nLocation: {self.left.pop(0)}\r\nContent-Length: 0\r\n"
                "Connection: close\r\n\r\n".encode()
            )
        else:
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nConnection: close\r\n"
                + f"Content-Length: {len(FILM)}\r\n\r\n".encode()
                + FILM
            )
        await writer.drain()


@asynccontextmanager
async def client_of(
    served: RawUpstream, policy: CallbackPolicy = OPEN
) -> AsyncIterator[OpenRouter]:
    client = OpenRouter(
        "main",
        served.url,
        KEY,
        connect=5.0,
        poll=5.0,
        content_idle=5.0,
        public=PublicDownloads(FakeLookup(["127.0.0.1"]), policy),
        clock=FakeClock(),
        telemetry=Telemetry(),
        off_loop=OffLoop(),
    )
    yield client
    await client.close()


async def film(client: OpenRouter) -> bytes:
    async with client.content("up-1", 0) as stream:
        return b"".join([chunk async for chunk in stream])


@pytest.mark.parametrize(
    "query",
    ["?sig=a%40b%27c%3Ad%7Ee%2Ff&x=1", "?a=b+c&d=%2B", "?%E4=1", "?empty=&&x"],
)
async def test_a_redirect_to_the_upstream_itself_is_followed_byte_for_byte(query: str) -> None:
    answer = Redirecting(f"/files/a%2Fb{query}")
    async with raw_upstream(answer) as served, client_of(served) as client:
        assert await film(client) == FILM

    assert answer.heads[1].startswith(f"GET /files/a%2Fb{query} HTTP/1.1\r\n")
    assert f"Authorization: Bearer {KEY}" in answer.heads[1]


async def test_a_redirect_to_another_host_is_followed_without_the_key() -> None:
    store = Redirecting()
    async with raw_upstream(store) as elsewhere:
        port = elsewhere.url.split(":")[2].split("/")[0]
        location = f"http://store.example:{port}/film.mp4?sig=a%40b%2Fc"
        async with raw_upstream(Redirecting(location)) as served, client_of(served) as client:
            assert await film(client) == FILM

    (head,) = store.heads
    assert head.startswith("GET /film.mp4?sig=a%40b%2Fc HTTP/1.1\r\n")
    assert "authorization" not in head.lower()
    assert KEY not in head


@pytest.mark.parametrize(
    "location",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://169.254.169.254/latest/",
        "https://127.0.0.1/inside",
        "https://[::1]/inside",
        "https://[::ffff:10.0.0.1]/inside",
        "https://store.example/rebound",  # the name leads to 127.0.0.1
        "http://93.184.216.34/plain",
        "https://user:secret@93.184.216.34/",
        "ftp://93.184.216.34/film.mp4",
        "file:///etc/passwd",
        "https://93.184.216.34:22/",
    ],
)
async def test_a_redirect_inside_or_over_plain_http_is_not_followed(location: str) -> None:
    answer = Redirecting(location)
    async with (
        raw_upstream(answer) as served,
        client_of(served, CallbackPolicy()) as client,
    ):
        with pytest.raises(ContentFailed) as failed:
            await film(client)

    assert not failed.value.gone
    assert not failed.value.not_found


async def test_at_most_three_redirects_are_followed() -> None:
    answer = Redirecting(*["/again"] * MOST_REDIRECTS)
    async with raw_upstream(answer) as served, client_of(served) as client:
        assert await film(client) == FILM

    answer = Redirecting(*["/again"] * (MOST_REDIRECTS + 1))
    async with raw_upstream(answer) as served, client_of(served) as client:
        with pytest.raises(ContentFailed, match="more than 3 redirects"):
            await film(client)


@pytest.mark.parametrize("location", ["", "/a b", "\t"])
async def test_a_redirect_to_nothing_is_a_failure(location: str) -> None:
    answer = Redirecting(location)
    async with raw_upstream(answer) as served, client_of(served) as client:
        with pytest.raises(ContentFailed, match="without a usable Location"):
            await film(client)
