"""What operators do to a whole gateway is told in the audit trail: what, who, when, from where."""

import json
from typing import Any

from gateway.config.loader import Loaded
from gateway.domain.team import hash_key
from gateway.sandbox import Sandbox
from gateway.server import reload
from gateway.services import audit
from tests.api.conftest import StartGateway
from tests.fakes.clock import FakeClock
from tests.fakes.subscriber import answers, subscriber
from tests.harness import RunningGateway

TOKEN = "canary-of-an-admin-token"
OPS = {"admin": {"tokens": [{"name": "ops", "hash": hash_key(TOKEN)}]}}


async def operate(gateway: RunningGateway, method: str, path: str, **options: Any) -> Any:
    answer = await gateway.call(
        method,
        f"{gateway.admin_url}/admin/v1{path}",
        team=None,
        headers={"Authorization": f"Bearer {TOKEN}"},
        **options,
    )
    assert answer.status < 300, answer.body
    return answer.json


async def trail(gateway: RunningGateway) -> list[dict[str, Any]]:
    """Every record, oldest first."""
    records = await audit.latest(gateway.database, 100)
    return [
        {
            "act": one.entry.act,
            "subject": one.entry.subject,
            "by": one.entry.made_by,
            "from": one.entry.origin,
            "at": one.entry.at,
            **json.loads(one.entry.details),
        }
        for one in reversed(records)
    ]


async def acts(gateway: RunningGateway, act: str) -> list[dict[str, Any]]:
    return [one for one in await trail(gateway) if one["act"] == act]


async def test_keys_are_told_with_the_operator_and_the_address(
    gateways: StartGateway, sandbox: Sandbox, database_url: str, clock: FakeClock
) -> None:
    gateway = await gateways(sandbox, database_url, OPS)
    await operate(gateway, "POST", "/keys", json={"team": "growth", "name": "laptop"})
    await operate(gateway, "DELETE", "/keys/growth/laptop")

    (made,) = await acts(gateway, "key.created")
    (revoked,) = await acts(gateway, "key.revoked")
    for one in (made, revoked):
        assert one["subject"] == "growth/laptop"
        assert (one["by"], one["from"]) == ("ops", "127.0.0.1")
        assert one["at"] == int(clock.now().timestamp() * 1000)


async def test_a_replayed_delivery_and_deleted_content_are_told(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    async with subscriber(answers(500)) as hook:
        farm = {"name": "farm", "url": hook.url(), "secret": "a-subscribers-own-secret"}
        changes = {
            **OPS,
            "delivery": {"retries": []},
            "webhooks": [farm],
            "content": {"mode": "cache"},
        }
        gateway = await gateways(sandbox, sqlite_url, changes)
        job = await gateway.completed()
        await gateway.get(f"/videos/{job}/content")

        async def dead() -> Any:
            return (await operate(gateway, "GET", "/deliveries?state=dead"))["data"]

        (delivery,) = await gateway.until(dead)
        await operate(gateway, "POST", f"/deliveries/{delivery['id']}/replay")
        await operate(gateway, "DELETE", f"/jobs/{job}/content")

        (replayed,) = await acts(gateway, "delivery.replayed")
        (deleted,) = await acts(gateway, "content.deleted")
        assert (replayed["subject"], replayed["by"]) == (delivery["id"], "ops")
        assert (deleted["subject"], deleted["by"]) == (job, "ops")
        assert len(deleted["sha256"]) == 1


async def test_a_start_and_a_reload_are_told_with_what_changed(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    gateway = await gateways(sandbox, sqlite_url)
    in_force = gateway.gateway.live.current
    teams = {name: team for name, team in in_force.config.teams.items() if name != "rivals"}
    loaded = Loaded(in_force.config.model_copy(update={"teams": teams}), "another", ())

    reload(gateway.gateway, lambda: loaded, gateway.telemetry)
    (told,) = await gateway.until(lambda: acts(gateway, "config.reloaded"))
    reload(gateway.gateway, lambda: loaded, gateway.telemetry)  # the same file once more

    (started,) = await acts(gateway, "config.loaded")
    assert started["subject"] == in_force.version
    assert told["subject"] == loaded.version
    assert told["before"] == in_force.version
    assert told["by"] == "SIGHUP"
    assert told["from"].startswith("process ")
    assert told["changes"] == ["teams.rivals: removed"]
    assert len(await acts(gateway, "config.reloaded")) == 1


async def test_the_whole_trail_is_unbroken(
    gateways: StartGateway, sandbox: Sandbox, database_url: str
) -> None:
    gateway = await gateways(sandbox, database_url, OPS)
    for number in range(5):
        await operate(gateway, "POST", "/keys", json={"team": "growth", "name": f"k{number}"})

    verdict = await audit.verify(gateway.database)

    assert verdict.faults == ()
    assert verdict.checked == 6
