"""A real Prometheus watches real gateways: every panel has data, every alert fires."""

import asyncio
import shutil
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from grafana.__main__ import boards
from tests.grafana.prometheus import program
from tests.grafana.test_alerts import ALERTS
from tests.grafana.world import (
    SCRAPE,
    Prometheus,
    World,
    asked,
    running_prometheus,
    running_world,
)

QUERIES = {
    f"{board.name}: {panel.title}: {query.legend}": query.expr
    for board in boards()
    for panel in board.panels
    for query in panel.queries
}
PATIENCE = 60.0  # seconds


@pytest.fixture
async def world(tmp_path: Path, sqlite_url: str) -> AsyncIterator[World]:
    program("prometheus")
    other = tmp_path / "second.db"
    shutil.copyfile(sqlite_url.removeprefix("sqlite:///"), other)
    async with running_world(tmp_path, (sqlite_url, f"sqlite:///{other}")) as running:
        yield running


@pytest.fixture
async def prometheus(world: World, tmp_path: Path) -> AsyncIterator[Prometheus]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    targets = [world.first.admin_url, world.second.admin_url, "http://127.0.0.1:9"]
    async with running_prometheus(tmp_path, targets, port) as running:
        # What starts from zero must have been seen there.
        while len(await running.query("video_gateway_webhooks_missed_total")) < 3:  # noqa: ASYNC110
            await asyncio.sleep(SCRAPE)
        yield running


@pytest.mark.timeout(180)
async def test_every_panel_shows_data_and_every_alert_fires(
    world: World, prometheus: Prometheus
) -> None:
    living = asyncio.create_task(world.live())
    silent, empty = set(ALERTS), dict(QUERIES)
    end = asyncio.get_running_loop().time() + PATIENCE
    while (silent or empty or not living.done()) and asyncio.get_running_loop().time() < end:
        await asyncio.sleep(SCRAPE)
        silent -= await prometheus.firing()
        empty = {
            name: expr for name, expr in empty.items() if not await prometheus.query(asked(expr))
        }
        if living.done():
            living.result()

    assert not silent
    assert not empty
    await living
    assert await traces(prometheus), "no exemplar leads from a latency to its trace"


async def traces(prometheus: Prometheus) -> set[str]:
    """The ids of traces that the latencies of submits lead to."""
    now = time.time()
    submits = 'video_gateway_http_request_duration_seconds_bucket{route="/api/v1/videos"}'
    series = await prometheus.ask(
        "query_exemplars", query=submits, start=str(now - 300), end=str(now)
    )
    return {one["labels"]["trace_id"] for found in series for one in found["exemplars"]}
