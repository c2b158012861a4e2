"""A running sandbox on a stopped clock, and a client with its key."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.sandbox import Sandbox, SandboxConfig
from tests.fakes.clock import FakeClock
from tests.sandbox.client import Client
from tests.sandbox.receiver import Receiver

Start = Callable[..., Awaitable[Sandbox]]


async def wait_for_sleeper(clock: FakeClock) -> None:
    """Wait until a task sleeps on the clock."""
    async with asyncio.timeout(5):
        while not clock.sleepers:  # noqa: ASYNC110 - the clock has no event to wait for
            await asyncio.sleep(0)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def start(clock: FakeClock) -> AsyncIterator[Start]:
    """Start sandboxes with the given configuration, and close them."""
    running: list[Sandbox] = []

    async def started(**config: Any) -> Sandbox:
        sandbox = await Sandbox.start(SandboxConfig(**{"seed": 7, **config}), clock)
        running.append(sandbox)
        return sandbox

    yield started
    for sandbox in running:
        await sandbox.close()


@pytest.fixture
async def sandbox(start: Start) -> Sandbox:
    return await start()


@pytest.fixture
async def http() -> AsyncIterator[ClientSession]:
    """A client without a key."""
    async with ClientSession() as session:
        yield session


@pytest.fixture
def client(http: ClientSession, sandbox: Sandbox) -> Client:
    """A client of the default sandbox, with its key."""
    return Client(http, sandbox)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A webhook endpoint that records its requests."""
    running = Receiver()
    await running.open()
    yield running
    await running.close()
