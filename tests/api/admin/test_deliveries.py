"""Deliveries over the operators' API, sent over real sockets to real subscribers."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from gateway.adapters.clock import SystemClock
from gateway.domain.event import ThresholdFacts, new_event_id, threshold_crossed
from gateway.domain.signature import Verdict, verify_openrouter
from gateway.ports import Transaction
from gateway.sandbox import Sandbox
from gateway.services.events.publish import EventPublisher
from gateway.services.links import Links
from tests.api.conftest import StartGateway, StartSandbox
from tests.fakes.subscriber import Subscriber, answers, is_silent, subscriber
from tests.harness import Answer, RunningGateway, running_gateway

SECRET = "a-secret-of-the-render-farm"
UPSTREAM_SECRET = "the-workspace-signing-secret"
FARM = "team/growth/render-farm"


def subscribed(url: str, **more: Any) -> dict[str, Any]:
    """The configuration of one subscriber of the team `growth`."""
    hook = {"name": "render-farm", "url": url, "secret": SECRET, "events": ["*"], **more}
    return {"teams": {"growth": {"webhooks": [hook]}}}


@asynccontextmanager
async def before_a_farm(
    gateways: StartGateway, sandbox: Sandbox, url: str, behave: Any = None
) -> AsyncIterator[tuple[RunningGateway, Subscriber]]:
    """A gateway with one subscriber, which takes everything unless told otherwise."""
    async with subscriber(behave or answers(200, b"thanks")) as farm:
        yield await gateways(sandbox, url, subscribed(farm.url())), farm


async def admin(gateway: RunningGateway, method: str, path: str, **options: Any) -> Answer:
    return await gateway.call(method, f"{gateway.admin_url}/admin/v1{path}", team=None, **options)


async def ended(gateway: RunningGateway, farm: Subscriber, number: int = 1) -> str:
    """A job that is done and told."""
    job = await gateway.completed(prompt=f"number {number}")

    async def told() -> bool:
        return len(gateway.told("delivery.attempted")) >= number

    await gateway.until(told)
    return job


async def test_a_delivery_is_shown_with_every_attempt(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    async with before_a_farm(gateways, sandbox, sqlite_url) as (gateway, farm):
        job = await ended(gateway, farm)

        (row,) = (await admin(gateway, "GET", "/deliveries")).json["data"]
        shown = (await admin(gateway, "GET", f"/deliveries/{row['id']}")).json

    assert (row["endpoint"], row["state"], row["attempts_made"]) == (FARM, "delivered", 1)
    assert row["event"]["job_id"] == job
    (attempt,) = shown["attempts"]
    assert (attempt["status"], attempt["error"], attempt["answer"]) == (200, None, "thanks")
    assert attempt["latency_ms"] >= 0
    assert SECRET not in json.dumps(shown)
    assert "/hook" not in json.dumps(shown), "the path of such a URL is often a secret"


async def test_what_arrives_is_signed_with_the_subscribers_own_secret(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    async with before_a_farm(gateways, sandbox, sqlite_url) as (gateway, farm):
        await ended(gateway, farm)
        head, body = farm.head, farm.body

    header = re.search(r"x-openrouter-signature: (.*)\r?\n", head)
    assert header is not None
    now = int(gateway.clock.now().timestamp())
    assert verify_openrouter(header[1].strip(), body, [SECRET], now) is Verdict.VERIFIED
    assert "webhook-signature: v1," in head
    assert "user-agent: video-gateway/" in head


async def test_a_subscriber_s_own_headers_are_sent_and_never_shown(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    token = "Bearer farm-token-0123456789"
    async with subscriber(answers(403, token.encode())) as farm:
        own = {"Authorization": token, "X-Farm": "7"}
        config = subscribed(farm.url(), headers=own) | {"delivery": {"retries": []}}
        gateway = await gateways(sandbox, sqlite_url, config)
        await ended(gateway, farm)
        head = farm.head
        endpoints = await admin(gateway, "GET", "/endpoints")
        rows = await admin(gateway, "GET", "/deliveries")
        shown = await admin(gateway, "GET", f"/deliveries/{rows.json['data'][0]['id']}")
        ping = await admin(gateway, "POST", "/endpoints/render-farm/test")

    assert f"authorization: {token.lower()}" in head.lower()
    assert "x-farm: 7" in head.lower()
    assert "x-openrouter-signature" in head.lower()
    assert f"authorization: {token.lower()}" in farm.head.lower(), "a test ping has them, too"
    for told in (endpoints, rows, ping):
        assert b"farm-token" not in told.body
    assert "farm-token" not in gateway.log.getvalue()
    assert shown.status == 200


async def test_a_signed_webhook_in_is_a_signed_event_out_and_nobody_polls(
    gateways: StartGateway, sandboxes: StartSandbox, sqlite_url: str
) -> None:
    upstream = await sandboxes(webhook_secret=UPSTREAM_SECRET)
    async with subscriber(answers(200)) as farm:
        changes = {
            **subscribed(farm.url()),
            "callbacks": {"allow_http": True},
            "upstreams": {
                "*": {
                    "webhook_secrets": [UPSTREAM_SECRET],
                    "poll": {"first": "1h", "factor": "1", "max": "1h"},
                }
            },
        }
        gateway = await gateways(upstream, sqlite_url, changes)
        job = await gateway.completed()

        async def told() -> bool:
            return bool(farm.requests)

        await gateway.until(told)
        event = json.loads(farm.body)

    assert (event["type"], event["data"]["id"]) == ("video.generation.completed", job)
    assert upstream.ledger.calls["GET /api/v1/videos/{job_id} 200"] == 0
    assert [line["verdict"] for line in gateway.told("webhook.received")] == ["accepted"]


async def test_a_default_is_silent_where_the_request_brings_its_own_callback(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    """And the callback is signed with the default's secret, as at OpenRouter."""
    async with subscriber(answers(200)) as default, subscriber(answers(200), "127.0.0.2") as own:
        changes = {
            **subscribed(default.url(), unless_callback=True),
            "callbacks": {"allow_http": True, "allow_networks": ["127.0.0.2/32"]},
        }
        gateway = await gateways(sandbox, sqlite_url, changes)
        await gateway.completed(prompt="one", callback_url=own.url("127.0.0.2"))
        other = await gateway.completed(prompt="two")

        async def told() -> bool:
            return bool(own.requests and default.requests)

        await gateway.until(told)
        heard = [json.loads(request.partition(b"\r\n\r\n")[2]) for request in default.requests]
        header = re.search(r"x-openrouter-signature: (.*)\r?\n", own.head)

    assert [event["data"]["id"] for event in heard] == [other]
    assert header is not None
    now = int(gateway.clock.now().timestamp())
    assert verify_openrouter(header[1].strip(), own.body, [SECRET], now) is Verdict.VERIFIED


