"""Readiness."""

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.fakes.clock import FakeClock


async def test_readiness_says_which_part_is_not_ready(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str, clock: FakeClock
) -> None:
    sandbox.faults.next("models", "refuse", status=500, times=100)
    gateway = await gateways(sandbox, sqlite_url, await_catalog=False)

    early = await gateway.get(f"{gateway.origin}/readyz", team=None)
    refused = await gateway.submit()
    assert (early.status, early.json["status"]) == (503, "not ready")
    assert early.json["parts"]["catalog"] != "ok"
    assert (refused.status, refused.reason) == (503, "not_ready")
    assert int(refused.headers["Retry-After"]) > 0

    sandbox.faults.clear()

    async def ready() -> bool:
        return (await gateway.get(f"{gateway.origin}/readyz", team=None)).status == 200

    await gateway.until(ready)
    gateway.gateway.draining = True
    draining = await gateway.get(f"{gateway.origin}/readyz", team=None)
    assert (draining.status, draining.json["parts"]["draining"]) == (503, "draining")
    assert (await gateway.get(f"{gateway.origin}/healthz", team=None)).status == 200
