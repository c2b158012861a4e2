"""API keys that operators create, list and revoke."""

import pytest

from gateway.adapters.clock import SystemClock
from gateway.sandbox import Sandbox
from tests.api.admin.test_routes import admin
from tests.api.conftest import StartGateway
from tests.harness import RunningGateway, until


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
