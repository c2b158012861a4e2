"""Lists of models."""

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.fakes.clock import FakeClock
from tests.harness import RunningGateway


async def test_models_are_listed_as_upstream_lists_them(
    gateway: RunningGateway, sandbox: Sandbox
) -> None:
    listed = await gateway.get("/videos/models", team=None)
    upstream = await gateway.call(
        "GET",
        f"{sandbox.url}/videos/models",
        team=None,
        headers={"Authorization": f"Bearer {sandbox.api_key}"},
    )

    assert listed.status == 200
    assert "max-age=120" in listed.headers["Cache-Control"]
    assert listed.json["data"] == upstream.json["data"]
    assert sandbox.ledger.calls["GET /api/v1/videos/models 200"] == 2  # one of them ours


async def test_the_general_list_holds_video_models_where_they_are_asked_for(
    gateway: RunningGateway,
) -> None:
    async def count(query: str) -> int:
        return len((await gateway.get(f"/models{query}", team=None)).json["data"])

    assert await count("?output_modalities=video") == 30
    assert await count("?output_modalities=all") == 30
    assert await count("?output_modalities=image,video") == 30
    assert await count("") == 0
    (row, *_) = (await gateway.get("/models?output_modalities=video", team=None)).json["data"]
    assert row["architecture"]["output_modalities"] == ["video"]


async def test_the_catalog_of_before_serves_while_the_upstream_is_away(
    gateways: StartGateway, sandbox: Sandbox, postgres_url: str, clock: FakeClock
) -> None:
    await gateways(sandbox, postgres_url)
    sandbox.faults.next("models", "refuse", status=500, times=100)

    later = await gateways(sandbox, postgres_url)

    assert len((await later.get("/videos/models", team=None)).json["data"]) == 30
