"""The operators' API: who may use it, and what it shows."""

from typing import Any

from gateway.domain.team import hash_key
from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.harness import Answer, RunningGateway

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


async def test_catalog_changes_can_be_asked_for(gateway: RunningGateway) -> None:
    assert (await admin(gateway, "GET", "/catalog/changes")).json == {"data": []}
