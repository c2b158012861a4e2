"""The client of an upstream: what it makes of large bodies and of answers that break."""

import json
from collections.abc import AsyncIterator

import pytest

from gateway.adapters.openrouter import OpenRouter
from gateway.domain.upstream import Accepted, NotSent
from gateway.sandbox import Sandbox, SandboxConfig
from gateway.telemetry.bundle import Telemetry
from tests.fakes.clock import FakeClock
from tests.harness import GROK

MEGABYTE = 1024 * 1024


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = await Sandbox.start(SandboxConfig(), FakeClock())
    yield sandbox
    await sandbox.close()


@pytest.fixture
async def upstream(sandbox: Sandbox) -> AsyncIterator[OpenRouter]:
    upstream = OpenRouter(
        "main",
        sandbox.url,
        sandbox.api_key,
        connect=5.0,
        poll=5.0,
        content_idle=5.0,
        clock=FakeClock(),
        telemetry=Telemetry(),
    )
    yield upstream
    await upstream.close()


async def test_a_large_body_is_sent_in_pieces(upstream: OpenRouter, sandbox: Sandbox) -> None:
    """In one piece it would hold up everybody else's request; aiohttp warns, tests then fail."""
    body = json.dumps({**GROK, "prompt": "x" * (3 * MEGABYTE)}).encode()

    outcome = await upstream.submit(body, {}, timeout=20.0)

    assert isinstance(outcome, Accepted)
    (submit,) = sandbox.ledger.submits
    assert submit.headers["content-length"] == str(len(body))


async def test_an_upstream_that_is_away_was_sent_nothing(
    upstream: OpenRouter, sandbox: Sandbox
) -> None:
    await sandbox.close()

    assert isinstance(await upstream.submit(b"{}", {}, timeout=5.0), NotSent)
