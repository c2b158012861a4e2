"""A client's `callback_url`, from submit to delivery: what is hostile is never dialled.

127.0.0.2 is what the policy of these tests allows; 127.0.0.1 is inside.
"""

import asyncio
import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from gateway.adapters.resolver import Lookup, SystemLookup
from gateway.app import Outside
from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.data.hostile_urls import HOSTILE
from tests.fakes.dns import NameServerLookup, name_server
from tests.fakes.lookup import FakeLookup, StuckLookup
from tests.fakes.subscriber import answers, subscriber, two_subscribers
from tests.harness import RunningGateway

PUBLIC = "93.184.215.14"
SECOND_ONLY = {"callbacks": {"allow_http": True, "allow_networks": ["127.0.0.2/32"]}}


class Names:
    """Names lead where the test says; no name server of this machine is asked."""

    def __init__(self) -> None:
        self.lookup: Lookup = SystemLookup()

    async def addresses(self, host: str) -> Sequence[str]:
        return await self.lookup.addresses(host)

    def close(self) -> None:
        """Nothing to do."""


NAMES = Names()
OUTSIDE = Outside(lookup=lambda _threads: NAMES)


@pytest.fixture
async def gateway(gateways: StartGateway, sandbox: Sandbox, sqlite_url: str) -> RunningGateway:
    return await gateways(sandbox, sqlite_url, outside=OUTSIDE)


@contextmanager
def resolving(lookup: Lookup) -> Iterator[None]:
    before, NAMES.lookup = NAMES.lookup, lookup
    yield
    NAMES.lookup = before


def why(answer: Any) -> str:
    refused = answer.json["error"]["metadata"]["gateway"]
    assert (refused["reason"], refused["field"]) == ("invalid_request", "callback_url")
    word: str = refused["why"]
    return word


