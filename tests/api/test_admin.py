"""The operators' API: who may use it, and what it shows."""

from typing import Any

import pytest

from gateway.adapters.clock import SystemClock
from gateway.domain.team import hash_key
from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.harness import Answer, RunningGateway, until

TOKEN = "adm_" + "t" * 40


async def admin(
    gateway: RunningGateway, method: str, path: str, token: str | None = None, **options: Any
) -> Answer:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    url = f"{gateway.admin_url}/admin/v1{path}"
    return await gateway.call(method, url, team=None, headers=headers, **options)


async def test_without_tokens_a_peer_on_this_machine_may_operate(gateway: RunningGateway) -> None:
    assert (await admin(gateway, "GET", "/keys")).status == 200


async def test_with_tokens_every_route_asks_for_one(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    tokens = {"tokens": [{"name": "ops", "hash": hash_key(TOKEN)}]}
    gateway = await gateways(sandbox, sqlite_url, {"admin": tokens})
    routes = [
        (route.method, route.resource.canonical)
        for route in gateway.gateway.admin.router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/admin/")
        and route.method != "HEAD"  # has no body to look at
    ]
    assert len(routes) > 5

    for method, path in routes:
        below = path.removeprefix("/admin/v1").replace("{", "").replace("}", "")
        for wrong in (None, "adm_wrong", "", TOKEN[:-1]):
            answer = await admin(gateway, method, below, wrong)
            assert (answer.status, answer.reason) == (401, "invalid_key"), (method, path, wrong)

    assert (await admin(gateway, "GET", "/keys", TOKEN)).status == 200


async def test_the_admin_api_is_not_on_the_team_facing_listener(gateway: RunningGateway) -> None:
    for path in ("/metrics", "/admin/v1/keys", "/admin/v1/budgets"):
        assert (await gateway.get(f"{gateway.origin}{path}")).status == 404


async def test_a_key_is_made_used_listed_and_revoked(gateway: RunningGateway) -> None:
    made = await admin(gateway, "POST", "/keys", json={"team": "growth", "name": "web"})
    key = made.json["key"]
    headers = {"Authorization": f"Bearer {key}"}
    missing = "/videos/gen-vid-1-nobody"

    assert made.status == 201
    assert (await gateway.get(missing, team=None, headers=headers)).status == 404
    listed = await admin(gateway, "GET", "/keys")
    assert key not in listed.body.decode()
    assert [(row["team"], row["name"]) for row in listed.json["data"]] == [("growth", "web")]

    assert (await admin(gateway, "DELETE", "/keys/growth/web")).status == 200

    answer = await gateway.get(missing, team=None, headers=headers)
    assert (answer.status, answer.reason) == (401, "revoked_key")


async def test_a_key_revoked_on_one_replica_stops_on_the_other(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str
) -> None:
    clock = SystemClock()  # the promise is about real seconds
    one = await gateways(sandbox, postgres_url, clock=clock)
    other = await gateways(sandbox, postgres_url, clock=clock)
    made = await admin(one, "POST", "/keys", json={"team": "growth", "name": "web"})
    headers = {"Authorization": f"Bearer {made.json['key']}"}

    async def status(wanted: int) -> bool:
        answer = await other.get("/videos/gen-vid-1-nobody", team=None, headers=headers)
        return answer.status == wanted

    await until(lambda: status(404), clock)
    await admin(one, "DELETE", "/keys/growth/web")
    before = clock.monotonic()
    await until(lambda: status(401), clock)

    assert clock.monotonic() - before <= 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"team": "nobody", "name": "web"}, "team"),
        ({"team": "growth", "name": "ci"}, "name"),  # the configuration has one of that name
        ({"team": "growth", "name": "a b"}, "name"),
        ({"team": "growth", "name": ""}, "name"),
        ({"team": "growth"}, "name"),
        ({"name": "web"}, "team"),
    ],
)
async def test_a_key_that_cannot_be_made_says_which_field(
    gateway: RunningGateway, body: dict[str, str], field: str
) -> None:
    answer = await admin(gateway, "POST", "/keys", json=body)

    assert (answer.status, answer.reason) == (400, "invalid_request")
    assert answer.json["error"]["metadata"]["gateway"]["field"] == field


async def test_two_keys_of_one_name_cannot_be_active(gateway: RunningGateway) -> None:
    body = {"team": "growth", "name": "web"}
    assert (await admin(gateway, "POST", "/keys", json=body)).status == 201
    assert (await admin(gateway, "POST", "/keys", json=body)).status == 400
    await admin(gateway, "DELETE", "/keys/growth/web")
    assert (await admin(gateway, "POST", "/keys", json=body)).status == 201


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


async def test_catalog_changes_can_be_asked_for(gateway: RunningGateway) -> None:
    assert (await admin(gateway, "GET", "/catalog/changes")).json == {"data": []}
