"""Gateways before a sandbox, for tests that go through HTTP.

`gateway` runs on SQLite, on a clock that a test turns by hand and that its sandbox shares;
`gateways` starts others (`await gateways(database_url, overrides, ...)`), closed with the test.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from gateway.sandbox import Sandbox, SandboxConfig
from tests.fakes.clock import FakeClock
from tests.harness import RunningGateway, running_gateway
from tests.sdk_js.programs import Programs, Unavailable, installed

StartSandbox = Callable[..., Awaitable[Sandbox]]
StartGateway = Callable[..., Awaitable[RunningGateway]]


@pytest.fixture(scope="session", autouse=True)
def loopback_without_a_proxy() -> Iterator[None]:
    """The SDKs obey the environment's proxies, which lead away from this machine."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("NO_PROXY", "no_proxy"):
            patch.setenv(name, "127.0.0.1,localhost")
        yield


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def sandboxes(clock: FakeClock) -> AsyncIterator[StartSandbox]:
    """Starts sandboxes: `await sandboxes(outputs=2)`; jobs take two seconds of the clock."""
    async with AsyncExitStack() as stack:

        async def start(**changes: Any) -> Sandbox:
            chosen = {"seed": 7, "generation_seconds": (2.0, 2.0), **changes}
            sandbox = await Sandbox.start(SandboxConfig(**chosen), clock)
            stack.push_async_callback(sandbox.close)
            return sandbox

        yield start


@pytest.fixture
async def sandbox(sandboxes: StartSandbox) -> Sandbox:
    return await sandboxes()


@pytest.fixture
async def gateways(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[StartGateway]:
    """Starts gateways; arguments as `tests.harness.running_gateway`."""
    for name in {"sqlite_url", "postgres_url", "database_url"} & set(request.fixturenames):
        request.getfixturevalue(name)  # made before the gateways, so it outlives them
    async with AsyncExitStack() as stack:

        async def start(*arguments: Any, **options: Any) -> RunningGateway:
            options.setdefault("clock", clock)
            return await stack.enter_async_context(running_gateway(*arguments, **options))

        yield start


@pytest.fixture
async def gateway(gateways: StartGateway, sandbox: Sandbox, sqlite_url: str) -> RunningGateway:
    return await gateways(sandbox, sqlite_url)


@pytest.fixture(scope="session")
def sdk_js() -> Programs:
    """The programs of tests/sdk_js under Node.js."""
    try:
        return installed()
    except Unavailable as error:
        pytest.skip(f"the TypeScript SDK is not tested: {error}")


@pytest.fixture(scope="session")
def sdk_js_if_any() -> Programs | None:
    """As `sdk_js`, for tests that have something to say without it."""
    try:
        return installed()
    except Unavailable:
        return None
