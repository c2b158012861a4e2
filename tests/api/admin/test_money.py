"""Operators end and settle jobs over HTTP: what is asked, what is answered, what is audited."""

from decimal import Decimal
from typing import Any

import pytest

from gateway.sandbox import Sandbox
from tests.api.admin.test_jobs import admin
from tests.api.conftest import StartGateway
from tests.harness import RunningGateway

BUDGET = {"teams": {"growth": {"budgets": [{"period": "day", "limit_usd": 5}]}}}


@pytest.fixture
async def gateway(gateways: StartGateway, sandbox: Sandbox, database_url: str) -> RunningGateway:
    return await gateways(sandbox, database_url, BUDGET)


async def spent(gateway: RunningGateway) -> tuple[str, str]:
    rows = (await admin(gateway, "GET", "/budgets")).json["data"]
    (row,) = [row for row in rows if row["team"] == "growth"]
    return row["spent_usd"], row["reserved_usd"]


async def disputed(gateway: RunningGateway, sandbox: Sandbox) -> str:
    sandbox.faults.next("job", "complete", cost=Decimal("48.5"))
    return await gateway.completed()


async def test_a_bill_far_above_its_estimate_holds_the_team_until_it_is_corrected(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    job = await disputed(gateway, sandbox)

    refused = await gateway.submit(prompt="another")
    listed = (await admin(gateway, "GET", "/disputes")).json["data"]
    body = {"cost_usd": "0.05", "reason": "their invoice says five cents"}
    settled = await admin(gateway, "POST", f"/jobs/{job}/settle", json=body)
    again = await gateway.submit(prompt="another")

    assert (refused.status, refused.reason) == (402, "bill_disputed")
    assert "accept or correct" in refused.json["error"]["message"]
    assert [(one["job"], one["cost_usd"]) for one in listed] == [(job, "48.50")]
    assert (settled.status, settled.json["cost_usd"]) == (200, "0.05")
    assert again.status == 202
    assert (await admin(gateway, "GET", "/disputes")).json["data"] == []
    assert (await spent(gateway))[0] == "0.05"


async def test_a_bill_is_accepted_and_the_budget_then_says_why_it_refuses(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    job = await disputed(gateway, sandbox)
    body = {"accept": True, "reason": "it was a long video"}

    assert (await admin(gateway, "POST", f"/jobs/{job}/settle", json=body)).status == 200

    refused = await gateway.submit(prompt="another")
    assert (refused.status, refused.reason) == (402, "budget_exceeded")


@pytest.mark.parametrize(("cost", "left"), [("0", "0.00"), ("estimate", "0.07"), ("0.02", "0.02")])
async def test_a_wedged_job_is_ended(
    gateway: RunningGateway, sandbox: Sandbox, cost: str, left: str
) -> None:
    sandbox.faults.next("job", "hold")
    job = await gateway.job()
    body = {"cost_usd": cost, "reason": "wedged for a day"}

    first = await admin(gateway, "POST", f"/jobs/{job}/end", json=body)
    second = await admin(gateway, "POST", f"/jobs/{job}/end", json=body)

    assert (first.status, second.status) == (200, 200)
    poll = (await gateway.get(f"/videos/{job}")).json
    assert (poll["status"], poll["error"]) == (
        "failed",
        "An operator of the gateway ended this job.",
    )
    assert await spent(gateway) == (left, "0.00")
    record = await gateway.row("SELECT act, subject, details FROM audit WHERE act = 'job.ended'")
    assert record["subject"] == job
    assert "wedged for a day" in record["details"]


@pytest.mark.parametrize(
    ("act", "body", "field"),
    [
        ("end", {"cost_usd": "0"}, "reason"),
        ("end", {"cost_usd": "0", "reason": " "}, "reason"),
        ("end", {"cost_usd": "-1", "reason": "x"}, "cost_usd"),
        ("end", {"cost_usd": "1e-9", "reason": "x"}, "cost_usd"),
        ("end", {"reason": "x"}, "cost_usd"),
        ("end", {"cost": "0", "reason": "x"}, "cost"),
        ("settle", {"reason": "x"}, "accept"),
        ("settle", {"accept": True, "cost_usd": "1", "reason": "x"}, "accept"),
        ("settle", {"accept": "yes", "reason": "x"}, "accept"),
        ("settle", {"cost_usd": True, "reason": "x"}, "cost_usd"),
    ],
)
async def test_a_wrong_act_is_refused_by_field(
    gateway: RunningGateway, act: str, body: dict[str, Any], field: str
) -> None:
    answer = await admin(gateway, "POST", f"/jobs/gen-vid-1-x/{act}", json=body)

    assert (answer.status, answer.reason) == (400, "invalid_request")
    assert answer.json["error"]["metadata"]["gateway"]["field"] == field


async def test_an_unknown_job_is_404(gateway: RunningGateway) -> None:
    body = {"cost_usd": "0", "reason": "x"}

    assert (await admin(gateway, "POST", "/jobs/nothing/end", json=body)).status == 404


async def test_learned_costs_are_listed_and_reset(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    sandbox.faults.next("job", "complete", cost=Decimal("0.09"))
    await gateway.completed()
    raised = await gateway.submit(prompt="again")

    listed = (await admin(gateway, "GET", "/costs")).json["data"]
    wrong = await admin(gateway, "POST", "/costs/reset", json={"model": "no/model", "reason": "x"})
    body = {"model": "x-ai/grok-imagine-video", "reason": "a wrong bill"}
    done = await admin(gateway, "POST", "/costs/reset", json=body)
    after = await gateway.submit(prompt="and again")

    header = "X-Gateway-Estimated-Cost-Usd"
    assert [(one["team"], one["cost_usd"]) for one in listed] == [("growth", "0.09")]
    assert (wrong.json["removed"], done.json["removed"]) == (0, 1)
    assert Decimal(raised.headers[header]) > Decimal(after.headers[header])
