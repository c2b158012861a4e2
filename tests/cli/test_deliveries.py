"""Tests of `video-gateway deliveries` and `endpoints` through a running gateway."""

import asyncio
import re
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.admin import AdminApi
from gateway.cli.main import app
from gateway.config.loader import load
from gateway.domain.errors import GatewayError
from gateway.sandbox import Sandbox, SandboxConfig
from tests.cli.programs import configuration
from tests.fakes.clock import FakeClock
from tests.fakes.subscriber import Subscriber, answers, subscriber
from tests.harness import RunningGateway, running_gateway

SECRET = "a-secret-of-the-render-farm"
FARM = "team/growth/render-farm"
PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text("utf-8")


class Operator:
    """Runs commands against a running gateway."""

    def __init__(self, gateway: RunningGateway, farm: Subscriber, folder: Path) -> None:
        self.gateway = gateway
        self.farm = farm
        host = gateway.admin_url.removeprefix("http://")
        self._config = configuration(
            folder, server=f"{{listen: '127.0.0.1:0', admin_listen: '{host}'}}"
        )

    @property
    def api(self) -> AdminApi:
        """The client that the commands use."""
        return AdminApi(load(self._config, {}).config, self.gateway.admin_token)

    async def run(self, *arguments: str) -> Result:
        command = [*arguments, "--config", str(self._config)]
        return await asyncio.to_thread(CliRunner().invoke, app, command)

    async def attempted(self, number: int) -> None:
        """Wait until so many attempts were made."""

        async def enough() -> bool:
            return len(self.gateway.told("delivery.attempted")) >= number

        await self.gateway.until(enough)


@pytest.fixture
async def operator(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Operator]:
    clock = FakeClock()
    sandbox = await Sandbox.start(SandboxConfig(seed=7, generation_seconds=(2.0, 2.0)), clock)
    async with subscriber(answers(500, b"no room")) as farm:
        hook = {"name": "render-farm", "url": farm.url(), "secret": SECRET, "events": ["*"]}
        changes: dict[str, Any] = {
            "teams": {"growth": {"webhooks": [hook]}},
            "delivery": {"retries": []},
        }
        async with running_gateway(sandbox, sqlite_url, changes, clock=clock) as gateway:
            yield Operator(gateway, farm, tmp_path)
    await sandbox.close()


async def test_a_dead_delivery_is_listed_shown_and_replayed(operator: Operator) -> None:
    job = await operator.gateway.completed()
    await operator.attempted(1)

    listed = await operator.run("deliveries", "list", "--state", "dead", "--since", "2026-11-01")
    (delivery,) = re.findall(r"evt_[A-Za-z0-9]{24}", listed.output)
    shown = await operator.run("deliveries", "show", delivery)
    operator.farm.behave = answers(200, b"thanks")
    replayed = await operator.run("deliveries", "replay", delivery)
    await operator.attempted(2)
    after = await operator.run("deliveries", "show", delivery)

    assert FARM in listed.output
    assert f"{job}-completed" in shown.output
    assert re.search(r"#1 .*  500  \d+ ms\n  answer: no room", shown.output)
    assert replayed.output == f"{delivery} is queued for delivery\n"
    assert re.search(r"state +delivered", after.output)
    assert re.search(r"#2 .*  200  \d+ ms\n  answer: thanks", after.output)
    for result in (listed, shown, replayed, after):
        assert result.exit_code == 0
        assert SECRET not in result.output


async def test_replay_dead_replays_every_dead_delivery(operator: Operator) -> None:
    for number in (1, 2, 3):
        await operator.gateway.completed(prompt=f"number {number}")
    await operator.attempted(3)
    operator.farm.behave = answers(200)

    other = await operator.run(
        "deliveries", "replay-dead", "--since", "2026-11-01", "--endpoint", "callback"
    )
    result = await operator.run("deliveries", "replay-dead", "--since", "2026-11-01")
    await operator.attempted(6)

    assert other.output == "0 deliveries are queued for delivery\n"
    assert result.output == "3 deliveries are queued for delivery\n"


async def test_list_reads_every_page(operator: Operator) -> None:
    for number in range(5):
        await operator.gateway.completed(prompt=f"number {number}")
    await operator.attempted(5)

    async def ids(limit: int) -> list[str]:
        rows = partial(operator.api.rows, "/deliveries", {}, limit, page_size=2)
        return [row["id"] for row in await asyncio.to_thread(rows)]

    assert len(set(await ids(100))) == 5
    assert len(await ids(3)) == 3


async def test_endpoint_test_prints_the_response(operator: Operator) -> None:
    refused = await operator.run("endpoints", "test", "render-farm")
    operator.farm.behave = answers(204)
    accepted = await operator.run("endpoints", "test", FARM)

    assert refused.exit_code == 1
    assert f"{FARM} did not accept the ping: status 500" in refused.output
    assert "answer: no room" in refused.output
    assert (accepted.exit_code, "accepted the ping: status 204" in accepted.output) == (0, True)


async def test_a_disabled_endpoint_is_listed_and_enabled(operator: Operator) -> None:
    operator.farm.behave = answers(410)
    await operator.gateway.completed()
    await operator.attempted(1)

    gone = await operator.run("endpoints", "list")
    enabled = await operator.run("endpoints", "enable", "render-farm")
    after = await operator.run("endpoints", "list")

    assert re.search(rf"{FARM} +disabled: gone +0 +1 ", gone.output)
    assert enabled.output.startswith(f"{FARM} is enabled")
    assert re.search(rf"{FARM} +ok +0 +1 ", after.output)


async def test_errors_carry_the_message_of_the_gateway(operator: Operator) -> None:
    unknown = await operator.run("deliveries", "show", "evt_none")
    nonsense = await operator.run("deliveries", "list", "--since", "yesterday")

    assert isinstance(unknown.exception, GatewayError)
    assert "There is no delivery evt_none" in str(unknown.exception)
    assert "since is 'yesterday'" in str(nonsense.exception)


async def test_every_command_in_the_docs_exists(operator: Operator) -> None:
    """A command may fail because the delivery in the docs does not exist, but not on its usage."""
    (block,) = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    for line in block.splitlines():
        result = await operator.run(*line.split()[1:])
        assert result.exit_code != 2, f"{line}: {result.output}"
        assert result.exception is None or isinstance(result.exception, (GatewayError, SystemExit))
