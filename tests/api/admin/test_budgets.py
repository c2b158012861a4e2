"""Budgets, accounts and refusals as operators see them."""

from gateway.sandbox import Sandbox
from tests.api.admin.test_routes import admin
from tests.api.conftest import StartGateway
from tests.harness import RunningGateway


async def test_budgets_and_accounts_are_shown_as_they_stand(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    budgets = [{"period": "day", "limit_usd": 1}]
    gateway = await gateways(sandbox, sqlite_url, {"teams": {"growth": {"budgets": budgets}}})
    await gateway.completed(prompt="done", resolution="480p")
    await gateway.job(prompt="running", resolution="480p")

    told = (await admin(gateway, "GET", "/budgets")).json

    [day] = told["data"]
    assert (day["budget"], day["limit_usd"], day["spent_usd"], day["reserved_usd"]) == (
        "team/growth/day",
        "1.00",
        "0.05",
        "0.05",
    )
    assert day["available_usd"] == "0.90"
    accounts = {account["team"]: account for account in told["accounts"]}
    assert (accounts["growth"]["spent_usd"], accounts["rivals"]["spent_usd"]) == ("0.05", "0.00")


async def test_refusals_are_shown_with_their_decision(gateway: RunningGateway) -> None:
    await gateway.submit(resolution="8K")

    [refusal] = (await admin(gateway, "GET", "/refusals")).json["data"]

    assert (refusal["team"], refusal["key"], refusal["reason"]) == (
        "growth",
        "ci",
        "unsupported_parameter",
    )
    assert refusal["decision"]["outcome"] == "refused"
