"""Kill -9 at every await between a submit and its settlement: nothing is lost or paid twice.

See docs/reliability.md (d) F1. The upstream survives the kill, and the test compares the gateway's
ledger with the upstream's record.
"""

import asyncio
import multiprocessing
import shutil
import signal
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from gateway.domain.job import Cause, Job
from gateway.domain.units import micros_nearest
from gateway.sandbox import Sandbox, SandboxConfig
from gateway.sandbox.ledger import Submit
from tests.services.buying import TOLD, buy_once, document, machine

_STEPS = 500  # more than the whole run needs


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    sandbox = await Sandbox.start(SandboxConfig(generation_seconds=(0.0, 0.0)))
    sandbox.faults.next("webhook", "drop", times=10_000)  # the test sends the webhooks itself
    yield sandbox
    await sandbox.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("flow", ["polls", "webhook"])
async def test_a_process_killed_at_any_await_loses_no_money_and_buys_nothing_twice(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path, flow: str
) -> None:
    template = Path(sqlite_url.removeprefix("sqlite:///"))
    async with machine(_document(sandbox, template, tmp_path)) as one:
        await one.step("catalogs")  # so that later processes need not fetch them
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["tests.services.buying"])
    died, assumed = 0, 0

    for step in range(1, _STEPS):
        path = tmp_path / f"{step}.db"
        shutil.copyfile(template, path)
        text, prompt = _document(sandbox, path, tmp_path), f"{flow}, killed at {step}"
        process = server.Process(target=buy_once, args=(text, flow, prompt, step))
        process.start()
        await asyncio.to_thread(process.join, 60)
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL, step
        died += 1
        assumed += await _recovers(sandbox, text, flow, prompt)

    assert process.exitcode == 0, "the last run was not killed"
    assert died > 15, "it was killed at many steps"
    assert assumed > 0, "it was also killed between the POST and its answer"


async def _recovers(sandbox: Sandbox, text: str, flow: str, prompt: str) -> int:
    """Start the next process and submit again; return the number of unknown outcomes."""
    async with machine(text) as one:
        await one.step("crash_recovery")
        await one.buy(prompt)  # the client got no response
        if flow == "polls":
            await one.follow()
        else:
            for post in _posts(sandbox, prompt):
                if post.job_id is not None:  # the upstream retries its webhook
                    await one.hear(post.job_id, _token(post))
        await one.give_up()

        posts, made = _posts(sandbox, prompt), await one.jobs()
        assert len(posts) <= 1, "the upstream got two submits"
        assert len(made) == 1, "the client has two jobs"
        assert [job for job in made if not job.status.terminal] == []
        assert await one.broken() == []
        (job,) = made
        if job.cause is Cause.ASSUMED:
            assert flow == "polls" or not posts or posts[0].job_id is None
            assert job.cost_micros == job.estimate_micros
            return 1
        (post,) = posts
        assert job.upstream_id == post.job_id
        assert job.cost_micros == micros_nearest(_charged(sandbox, flow, job))
        return 0


def _charged(sandbox: Sandbox, flow: str, job: Job) -> Decimal:
    if flow == "webhook":
        return TOLD
    (cost,) = (one.cost for one in sandbox.jobs if one.id == job.upstream_id)
    assert cost is not None
    return cost


def _document(sandbox: Sandbox, path: Path, folder: Path) -> str:
    return document(sandbox.url, sandbox.api_key, f"sqlite:///{path}", str(folder / "content"))


def _posts(sandbox: Sandbox, prompt: str) -> list[Submit]:
    return [post for post in sandbox.ledger.submits if (post.body or {}).get("prompt") == prompt]


def _token(post: Submit) -> str:
    return str(post.body["callback_url"]).rpartition("/")[2]
