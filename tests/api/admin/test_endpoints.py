"""Endpoints that operators list, test and enable."""

import json

from gateway.sandbox import Sandbox
from tests.api.admin.test_deliveries import FARM, SECRET, admin, before_a_farm, ended
from tests.api.conftest import StartGateway
from tests.fakes.subscriber import answers


async def test_endpoints_are_listed_tested_and_enabled_again(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    async with before_a_farm(gateways, sandbox, sqlite_url, answers(410)) as (gateway, farm):
        await ended(gateway, farm)
        (gone,) = (await admin(gateway, "GET", "/endpoints")).json["data"]
        refused = await admin(gateway, "POST", f"/endpoints/{FARM}/test")
        farm.behave = answers(200, b"pong")
        ping = await admin(gateway, "POST", "/endpoints/render-farm/test")
        enabled = await admin(gateway, "POST", f"/endpoints/{FARM}/enable")
        twice = await admin(gateway, "POST", f"/endpoints/{FARM}/enable")
        (well,) = (await admin(gateway, "GET", "/endpoints")).json["data"]

    assert (gone["disabled"], gone["disabled_because"], gone["dead"]) == (True, "gone", 1)
    assert (refused.json["delivered"], refused.json["status"]) == (False, 410)
    assert (ping.json["delivered"], ping.json["answer"]) == (True, "pong")
    assert json.loads(farm.body) | {"created_at": ""} == {
        "type": "ping", "created_at": "", "data": {"endpoint": FARM}
    }  # fmt: skip
    assert (enabled.status, twice.status) == (200, 400)
    assert (well["disabled"], well["failing_since"]) == (False, None)
    assert SECRET not in json.dumps([gone, well])
    assert gone["origin"].startswith("http://127.0.0.1:")
