"""The guard by itself, behind an aiohttp session that asks nobody else."""

import itertools
import socket
from ipaddress import ip_network

import aiohttp
import pytest

from gateway.adapters.guard import Blocked, Guard
from gateway.domain.network import CallbackPolicy
from tests.fakes.lookup import FakeLookup
from tests.fakes.subscriber import answers, two_subscribers

STRICT = CallbackPolicy()
SECOND_ONLY = CallbackPolicy(allow_http=True, allow_networks=(ip_network("127.0.0.2/32"),))


def session(guard: Guard) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(
        resolver=guard, socket_factory=guard.open_socket, use_dns_cache=False, force_close=True
    )
    return aiohttp.ClientSession(connector=connector)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "0.0.0.0",
        "127.8.8.8",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "2130706433",
        "0177.0.0.1",
        "0x7f000001",
        "127.1",
        "\uff11\uff12\uff17.0.0.1",
        "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460",
        "127\u30020\u30020\u30021",
        "localhost",
        "localhost.",
    ],
    ids=ascii,
)
async def test_no_spelling_of_this_machine_is_ever_connected_to(host: str) -> None:
    """Nothing has read the URL before: this is the last line of defence."""
    async with (
        two_subscribers(answers(200), "127.0.0.1", "::1") as (four, six),
        session(Guard(_SystemLike(), STRICT)) as client,
    ):
        with pytest.raises(aiohttp.ClientError):
            await client.post(f"http://{host}:{four.port}/", data=b"x")

        assert four.connects == six.connects == 0


@pytest.mark.parametrize("order", [*itertools.permutations(["127.0.0.2", "127.0.0.1", "::1"])])
async def test_one_forbidden_address_condemns_the_host(order: tuple[str, ...]) -> None:
    async with two_subscribers(answers(200), "127.0.0.2", "127.0.0.1") as (allowed, forbidden):
        guard = Guard(FakeLookup(order), SECOND_ONLY)
        async with session(guard) as client:
            with pytest.raises(Blocked):
                await client.post(f"http://mixed.example:{allowed.port}/", data=b"x")

        assert guard.blocked is not None
        assert allowed.connects == forbidden.connects == 0


async def test_the_address_that_was_judged_is_the_one_dialled() -> None:
    """One lookup for one connection; the second answer, which would lead inside, is never asked."""
    lookup = FakeLookup(["127.0.0.2"], ["127.0.0.1"])
    async with (
        two_subscribers(answers(200), "127.0.0.2", "127.0.0.1") as (allowed, forbidden),
        session(Guard(lookup, SECOND_ONLY)) as client,
    ):
        async with client.post(f"http://fickle.example:{allowed.port}/", data=b"x") as response:
            assert response.status == 200

        assert lookup.asked == ["fickle.example"]
        assert (allowed.connects, forbidden.connects) == (1, 0)
        assert f"host: fickle.example:{allowed.port}" in allowed.head


async def test_a_name_with_hundreds_of_addresses_makes_no_port_scan() -> None:
    policy = CallbackPolicy(allow_networks=(ip_network("10.0.0.0/8"),))
    many = [f"10.0.0.{n}" for n in range(200)]

    dialled = await Guard(FakeLookup(many), policy).resolve("many.example", 443)

    assert [each["host"] for each in dialled] == many[:8]


async def test_the_ninth_address_condemns_the_host_too() -> None:
    policy = CallbackPolicy(allow_networks=(ip_network("10.0.0.0/8"),))
    many = [f"10.0.0.{n}" for n in range(50)]

    with pytest.raises(Blocked):
        await Guard(FakeLookup([*many, "127.0.0.1"]), policy).resolve("many.example", 443)


async def test_without_a_policy_every_address_may_be_dialled() -> None:
    guard = Guard(FakeLookup(["127.0.0.1", "::1"]), None)

    assert [each["host"] for each in await guard.resolve("inner", 80)] == ["127.0.0.1", "::1"]
    guard.open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 80))).close()


async def test_a_name_without_addresses_is_a_failed_lookup() -> None:
    class Nothing:
        async def addresses(self, host: str) -> list[str]:
            return []

    with pytest.raises(socket.gaierror):
        await Guard(Nothing(), STRICT).resolve("empty.example", 443)


class _SystemLike:
    """What `getaddrinfo` makes of the odd spellings that reach it: this machine."""

    async def addresses(self, host: str) -> list[str]:
        return ["127.0.0.1"]
