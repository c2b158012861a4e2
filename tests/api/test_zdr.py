"""Zero Data Retention: needed once, it never falls through to anything else."""

from typing import Any

import pytest

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway, StartSandbox
from tests.fakes.clock import FakeClock
from tests.harness import GROK, KEYS, Answer, RunningGateway

ASKING: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("provider.zdr", {"provider": {"zdr": True}}, {}),
    ("zdr", {"zdr": True}, {}),
    ("X-Gateway-Zdr", {}, {"X-Gateway-Zdr": "true"}),
]


@pytest.fixture
async def private(sandboxes: StartSandbox) -> Sandbox:
    """An upstream that keeps nothing."""
    return await sandboxes(seed=8)


@pytest.fixture
async def both(
    sandbox: Sandbox, private: Sandbox, gateways: StartGateway, sqlite_url: str
) -> RunningGateway:
    """A gateway with an upstream of each kind; `rivals` require ZDR."""
    return await gateways(
        {"open": sandbox, "private": private},
        sqlite_url,
        {
            "upstreams": {"private": {"zdr": True}},
            "routing": [{"to": "private", "when": {"zdr": True}}, {"to": "open"}],
            "teams": {"rivals": {"zdr": "require"}},
        },
    )


async def ask(
    gateway: RunningGateway, fields: dict[str, Any], headers: dict[str, str], **more: Any
) -> Answer:
    return await gateway.call("POST", "/videos", json={**GROK, **fields, **more}, headers=headers)


@pytest.mark.parametrize(("asked_by", "fields", "headers"), ASKING)
async def test_without_an_upstream_that_keeps_nothing_it_is_refused_in_openrouters_words(
    gateway: RunningGateway,
    sandbox: Sandbox,
    asked_by: str,
    fields: dict[str, Any],
    headers: dict[str, str],
) -> None:
    answer = await ask(gateway, fields, headers)

    assert (answer.status, answer.reason) == (404, "zdr_unavailable")
    error = answer.json["error"]
    assert error["message"].startswith(
        "No endpoints found matching your data policy (Zero data retention)."
    )
    assert error["metadata"]["failed_routing_step"] == "Filter by Data Policy"
    assert error["metadata"]["gateway"]["asked_by"] == [asked_by]
    assert sandbox.ledger.submits == []


@pytest.mark.parametrize(("asked_by", "fields", "headers"), ASKING)
async def test_it_goes_only_where_nothing_is_kept(
    both: RunningGateway,
    sandbox: Sandbox,
    private: Sandbox,
    asked_by: str,
    fields: dict[str, Any],
    headers: dict[str, str],
) -> None:
    await ask(
        both, fields, headers
    )  # OpenRouter itself refuses `provider.zdr`, as our sandbox does

    assert (len(sandbox.ledger.submits), len(private.ledger.submits)) == (0, 1)


async def test_a_team_that_requires_it_needs_to_say_nothing(
    both: RunningGateway, sandbox: Sandbox, private: Sandbox
) -> None:
    await both.job(team="rivals")

    assert (len(sandbox.ledger.submits), len(private.ledger.submits)) == (0, 1)


@pytest.mark.parametrize("value", ["yes", "1", "", "tru"])
async def test_a_misspelled_wish_is_refused_not_ignored(
    both: RunningGateway, sandbox: Sandbox, private: Sandbox, value: str
) -> None:
    answer = await ask(both, {}, {"X-Gateway-Zdr": value})

    assert (answer.status, answer.reason) == (400, "invalid_request")
    assert sandbox.ledger.submits == private.ledger.submits == []


async def test_one_true_wish_is_enough_where_the_header_comes_twice(
    both: RunningGateway, sandbox: Sandbox, private: Sandbox
) -> None:
    """A proxy adds its own behind the client's; the first one alone would be no wish."""
    headers = [
        ("Authorization", f"Bearer {KEYS['growth']}"),
        ("X-Gateway-Zdr", "false"),
        ("X-Gateway-Zdr", "true"),
    ]
    async with both.http.post(f"{both.base}/videos", json=GROK, headers=headers) as answer:
        assert answer.status == 202

    assert (len(sandbox.ledger.submits), len(private.ledger.submits)) == (0, 1)


async def test_a_job_made_without_it_is_never_joined_by_a_request_that_needs_it(
    both: RunningGateway, private: Sandbox
) -> None:
    plain = await both.job(prompt="same")

    needing = await ask(both, {"zdr": True}, {}, prompt="same")
    by_header = await ask(both, {}, {"X-Gateway-Zdr": "true"}, prompt="same")

    assert plain not in {needing.json["id"], by_header.json["id"]}
    assert len(private.ledger.submits) == 2


async def test_a_request_without_it_never_joins_a_job_made_with_it(
    both: RunningGateway, sandbox: Sandbox
) -> None:
    needing = await ask(both, {}, {"X-Gateway-Zdr": "true"}, prompt="same")

    plain = await both.job(prompt="same")

    assert plain != needing.json["id"]
    assert len(sandbox.ledger.submits) == 1


async def test_a_continuation_stays_where_its_job_was_made_or_is_refused(
    both: RunningGateway, sandbox: Sandbox, private: Sandbox
) -> None:
    flux: dict[str, Any] = {
        "model": "black-forest-labs/flux-3-video",
        "duration": 5,
        "resolution": "720p",
    }
    first = await both.completed(**flux)

    refused = await ask(both, {"zdr": True}, {}, **flux, previous_job_id=first)
    taken = await ask(both, {}, {}, **flux, previous_job_id=first)

    assert (refused.status, refused.reason) == (404, "zdr_unavailable")
    assert taken.status == 202, taken.body
    assert (len(sandbox.ledger.submits), len(private.ledger.submits)) == (2, 0)


async def test_it_does_not_fall_through_when_its_upstream_is_away(
    both: RunningGateway, sandbox: Sandbox, private: Sandbox, clock: FakeClock
) -> None:
    private.faults.next("submit", "refuse", status=503, times=20)

    answer = await ask(both, {"zdr": True}, {})

    assert answer.status in (202, 503)
    assert sandbox.ledger.submits == []


async def test_it_does_not_fall_through_after_a_reload(
    both: RunningGateway, sandbox: Sandbox
) -> None:
    config = both.gateway.live.config
    plain = tuple(route for route in config.routing if route.to == "open")
    both.gateway.reload(config.model_copy(update={"routing": plain}), "without the private one")

    answer = await ask(both, {"zdr": True}, {})

    assert (answer.status, answer.reason) == (404, "zdr_unavailable")
    assert sandbox.ledger.submits == []


async def test_a_team_that_requires_it_is_listed_what_can_be_had_with_it(
    both: RunningGateway, gateways: StartGateway, sandbox: Sandbox, postgres_url: str
) -> None:
    open_only = await gateways(sandbox, postgres_url, {"teams": {"rivals": {"zdr": "require"}}})

    listed = await both.get("/videos/models", team="rivals")

    assert len(listed.json["data"]) == 30
    assert (await open_only.get("/videos/models", team="rivals")).json == {"data": []}
