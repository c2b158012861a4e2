"""Cancellation at every await between a submit and its settlement (docs/reliability.md (d) F10).

The cancelled work may be the client's wait, the running submit, a waiting transaction or an
upstream call. In every case no transaction stays open, waiting work continues, and the ledger is
consistent in the end.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from gateway.domain.errors import GatewayError
from gateway.sandbox import Sandbox, SandboxConfig
from tests.fakes.steps import Steps
from tests.harness import until
from tests.services.buying import FLOWS, Machine, document, machine

_STEPS = 500  # more than the whole run needs
# Nobody answers a request that was cancelled while it was being sent.
_PATIENCE = {"patience": "3s", "answer_within": "1s"}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = await Sandbox.start(SandboxConfig(generation_seconds=(0.0, 0.0)))
    sandbox.faults.next("webhook", "drop", times=10_000)
    yield sandbox
    await sandbox.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("flow", ["polls", "webhook"])
async def test_a_cancellation_at_any_await_leaves_a_consistent_and_unlocked_database(
    sandbox: Sandbox, database_url: str, tmp_path: Path, flow: str
) -> None:
    content = str(tmp_path / "content")
    text = document(sandbox.url, sandbox.api_key, database_url, content, **_PATIENCE)
    async with machine(text) as one:
        await one.step("catalogs")
        for step in range(1, _STEPS):
            cancelled = await _cancel_at(one, flow, f"{flow}, cancelled at {step}", step)
            if not cancelled:
                break
            await _is_well(one, sandbox, f"{flow}, cancelled at {step}")
        await one.follow()
        await one.give_up()

        assert 10 < step < _STEPS - 1
        assert [job for job in await one.jobs() if not job.status.terminal] == []
        assert await one.broken() == []


async def _cancel_at(one: Machine, flow: str, prompt: str, step: int) -> bool:
    """Submit a video and cancel what runs at that step; return whether the step exists."""
    steps = Steps(step, asyncio.CancelledError)
    with steps.counting():
        work = asyncio.create_task(FLOWS[flow](one, prompt))
        with suppress(asyncio.CancelledError, GatewayError, AssertionError, ValueError):
            await work
    await _lands(one)
    return steps.taken >= step


async def _lands(one: Machine) -> None:
    """Wait until background tasks end, advancing the clock for sleeping ones."""

    async def landed() -> bool:
        return len(one.gateway.tasks) == 0

    await until(landed, one.clock)


async def _is_well(one: Machine, sandbox: Sandbox, prompt: str) -> None:
    """Check that the database is free, at most one POST was made, and the ledger is consistent."""
    posts = [post for post in sandbox.ledger.submits if (post.body or {}).get("prompt") == prompt]
    assert len(posts) <= 1
    async with asyncio.timeout(5):
        assert await one.broken() == []
        assert await one.gateway.database.write(lambda tx: tx.skip_locked) in ("", _SKIP)


_SKIP = "FOR UPDATE SKIP LOCKED"
