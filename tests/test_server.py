"""The process's own manners: how it stops."""

import asyncio
from typing import cast

from aiohttp import web

from gateway.app import Gateway
from gateway.server import _drain
from gateway.services.tasks import Tasks
from gateway.telemetry.bundle import Telemetry


class Draining:
    """What a gateway has to do with a drain: its tasks."""

    def __init__(self) -> None:
        self.tasks = Tasks(lambda *_: None)
        self.sent: list[str] = []

    async def drain(self, seconds: float) -> int:
        return await self.tasks.drain(seconds)

    async def send(self) -> None:
        await asyncio.sleep(0.05)
        self.sent.append("submit")


class LateRunner:
    """A server in which one request was being decided when it began to close."""

    def __init__(self, gateway: Draining) -> None:
        self._gateway = gateway

    async def cleanup(self) -> None:
        await asyncio.sleep(0.05)  # by now a drain that found nothing is over
        self._gateway.tasks.spawn(self._gateway.send(), "submit")


async def test_a_submit_that_began_while_the_server_closed_is_given_its_time() -> None:
    gateway = Draining()
    runner = cast("web.AppRunner", LateRunner(gateway))

    await _drain(cast("Gateway", gateway), runner, 5.0, Telemetry())

    assert gateway.sent == ["submit"]
