"""What is decided before a cent is spent, as a client sees it."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest

from gateway.config.loader import Loaded, parse
from gateway.config.team import Lists
from gateway.sandbox import Sandbox
from gateway.server import reload
from tests.api.conftest import StartGateway
from tests.fakes.clock import FakeClock
from tests.harness import GROK, RunningGateway, running_gateway

GROWTH = "growth"


def team(**settings: Any) -> dict[str, Any]:
    """Overrides for the team that the harness uses unless told otherwise."""
    return {"teams": {GROWTH: settings}}


@pytest.fixture
async def gateway(
    sandbox: Sandbox, sqlite_url: str, clock: FakeClock, request: pytest.FixtureRequest
) -> AsyncIterator[RunningGateway]:
    """A gateway with the overrides of the test's own `overrides` mark."""
    mark = request.node.get_closest_marker("overrides")
    overrides = mark.args[0] if mark else {}
    refused = {"config.reload_refused"}  # an error line that one test provokes
    async with running_gateway(
        sandbox, sqlite_url, overrides, clock=clock, expected_errors=refused
    ) as running:
        yield running


overrides = pytest.mark.overrides


async def test_every_mistake_comes_back_at_once_with_the_nearest_value(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    answer = await gateway.submit(duration=99, resolution="4K", aspect_ratio="7:3")

    assert (answer.status, answer.reason) == (400, "unsupported_parameter")
    violations = answer.json["error"]["metadata"]["gateway"]["violations"]
    assert sorted((v["field"], v["value"], v["nearest"]) for v in violations) == [
        ("aspect_ratio", "7:3", "16:9"),
        ("duration", 99, 15),
        ("resolution", "4K", "720p"),
    ]
    assert all(v["allowed"] for v in violations)
    assert sandbox.ledger.submits == []


async def test_an_unknown_model_gets_near_matches(gateway: RunningGateway) -> None:
    answer = await gateway.submit(model="x-ai/grok-imagine-vidoe")

    assert (answer.status, answer.reason) == (404, "model_not_found")
    assert "x-ai/grok-imagine-video" in answer.json["error"]["metadata"]["gateway"]["near"]


@overrides(team(models={"allow": ["google/*", "x-ai/*"], "deny": ["*-fast"]}))
@pytest.mark.parametrize(
    ("model", "allowed"),
    [
        ("x-ai/grok-imagine-video", True),
        ("google/veo-3.1-fast", False),
        ("openai/sora-2-pro", False),
    ],
)
async def test_a_team_may_use_only_its_models(
    gateway: RunningGateway, model: str, allowed: bool
) -> None:
    duration = 4 if "google" in model or "sora" in model else 1
    answer = await gateway.submit(model=model, duration=duration)

    assert answer.status == (202 if allowed else 403)
    if not allowed:
        assert answer.reason == "model_not_allowed"


@overrides(team(models={"allow": ["google/*"]}))
async def test_a_team_is_listed_what_it_may_use(gateway: RunningGateway) -> None:
    own = await gateway.get("/videos/models")
    everything = await gateway.get("/videos/models", team=None)

    assert {m["id"].split("/")[0] for m in own.json["data"]} == {"google"}
    assert len(everything.json["data"]) == 30
    assert own.headers["Cache-Control"].startswith("private")
    assert everything.headers["Cache-Control"].startswith("public, max-age=120")
    again = await gateway.get("/videos/models", headers={"If-None-Match": own.headers["ETag"]})
    assert (again.status, again.body) == (304, b"")
    assert own.headers["ETag"] != everything.headers["ETag"]


@overrides(team(providers={"allow": ["xai"]}))
async def test_only_allowed_providers_may_be_given_options(gateway: RunningGateway) -> None:
    refused = await gateway.submit(provider={"options": {"google-vertex": {}}})
    taken = await gateway.submit(provider={"options": {"xai": {}}})

    assert (refused.status, refused.reason) == (403, "provider_not_allowed")
    assert "provider.options.google-vertex" in refused.json["error"]["message"]
    assert taken.status == 202


@overrides(team(limits={"max_duration": 5, "max_resolution": "480p", "max_cost_usd": 0.3}))
@pytest.mark.parametrize(
    ("fields", "status", "reason", "words"),
    [
        ({"duration": 5, "resolution": "480p"}, 202, None, ""),
        ({"duration": 6, "resolution": "480p"}, 403, "limit_exceeded", "at most 5s"),
        ({"duration": 5, "resolution": "720p"}, 403, "limit_exceeded", "at most 480p"),
        ({"duration": None, "resolution": "480p"}, 403, "limit_exceeded", "set duration"),
        ({"duration": 5}, 403, "limit_exceeded", "set resolution"),
        (
            {"model": "minimax/hailuo-3-max", "duration": 8, "resolution": "480p"},
            403,
            "limit_exceeded",
            "duration is 8",
        ),
    ],
)
async def test_limits_on_one_request(
    gateway: RunningGateway, fields: dict[str, Any], status: int, reason: str | None, words: str
) -> None:
    answer = await gateway.submit(**fields)

    assert answer.status == status, answer.body
    if reason is not None:
        assert answer.reason == reason
        assert words in answer.json["error"]["message"]


@overrides(team(limits={"max_cost_usd": 0.04}))
async def test_a_request_that_may_cost_too_much_is_refused_with_its_price(
    gateway: RunningGateway,
) -> None:
    answer = await gateway.submit(resolution="480p")

    assert (answer.status, answer.reason) == (402, "cost_limit")
    details = answer.json["error"]["metadata"]["gateway"]
    assert (details["estimate_usd"], details["limit_usd"]) == ("0.05", "0.04")


async def test_what_cannot_be_priced_is_refused(gateway: RunningGateway) -> None:
    answer = await gateway.submit(
        model="heygen/avatar-iv",
        duration=None,
        frame_images=None,
        input_references=[{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
    )

    assert (answer.status, answer.reason) == (402, "price_unknown")


@overrides({"pricing": {"unpriced": "reserve", "unpriced_usd": 2}})
async def test_what_cannot_be_priced_is_held_at_a_figure_where_that_is_configured(
    gateway: RunningGateway,
) -> None:
    answer = await gateway.submit(
        model="heygen/avatar-iv",
        duration=None,
        input_references=[{"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}],
    )

    assert answer.status == 202, answer.body
    assert answer.headers["X-Gateway-Estimated-Cost-Usd"] == "2.00"


@overrides(team(budgets=[{"period": "day", "limit_usd": 0.12}]))
async def test_a_budget_that_runs_out_says_which_and_by_how_much(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    for prompt in ("one", "two"):
        assert (await gateway.submit(prompt=prompt, resolution="480p")).status == 202

    answer = await gateway.submit(prompt="three", resolution="480p")

    assert (answer.status, answer.reason) == (402, "budget_exceeded")
    details = answer.json["error"]["metadata"]["gateway"]
    assert (details["budget"], details["window"]) == ("team/growth/day", "day")
    assert (details["limit_usd"], details["spent_usd"], details["reserved_usd"]) == (
        "0.12",
        "0.00",
        "0.10",
    )
    assert (details["estimate_usd"], details["would_fit_usd"]) == ("0.05", "0.02")
    assert details["resets_at"] == "2026-11-23T00:00:00Z"
    assert int(answer.headers["Retry-After"]) == 12 * 3600
    assert len(sandbox.ledger.submits) == 2


@overrides(team(budgets=[{"period": "day", "limit_usd": 0.16}]))
async def test_a_thousand_parallel_submits_buy_the_three_that_there_is_room_for(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    answers = await asyncio.gather(
        *(gateway.submit(prompt=f"take {n}", resolution="480p") for n in range(1000))
    )

    statuses = [answer.status for answer in answers]
    assert (statuses.count(202), statuses.count(402)) == (3, 997)
    assert len(sandbox.ledger.submits) == 3


async def test_a_dry_run_shows_the_whole_decision_and_buys_nothing(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    answer = await gateway.call(
        "POST",
        "/videos",
        json={"model": "x-ai/grok-imagine-video", "prompt": "a cat", "duration": 4},
        headers={"X-Gateway-Dry-Run": "true"},
    )

    assert answer.status == 200
    told = answer.json
    assert (told["dry_run"], told["outcome"], told["refusals"]) == (True, "accepted", [])
    assert told["estimated_cost_usd"] == "0.28"  # 720p, the dearest, because it was left out
    estimate = told["decision"]["estimate"]
    assert any("7 cents/s" in line for line in estimate["lines"])
    assert any("resolution" in assumption for assumption in estimate["assumptions"])
    assert told["decision"]["upstream"] == "sandbox"
    assert sandbox.ledger.submits == []
    assert (await gateway.row("SELECT COUNT(*) AS n FROM jobs"))["n"] == 0
    assert (await gateway.row("SELECT COUNT(*) AS n FROM windows"))["n"] == 0


@overrides(
    team(
        models={"deny": ["x-ai/*"]},
        limits={"max_cost_usd": 0.01, "concurrent_jobs": 5, "requests_per_minute": 5},
        budgets=[{"period": "day", "limit_usd": 0.02}, {"period": "month", "limit_usd": 50}],
    )
)
async def test_a_dry_run_names_every_rule_that_would_refuse(gateway: RunningGateway) -> None:
    answer = await gateway.call(
        "POST",
        "/videos",
        json={"model": "x-ai/grok-imagine-video", "prompt": "a cat", "duration": 4},
        headers={"X-Gateway-Dry-Run": "true"},
    )

    told = answer.json
    assert told["outcome"] == "refused"
    assert [refusal["reason"] for refusal in told["refusals"]] == [
        "model_not_allowed",
        "cost_limit",
        "budget_exceeded",
    ]
    rooms = {room["budget"]: room["fits"] for room in told["decision"]["budgets"]}
    assert rooms == {"team/growth/day": False, "team/growth/month": True}
    assert {rule["rule"] for rule in told["decision"]["traffic"]} == {
        "limits.requests_per_minute",
        "limits.concurrent_jobs",
    }


@overrides(team(limits={"requests_per_minute": 3}))
async def test_the_rate_is_exact_and_says_how_long_to_wait(
    gateway: RunningGateway, clock: FakeClock
) -> None:
    for number in range(3):
        assert (await gateway.submit(prompt=f"{number}")).status == 202
        await clock.advance(10)

    refused = await gateway.submit(prompt="4")
    assert (refused.status, refused.reason) == (429, "rate_limited")
    wait = int(refused.headers["Retry-After"])
    assert 29 <= wait <= 30

    await clock.advance(wait)
    assert (await gateway.submit(prompt="5")).status == 202
    assert (await gateway.submit(prompt="6")).status == 429


@overrides(team(limits={"requests_per_minute": 1}))
async def test_a_request_that_joins_is_never_counted(gateway: RunningGateway) -> None:
    first = await gateway.job(prompt="same")

    again = await gateway.submit(prompt="same")

    assert (again.status, again.json["id"]) == (202, first)


@overrides(team(limits={"concurrent_jobs": 2}))
async def test_open_jobs_are_counted_exactly(gateway: RunningGateway) -> None:
    answers = await asyncio.gather(*(gateway.submit(prompt=f"{n}") for n in range(20)))
    taken = [answer for answer in answers if answer.status == 202]
    refused = next(answer for answer in answers if answer.status == 429)
    assert len(taken) == 2
    assert refused.reason == "too_many_jobs"
    assert int(refused.headers["Retry-After"]) > 0

    await gateway.ended(taken[0].json["id"])
    await gateway.ended(taken[1].json["id"])

    assert (await gateway.submit(prompt="next")).status == 202


async def test_a_decision_is_kept_with_the_job_and_for_refusals_too(
    gateway: RunningGateway,
) -> None:
    job = await gateway.job(prompt="a secret prompt", resolution="480p")
    await gateway.submit(prompt="another secret", resolution="8K")

    kept = (await gateway.get(f"{gateway.admin_url}/admin/v1/jobs/{job}")).json["decision"]
    refused = json.loads((await gateway.row("SELECT decision FROM refusals"))["decision"])

    assert kept["outcome"] == "accepted"
    assert kept["estimate"]["usd"] == "0.05"
    assert kept["config_version"]
    assert {rule["rule"] for rule in kept["rules"]} >= {"routing", "models", "capabilities"}
    assert (refused["outcome"], refused["reason"]) == ("refused", "unsupported_parameter")
    assert "secret" not in json.dumps([kept, refused])


async def decision_of(gateway: RunningGateway, job: str) -> Any:
    shown = await gateway.get(f"{gateway.admin_url}/admin/v1/jobs/{job}")
    return shown.json["decision"]


@overrides(team(budgets=[{"period": "day", "limit_usd": "0.12"}]))
async def test_jobs_that_differ_in_their_prompt_share_a_record(gateway: RunningGateway) -> None:
    first = await gateway.job(prompt="one", resolution="480p")
    second = await gateway.job(prompt="two", resolution="480p")
    refused = await gateway.submit(prompt="three", resolution="480p")

    records = await gateway.row("SELECT COUNT(*) AS n FROM decisions")
    shown = [await decision_of(gateway, job) for job in (first, second)]
    spent = [one.pop("budgets")[0]["would_fit_usd"] for one in shown]

    assert (refused.status, records["n"]) == (402, 1)
    assert spent == ["0.07", "0.02"]
    assert shown[0] == shown[1]


@overrides(team(budgets=[{"period": "day", "limit_usd": "0.07"}]))
async def test_a_record_that_a_refusal_rolled_back_is_stored_with_the_next_job(
    gateway: RunningGateway,
) -> None:
    refused = await gateway.submit(prompt="one", resolution="480p", duration=2)
    job = await gateway.job(prompt="one", resolution="480p", duration=1)

    assert refused.status == 402
    assert (await decision_of(gateway, job))["parameters"]["duration"] == 1


@overrides(team(budgets=[{"period": "day", "limit_usd": 10}]))
async def test_an_estimate_that_proved_too_low_is_raised(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    job = await gateway.job(prompt="one", resolution="480p")
    upstream = sandbox.jobs[-1].id
    sandbox.end(upstream, "completed", cost=Decimal("0.09"))
    await gateway.ended(job)

    answer = await gateway.submit(prompt="two", resolution="480p")

    assert answer.headers["X-Gateway-Estimated-Cost-Usd"] == "0.09"


async def test_one_odd_bill_raises_only_its_own_kind_and_three_times_at_most(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    before = await gateway.submit(prompt="plain", resolution="480p")
    usual = Decimal(before.headers["X-Gateway-Estimated-Cost-Usd"])
    images = [
        {"type": "image_url", "image_url": {"url": f"https://i.example/{n}.png"}} for n in range(2)
    ]
    job = await gateway.job(prompt="two", resolution="480p", input_references=images)
    priced = await gateway.submit(prompt="three", resolution="480p", input_references=images)
    cost = Decimal(priced.headers["X-Gateway-Estimated-Cost-Usd"])
    sandbox.end(sandbox.jobs[-2].id, "completed", cost=cost * 50)
    await gateway.ended(job)

    same = await gateway.submit(prompt="four", resolution="480p", input_references=images)
    other = await gateway.submit(prompt="five", resolution="480p")

    assert Decimal(same.headers["X-Gateway-Estimated-Cost-Usd"]) == cost * 3
    assert Decimal(other.headers["X-Gateway-Estimated-Cost-Usd"]) == usual


async def test_a_dry_run_does_not_show_what_another_team_has_paid(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    async def dry_run(team: str) -> str:
        body = {
            "model": "x-ai/grok-imagine-video",
            "prompt": "dry",
            "duration": 1,
            "resolution": "480p",
        }
        headers = {"X-Gateway-Dry-Run": "true"}
        answer = await gateway.call("POST", "/videos", team=team, json=body, headers=headers)
        return str(answer.json["estimated_cost_usd"])

    usual = await dry_run("growth")
    job = await gateway.job(prompt="one", resolution="480p")
    sandbox.end(sandbox.jobs[-1].id, "completed", cost=Decimal("0.09"))
    await gateway.ended(job)

    assert (await dry_run("growth"), await dry_run("rivals")) == ("0.09", usual)


async def test_new_rules_hold_for_new_requests_at_once_and_a_bad_file_changes_nothing(
    gateway: RunningGateway,
) -> None:
    before = gateway.gateway.live.config
    job = await gateway.job(prompt="before")

    def broken() -> Any:
        return parse("teams: 5", {}, "broken")

    reload(gateway.gateway, broken, gateway.telemetry)
    assert gateway.gateway.live.config is before
    [refused] = gateway.told("config.reload_refused")
    assert any("teams" in line for line in refused["mistakes"])

    denied = _denying(gateway)
    reload(gateway.gateway, lambda: denied, gateway.telemetry)

    assert (await gateway.submit(prompt="after")).reason == "model_not_allowed"
    assert (await gateway.ended(job))["status"] == "completed"
    [line] = gateway.told("config.reloaded")
    assert any("teams.growth.models.deny" in change for change in line["changes"])


def _denying(gateway: RunningGateway) -> Any:
    config = gateway.gateway.live.config
    growth = config.teams[GROWTH].model_copy(update={"models": Lists(deny=("x-ai/*",))})
    teams = {**config.teams, GROWTH: growth}
    return Loaded(config.model_copy(update={"teams": teams}), "newer")


async def test_a_field_of_another_api_is_refused_before_a_video_without_it_is_bought(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    answer = await gateway.submit(image_url="https://example.com/a.png")

    assert (answer.status, answer.reason) == (400, "invalid_request")
    assert "did you mean frame_images?" in answer.json["error"]["message"]
    assert not sandbox.jobs


async def test_unknown_fields_travel_on_and_are_named_in_the_answer(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    answer = await gateway.submit(negative_prompt="fog", watermark=False)

    assert answer.status == 202
    assert answer.headers["X-Gateway-Unknown-Fields"] == "negative_prompt, watermark"


@overrides({"policy": {"unknown_fields": "refuse"}})
async def test_unknown_fields_are_refused_where_that_is_configured(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    answer = await gateway.submit(negative_prompt="fog")

    assert (answer.status, answer.reason) == (400, "unsupported_parameter")
    assert "negative_prompt" in answer.json["error"]["message"]
    assert not sandbox.jobs


@overrides(team(providers={"deny": ["bytedance"]}))
async def test_a_denied_provider_is_refused_wherever_it_is_named(gateway: RunningGateway) -> None:
    for provider in ({"only": ["bytedance"]}, {"order": ["x", "bytedance"]}):
        answer = await gateway.submit(provider=provider)

        assert (answer.status, answer.reason) == (403, "provider_not_allowed"), provider


@overrides(team(limits={"max_resolution": "720p", "max_duration": 8}))
@pytest.mark.parametrize(
    "fields",
    [
        {"resolution": "480p", "provider": {"options": {"xai": {"a": {"size": "1920*1080"}}}}},
        {"resolution": "480p", "provider": {"options": {"xai": {"parameters": {"Quality": "h"}}}}},
        {"duration": 1, "provider": {"options": {"xai": {"config": {"durationSeconds": 15}}}}},
        {"duration": 1, "provider": {"options": {"xai": {"num_frames": 2400}}}},
        {"size": "4K"},
    ],
)
async def test_a_limit_counts_what_a_provider_parameter_may_ask_for(
    gateway: RunningGateway, sandbox: Sandbox, fields: dict[str, Any]
) -> None:
    answer = await gateway.submit(**fields)

    assert answer.status in (400, 403), answer.body
    assert not sandbox.jobs


async def test_a_team_is_not_told_what_the_organisation_has_spent(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    changes = {"budgets": [{"period": "month", "limit_usd": "0.10"}]}
    gateway = await gateways(sandbox, sqlite_url, changes)
    await gateway.job(team="rivals")

    refused = await gateway.submit()
    preview = await gateway.call(
        "POST", "/videos", json=GROK, headers={"X-Gateway-Dry-Run": "true"}
    )

    facts = refused.json["error"]["metadata"]["gateway"]
    assert (refused.status, facts["window"]) == (402, "month")
    assert "resets_at" in facts
    for text in (refused.body.decode(), preview.body.decode()):
        assert "spent_usd" not in text
        assert "reserved_usd" not in text
        assert "would_fit" not in text
    (window,) = facts["windows"]
    assert not {"spent_usd", "reserved_usd", "limit_usd"} & window.keys()
    kept = await gateway.row("SELECT decision FROM refusals")
    assert "spent_usd" in kept["decision"]  # operators see it


async def test_a_refusal_is_kept_in_a_few_thousand_bytes(gateway: RunningGateway) -> None:
    await gateway.submit(
        resolution="8" * 4000,
        aspect_ratio="9" * 4000,
        provider={"options": {f"slug-{n}": {"x" * 200: 1} for n in range(400)}},
    )

    row = await gateway.row("SELECT decision FROM refusals")

    assert len(row["decision"].encode()) <= 4096
    assert json.loads(row["decision"])["reason"] == "unsupported_parameter"


async def test_refused_submits_count_toward_the_rate(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    changes = {"teams": {"growth": {"limits": {"requests_per_minute": 5}}}}
    gateway = await gateways(sandbox, sqlite_url, changes)

    statuses = [(await gateway.submit(duration=99)).status for _ in range(7)]
    limited = await gateway.submit(duration=99)

    assert statuses == [400] * 5 + [429] * 2
    assert limited.reason == "rate_limited"
    assert int(limited.headers["Retry-After"]) >= 1
    assert (await gateway.submit(team="rivals", duration=99)).status == 400
    await clock.advance(60)
    assert (await gateway.submit(duration=99)).status == 400


async def test_without_a_rate_120_refusals_a_minute_are_recorded(gateway: RunningGateway) -> None:
    for _ in range(130):
        assert (await gateway.submit(duration=99)).status == 400

    assert (await gateway.row("SELECT COUNT(*) AS n FROM refusals"))["n"] == 120


@overrides(
    team(
        limits={"max_duration": "8s", "max_resolution": "720p"},
        defaults={"duration": "8s", "resolution": "720p"},
    )
)
async def test_a_plain_request_gets_the_team_s_defaults_instead_of_a_refusal(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    plain = {"model": "x-ai/grok-imagine-video", "prompt": "a plain fox"}
    answer = await gateway.call("POST", "/videos", json=plain)
    applied = answer.headers["X-Gateway-Applied-Defaults"]
    named = {**plain, "duration": 8, "resolution": "720p"}
    same = await gateway.call("POST", "/videos", json=named)
    preview = await gateway.call(
        "POST", "/videos", json=plain, headers={"X-Gateway-Dry-Run": "true"}
    )
    longer = await gateway.call("POST", "/videos", json={**plain, "duration": 15})

    assert (answer.status, applied) == (202, "duration=8, resolution=720p")
    [submit] = sandbox.ledger.submits
    assert (submit.body["duration"], submit.body["resolution"]) == (8, "720p")
    assert same.json["id"] == answer.json["id"], "the same request with its values written"
    assert "X-Gateway-Applied-Defaults" not in same.headers
    assert preview.json["decision"]["defaults"] == ["duration=8", "resolution=720p"]
    assert (longer.status, longer.reason) == (403, "limit_exceeded")
    shown = await decision_of(gateway, answer.json["id"])
    assert shown["parameters"]["duration"] == 8
    assert shown["defaults"] == ["duration=8", "resolution=720p"]
    written = await gateway.call("POST", "/videos", json={**named, "prompt": "another fox"})
    assert "defaults" not in await decision_of(gateway, written.json["id"])


@overrides(team(limits={"max_duration": "8s"}))
async def test_without_defaults_the_longest_that_the_upstream_may_choose_counts(
    gateway: RunningGateway,
) -> None:
    plain = {"model": "x-ai/grok-imagine-video", "prompt": "a plain fox"}

    refused = await gateway.call("POST", "/videos", json=plain)

    assert (refused.status, refused.reason) == (403, "limit_exceeded")