async def test_every_hostile_callback_is_a_400_that_names_it_and_says_why(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    seen = {}
    with resolving(FakeLookup([PUBLIC])):
        for url, _ in HOSTILE:
            answer = await gateway.submit(callback_url=url)
            assert answer.status == 400, url
            if "\0" not in url and url.isprintable():  # else it is no JSON that everyone reads
                assert answer.json["error"]["message"].startswith("callback_url: ")
                seen[url] = why(answer)

    assert seen == {url: reason for url, reason in HOSTILE if url in seen}
    assert len(seen) >= 100
    assert not sandbox.ledger.submits


@pytest.mark.parametrize("addresses", [["127.0.0.1"], [PUBLIC, "10.0.0.7"], ["::ffff:10.0.0.7"]])
async def test_a_name_that_leads_inside_is_refused_and_not_told_where(
    gateway: RunningGateway, sandbox: Sandbox, addresses: list[str]
) -> None:
    with resolving(FakeLookup(addresses)):
        answer = await gateway.submit(callback_url="https://inside.example/x?token=secret")

    assert (answer.status, why(answer)) == (400, "address_not_allowed")
    assert "inside.example" in answer.json["error"]["message"]
    for leak in ("10.0.0.7", "127.0.0.1", "loopback", "private", "secret"):
        assert leak not in answer.body.decode()
    assert not sandbox.ledger.submits
    kept = await gateway.row("SELECT decision FROM refusals")
    assert "secret" not in kept["decision"]


async def test_a_name_server_that_never_answers_holds_up_nobody_for_long(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    quick = {"server": {"answer_within": "800ms"}}
    gateway = await gateways(sandbox, sqlite_url, quick, outside=OUTSIDE)
    with resolving(StuckLookup()):
        began = time.monotonic()
        answer = await gateway.submit(callback_url="https://slow.example/")
        took = time.monotonic() - began

    assert answer.status == 202
    assert took < 0.8, "judged at every attempt again, so that nothing hangs on it here"


async def test_names_of_one_team_that_hang_delay_no_other_teams_callbacks(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    """A lookup can't be cancelled: each that hangs keeps its thread after its attempt is over."""
    gate = threading.Event()

    def look_up(host: str) -> list[str]:
        if host.startswith("stuck"):
            gate.wait(30)
        return ["127.0.0.2"]

    outside = Outside(lookup=lambda threads: SystemLookup(threads, look_up=look_up))
    gateway = await gateways(sandbox, sqlite_url, SECOND_ONLY, outside=outside)
    outbound, policy = gateway.gateway.outbound, gateway.gateway.live.current.rules.callbacks
    async with subscriber(answers(200), "127.0.0.2") as client:
        urls = [f"http://stuck{n}.example/" for n in range(2 * 64)]
        attempts = [asyncio.create_task(outbound.send(url, {}, b"", policy)) for url in urls]
        looks = [asyncio.create_task(outbound.inspect(url, policy, 20)) for url in urls]
        await asyncio.sleep(0)

        try:
            async with asyncio.timeout(5):
                url = client.url("callbacks.example", "/hook")
                outcome = await outbound.send(url, {}, b"{}", policy)
        finally:
            gate.set()
            await asyncio.gather(*attempts, *looks)

    assert outcome.status == 200


async def test_a_name_that_nobody_knows_yet_is_taken(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    with resolving(FakeLookup([])):
        assert (await gateway.submit(callback_url="https://later.example/")).status == 202


async def test_a_dry_run_says_what_it_would_say_of_the_callback(gateway: RunningGateway) -> None:
    headers = {"X-Gateway-Dry-Run": "true"}
    fields = {"model": "x-ai/grok-imagine-video", "prompt": "a cat", "duration": 1}

    answer = await gateway.call(
        "POST",
        "/videos",
        headers=headers,
        json={**fields, "callback_url": "https://127.0.0.1/hook"},
    )

    assert answer.status == 200
    (refusal,) = answer.json["refusals"]
    assert refusal["rule"] == "callback_url"
    assert refusal["seen"] == "address_not_allowed"


async def test_the_client_s_url_stays_here_and_the_upstream_gets_the_gateway_s(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, SECOND_ONLY, outside=OUTSIDE)
    await gateway.job(callback_url="http://127.0.0.2:8443/client?token=abc")

    assert "client?token" not in json.dumps(sandbox.ledger.submits[0].body)
    assert sandbox.ledger.submits[0].body["callback_url"].startswith(gateway.origin)


async def test_the_end_is_told_to_the_callback_under_the_gateway_s_own_id(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, SECOND_ONLY, outside=OUTSIDE)
    async with subscriber(answers(204), "127.0.0.2") as client:
        job = await gateway.completed(callback_url=client.url("127.0.0.2"))

        async def told() -> bool:
            return bool(client.requests)

        await gateway.until(told)
        event = json.loads(client.body)

    assert event["type"] == "video.generation.completed"
    assert event["data"]["id"] == job
    assert f"x-openrouter-idempotency-key: {job.lower()}-completed" in client.head
    assert "x-openrouter-signature" not in client.head, "this team has no secret to sign with"
    upstream = await gateway.row("SELECT upstream_id FROM jobs")
    assert upstream["upstream_id"] not in client.body.decode()
    link = event["data"]["unsigned_urls"][0]
    assert (await gateway.get(link, team=None)).status == 200
    # As OpenRouter's own receivers read it, field by field (docs/openrouter-contract.md section 7).
    assert set(event) == {"type", "created_at", "data"}
    assert {"id", "status", "generation_id", "model", "unsigned_urls", "usage"} == set(
        event["data"]
    )


async def test_who_joins_is_told_too_and_who_comes_after_the_end_at_once(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, SECOND_ONLY, outside=OUTSIDE)
    async with subscriber(answers(200), "127.0.0.2") as client:
        job = await gateway.job(callback_url=client.url("127.0.0.2", "/first"))
        again = await gateway.job(callback_url=client.url("127.0.0.2", "/second"))
        await gateway.ended(job)
        late = await gateway.job(callback_url=client.url("127.0.0.2", "/late"))

        async def told() -> bool:
            return len(client.requests) == 3

        await gateway.until(told)
        paths = sorted(request.split(b" ")[1].decode() for request in client.requests)

    assert job == again == late
    assert paths == ["/first", "/late", "/second"]


async def test_a_name_that_is_public_at_submit_and_private_at_delivery_is_not_dialled(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    """DNS rebinding, with a real name server that changes its mind."""
    gateway = await gateways(
        sandbox, sqlite_url, {"callbacks": {"allow_http": True}}, outside=OUTSIDE
    )
    async with (
        name_server([PUBLIC], ["127.0.0.1"]) as names,
        subscriber(answers(200), "127.0.0.1") as inside,
    ):
        with resolving(NameServerLookup(names.port)):
            job = await gateway.completed(callback_url=inside.url("rebind.example"))

            async def tried() -> bool:
                return bool(gateway.told("delivery.attempted"))

            await gateway.until(tried)

    (line,) = gateway.told("delivery.attempted")
    assert (line["error_kind"], line["job"]) == ("blocked_address", job)
    assert (inside.connects, names.questions) == (0, ["rebind.example"] * 2)


async def test_of_two_answers_the_one_that_was_judged_is_dialled(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    """The name server says 127.0.0.2 to the attempt and 127.0.0.1 to whoever would ask again."""
    gateway = await gateways(sandbox, sqlite_url, SECOND_ONLY, outside=OUTSIDE)
    async with (
        name_server(["127.0.0.2"], ["127.0.0.2"], ["127.0.0.1"]) as names,
        two_subscribers(answers(200), "127.0.0.1", "127.0.0.2") as (inside, allowed),
    ):
        with resolving(NameServerLookup(names.port)):
            await gateway.completed(callback_url=allowed.url("twice.example"))

            async def told() -> bool:
                return bool(allowed.requests)

            await gateway.until(told)

    assert (inside.connects, allowed.connects) == (0, 1)
    assert len(names.questions) == 2, "once at submit, once for the attempt"


async def test_neither_log_nor_metrics_repeat_a_callback(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url, SECOND_ONLY, outside=OUTSIDE)
    async with subscriber(answers(500), "127.0.0.2") as client:
        await gateway.completed(callback_url=client.url("127.0.0.2", "/p/SECRET-PATH?k=SECRET-KEY"))

        async def tried() -> bool:
            return bool(gateway.told("delivery.attempted"))

        await gateway.until(tried)
    page = gateway.telemetry.metrics.render()[0].decode()

    gateway.lines()
    assert "SECRET" not in gateway.log.getvalue()
    assert "SECRET" not in page
    assert 'endpoint="callback"' in page