async def test_a_reload_counts_for_whatever_is_sent_from_then_on(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    """A subscriber that moved is found where it is now, with the secret and the time it has now."""
    async with subscriber(answers(503)) as old, subscriber(answers(200)) as new:
        gateway = await gateways(sandbox, sqlite_url, subscribed(old.url()))
        await ended(gateway, old)

        moved = (
            gateway.gateway.live.config.teams["growth"]
            .webhooks[0]
            .model_copy(update={"url": new.url()})
        )
        config = gateway.gateway.live.config
        team = config.teams["growth"].model_copy(update={"webhooks": (moved,)})
        delivery = config.delivery.model_copy(update={"timeout": timedelta(seconds=3)})
        gateway.gateway.reload(
            config.model_copy(
                update={"teams": {**config.teams, "growth": team}, "delivery": delivery}
            ),
            "2",
        )

        async def told() -> bool:
            return bool(new.requests)

        await gateway.until(told)

    assert (len(old.requests), len(new.requests)) == (1, 1)
    assert gateway.gateway.outbound.timeout == 3.0


async def test_a_list_is_narrowed_and_paged(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    async with before_a_farm(gateways, sandbox, sqlite_url) as (gateway, farm):
        jobs = [await ended(gateway, farm, number) for number in (1, 2, 3)]

        seen: list[str] = []
        path, pages = "/deliveries?limit=2", 0
        while path:
            page = (await admin(gateway, "GET", path)).json
            seen += [row["event"]["job_id"] for row in page["data"]]
            pages += 1
            path = f"/deliveries?limit=2&cursor={page['next']}" if "next" in page else ""
        dead = (await admin(gateway, "GET", "/deliveries?state=dead")).json["data"]
        others = (await admin(gateway, "GET", "/deliveries?endpoint=callback")).json["data"]
        later = int(gateway.clock.now().timestamp()) + 1
        since = (await admin(gateway, "GET", f"/deliveries?since={later}")).json["data"]
        day = (await admin(gateway, "GET", "/deliveries?since=2026-11-22T00:00:00Z")).json["data"]

    assert (seen, pages) == (jobs[::-1], 2)
    assert (dead, others, since) == ([], [], [])
    assert len(day) == 3


@pytest.mark.parametrize(
    "query",
    ["state=done", "since=yesterday", "since=99999999999999999", "limit=0", "limit=501", "limit=x",
     "cursor=x", "cursor=%00", "cursor=eA", "endpoint=%00"],
)  # fmt: skip
async def test_a_question_that_makes_no_sense_is_a_400(gateway: RunningGateway, query: str) -> None:
    answer = await admin(gateway, "GET", f"/deliveries?{query}")

    assert (answer.status, answer.reason) == (400, "invalid_request")


async def test_what_is_not_there_is_a_404(gateway: RunningGateway) -> None:
    for method, path in (
        ("GET", "/deliveries/evt_none"),
        ("POST", "/deliveries/evt_none/replay"),
        ("POST", "/endpoints/nobody/test"),
        ("POST", "/endpoints/nobody/enable"),
    ):
        assert (await admin(gateway, method, path)).status == 404, path


async def test_a_replay_arrives_once_more_and_is_kept_in_the_audit_trail(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    async with before_a_farm(gateways, sandbox, sqlite_url) as (gateway, farm):
        await ended(gateway, farm)
        (row,) = (await admin(gateway, "GET", "/deliveries")).json["data"]

        answer = await admin(gateway, "POST", f"/deliveries/{row['id']}/replay")

        async def again() -> bool:
            return len(farm.requests) == 2

        await gateway.until(again)

    assert answer.status == 202
    bodies = {request.partition(b"\r\n\r\n")[2] for request in farm.requests}
    assert len(bodies) == 1, "the same event, byte for byte"
    kept = await gateway.row("SELECT act, subject, made_by FROM audit ORDER BY number DESC LIMIT 1")
    assert dict(kept) == {
        "act": "delivery.replayed", "subject": row["id"], "made_by": "generated token"
    }  # fmt: skip


async def test_dead_deliveries_are_replayed_since_a_moment(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    async with subscriber(answers(500, b"no")) as farm:
        once = {**subscribed(farm.url()), "delivery": {"retries": []}}
        gateway = await gateways(sandbox, sqlite_url, once)
        await ended(gateway, farm)
        assert (await admin(gateway, "GET", "/deliveries")).json["data"][0]["state"] == "dead"
        farm.behave = answers(200)

        none = await admin(
            gateway, "POST", "/deliveries/replay-dead", json={"since": 2_000_000_000}
        )
        answer = await admin(
            gateway,
            "POST",
            "/deliveries/replay-dead",
            json={"since": "2026-11-01", "endpoint": FARM},
        )

        async def delivered() -> bool:
            rows = (await admin(gateway, "GET", "/deliveries?state=delivered")).json["data"]
            return bool(rows)

        await gateway.until(delivered)

    assert (none.json, answer.status, answer.json) == ({"replayed": 0}, 202, {"replayed": 1})


JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("body", [b"", b"{}", b'{"since": "x"}', b'{"since": 1, "endpoint": 2}'])
async def test_a_replay_of_the_dead_needs_its_moment(gateway: RunningGateway, body: bytes) -> None:
    answer = await admin(gateway, "POST", "/deliveries/replay-dead", data=body, headers=JSON)

    assert (answer.status, answer.reason) == (400, "invalid_request")


async def test_the_teams_own_listener_knows_nothing_of_deliveries(gateway: RunningGateway) -> None:
    for path in ("/admin/v1/deliveries", "/admin/v1/endpoints"):
        assert (await gateway.get(f"{gateway.origin}{path}")).status == 404


async def test_a_thousand_events_arrive_in_time_while_one_endpoint_hangs(
    sandbox: Sandbox, sqlite_url: str
) -> None:
    """In real time, over real sockets: a hundred events for ten endpoints and one that hangs."""
    async with subscriber(answers(200)) as good, subscriber(is_silent) as hanging:
        hooks = [
            {"name": f"good-{n}", "url": good.url(path=f"/{n}"), "secret": SECRET, "events": ["*"]}
            for n in range(10)
        ]
        stuck = {"name": "stuck", "url": hanging.url(), "secret": SECRET, "events": ["*"]}
        async with running_gateway(
            sandbox, sqlite_url, {"webhooks": [*hooks, stuck]}, clock=SystemClock()
        ) as gateway:
            loop = asyncio.get_running_loop()
            began = loop.time()
            await _publish(gateway, 100)
            async with asyncio.timeout(60):
                while len(good.requests) < 1000:
                    good.left.clear()
                    await good.left.wait()
            took = loop.time() - began
            held = hanging.connects
            (row,) = [
                row
                for row in (await admin(gateway, "GET", "/endpoints")).json["data"]
                if row["endpoint"] == "organisation/stuck"
            ]

    assert held == 4, "its own limit, and nobody else's"
    assert row["pending"] == 100
    assert took < 14, "the hanging ones are not even over when all others have arrived"
    assert len({request.partition(b" HTTP")[0] for request in good.requests}) == 10


async def _publish(gateway: RunningGateway, number: int) -> None:
    """So many events at once, owed to every subscriber."""
    live, clock = gateway.gateway.live, gateway.clock
    source = random.Random(3)
    publisher = EventPublisher(live, Links(live, clock, b"k" * 32), source)
    now = clock.now()

    def act(tx: Transaction) -> None:
        for _ in range(number):
            facts = ThresholdFacts("growth", "day", 0.8, 10, 8, 0, None)
            publisher.elsewhere(tx, threshold_crossed(new_event_id(source), facts, now), "", now)

    await gateway.database.write(act)
