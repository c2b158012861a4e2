"""Both catalogs: public, whole, as recorded."""

import json
from importlib.resources import files

import pytest
from aiohttp import ClientSession

from gateway.sandbox import Sandbox
from tests.sandbox.client import Client


async def test_the_video_catalog_is_the_recorded_one_and_needs_no_key(
    sandbox: Sandbox, http: ClientSession
) -> None:
    recorded = json.loads(files("gateway.sandbox").joinpath("data/models.json").read_text("utf-8"))

    async with http.get(f"{sandbox.url}/videos/models", headers={"Authorization": "x"}) as response:
        listed = await response.json()

    assert response.status == 200
    assert response.headers["Cache-Control"].startswith("public, max-age=120")
    assert len(listed["data"]) == 30
    assert listed == recorded


@pytest.mark.parametrize(
    ("query", "count"), [("?output_modalities=video", 30), ("?output_modalities=all", 30), ("", 0)]
)
async def test_the_general_list_has_videos_only_where_they_are_asked_for(
    client: Client, query: str, count: int
) -> None:
    answer = await client.call("GET", f"/models{query}")

    assert answer.status == 200
    assert (len(answer.body["data"]), answer.body["total_count"]) == (count, count)


async def test_the_general_list_can_be_read_in_pages(client: Client) -> None:
    query = "/models?output_modalities=video&limit=20"

    first = await client.call("GET", query)
    second = await client.call("GET", f"{query}&offset=20")

    ids = [row["id"] for page in (first, second) for row in page.body["data"]]
    assert len(set(ids)) == 30
    assert "offset=20" in first.body["links"]["next"]
    assert second.body["links"]["next"] is None


@pytest.mark.parametrize(
    "query", ["output_modalities=smell", "output_modalities=video&limit=0", "offset=-1", "limit=x"]
)
async def test_a_bad_query_is_400(client: Client, query: str) -> None:
    assert (await client.call("GET", f"/models?{query}")).status == 400
