"""Whole processes: killed without a word, stopped politely, started again."""

import asyncio
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientSession

from gateway.adapters.database import open_database
from gateway.sandbox import Sandbox, SandboxConfig
from gateway.store.invariants import InvariantViolation, violations
from tests.harness import until
from tests.processes import GatewayProcess, gateway_process, write_config

NEVER_LEARNED = "The outcome of the submission is unknown: the upstream never reported one."


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """An upstream in real time, whose jobs take an eye's blink."""
    sandbox = await Sandbox.start(SandboxConfig(generation_seconds=(0.2, 0.2)))
    yield sandbox
    await sandbox.close()


def rows(database_url: str, sql: str) -> list[Mapping[str, Any]]:
    """A look into the file of a gateway, running or dead, that changes nothing."""
    path = database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]


def job_row(database_url: str, job_id: str) -> Mapping[str, Any]:
    sql = "SELECT id, status, cause, estimate_micros, cost_micros FROM jobs"
    return next(row for row in rows(database_url, sql) if row["id"] == job_id)


async def broken_rules(database_url: str) -> list[InvariantViolation]:
    """What `video-gateway doctor` would complain of."""
    database = await open_database(database_url, read_only=True)
    try:
        return await database.read(lambda tx: list(violations(tx)))
    finally:
        await database.close()


async def test_a_gateway_killed_between_intent_and_answer_forgets_and_repeats_nothing(
    tmp_path: Path, sqlite_url: str, sandbox: Sandbox
) -> None:
    """The job becomes unknown, is not sent again, and past unknown_ttl fails at its estimate.

    One that was accepted is followed to its end by the process that comes after.
    """
    patient = {"upstreams": {"sandbox": {"unknown_ttl": "10m"}}}
    hasty = {"upstreams": {"sandbox": {"unknown_ttl": "1s", "timeout": {"submit": "1s"}}}}
    config = write_config(tmp_path, sandbox, sqlite_url, patient)

    async with gateway_process(config) as first:
        sandbox.faults.next("job", "hold")
        held = (await first.submit(prompt="held")).json["id"]
        await first.told("job.submitted")
        sandbox.faults.next("submit", "hang")
        answer = await first.submit()
        assert (answer.status, answer.json["status"]) == (202, "pending")
        lost = answer.json["id"]
        assert job_row(sqlite_url, lost)["status"] == "submitting"
        await first.kill()
    sandbox.end(sandbox.ledger.accepted[0])

    async with gateway_process(config) as second:
        await second.told("job.unknown")
        assert job_row(sqlite_url, lost)["status"] == "unknown"
        assert (await second.status(lost))["status"] == "pending"
        again = await second.submit()
        assert (again.json["id"], again.headers["X-Gateway-Dedupe"]) == (lost, "joined")
        assert (await second.told("job.ended"))["job"] == held
        assert (await second.status(held))["usage"]["cost"] == 0.07

        write_config(tmp_path, sandbox, sqlite_url, hasty)
        second.signal(signal.SIGHUP)
        await second.told("config.reloaded")
        await second.told("job.ended", job=lost)
        body = await second.status(lost)

    assert (body["status"], body["error"]) == ("failed", NEVER_LEARNED)
    ended = job_row(sqlite_url, lost)
    assert (ended["status"], ended["cause"]) == ("failed", "assumed")
    assert ended["cost_micros"] == ended["estimate_micros"] == 70_000
    for window in rows(sqlite_url, "SELECT reserved, spent FROM windows WHERE entries > 0"):
        assert window == {"reserved": 0, "spent": 140_000}
    assert len(sandbox.ledger.submits) == 2
    assert await broken_rules(sqlite_url) == []


async def test_killed_under_load_no_request_is_ever_paid_twice(
    tmp_path: Path, sqlite_url: str, sandbox: Sandbox
) -> None:
    """Thirty clients, a SIGKILL in their midst; all ask again at the gateway that comes after."""
    unhurried = {"server": {"answer_within": "10s"}}  # on a busy machine, too
    config = write_config(tmp_path, sandbox, sqlite_url, unhurried)
    prompts = [f"lighthouse {number}" for number in range(30)]
    told: dict[str, str] = {}

    async def ask(gateway: GatewayProcess, prompt: str) -> None:
        try:
            answer = await gateway.submit(prompt=prompt)
        except aiohttp.ClientError:
            return
        assert answer.status == 202, answer.body
        known = told.setdefault(prompt, answer.json["id"])
        assert known == answer.json["id"], "a client was given a second job"

    async with gateway_process(config) as first:
        asking = [asyncio.create_task(ask(first, prompt)) for prompt in prompts]
        await sandbox.ledger.until(lambda ledger: len(ledger.submits) >= 5)
        await first.kill()
        await asyncio.gather(*asking)

    async with gateway_process(config) as second:
        await asyncio.gather(*(ask(second, prompt) for prompt in prompts))

        async def followed() -> bool:
            open_jobs = rows(
                sqlite_url, "SELECT id FROM jobs WHERE status NOT IN ('completed', 'unknown')"
            )
            return not open_jobs

        await until(followed)
        second.signal(signal.SIGTERM)
        assert await second.ended() == 0

    posts = Counter(submit.body["prompt"] for submit in sandbox.ledger.submits if submit.body)
    assert set(posts.values()) == {1}
    assert len(told) == len(rows(sqlite_url, "SELECT id FROM jobs")) == 30
    assert await broken_rules(sqlite_url) == []


async def test_sigterm_lets_a_submit_finish_and_exits_0(
    tmp_path: Path, sqlite_url: str, sandbox: Sandbox
) -> None:
    sandbox.faults.next("submit", "delay", seconds=0.7)
    config = write_config(tmp_path, sandbox, sqlite_url, {"server": {"answer_within": "5s"}})

    async with gateway_process(config) as gateway:
        submit = asyncio.create_task(gateway.submit())
        await sandbox.ledger.until(lambda ledger: bool(ledger.submits))
        gateway.signal(signal.SIGTERM)
        await gateway.told("server.draining")
        answer = await submit
        code = await gateway.ended()

        assert (answer.status, code) == (202, 0)
        assert (await gateway.told("server.drained"))["cut_off"] == 0
        with pytest.raises(aiohttp.ClientConnectionError):
            await gateway.submit(prompt="too late")
    assert job_row(sqlite_url, answer.json["id"])["status"] == "pending"
    assert len(sandbox.ledger.submits) == 1


async def test_sigterm_does_not_wait_for_ever_and_what_is_cut_off_is_not_lost(
    tmp_path: Path, sqlite_url: str, sandbox: Sandbox
) -> None:
    sandbox.faults.next("submit", "hang")
    config = write_config(tmp_path, sandbox, sqlite_url, {"server": {"drain_seconds": 1}})

    async with gateway_process(config) as gateway:
        job_id = (await gateway.submit()).json["id"]
        gateway.signal(signal.SIGTERM)
        assert await gateway.ended() == 0
        assert (await gateway.told("server.drained"))["cut_off"] == 1

    # Its lease runs out, and whoever comes next calls it unknown.
    assert job_row(sqlite_url, job_id)["status"] == "submitting"
    assert len(sandbox.ledger.submits) == 1
    assert await broken_rules(sqlite_url) == []


async def test_a_stopping_gateway_says_that_it_is_not_ready_and_still_answers(
    sandbox: Sandbox, sqlite_url: str, tmp_path: Path
) -> None:
    """Balancers notice by /readyz, and clients by `Connection: close`, before anything fails."""
    config = write_config(tmp_path, sandbox, sqlite_url, {"server": {"lame_duck": "60s"}})
    async with gateway_process(config) as gateway, ClientSession() as http:
        job = (await gateway.submit()).json["id"]
        async with http.get(f"{gateway.origin}/readyz") as before:
            assert before.status == 200

        gateway.signal(signal.SIGTERM)
        await gateway.told("server.stopping")
        async with http.get(f"{gateway.origin}/readyz") as ready:
            parts = (await ready.json())["parts"]
        polled = await gateway.call("GET", f"/videos/{job}")
        submitted = await gateway.submit(prompt="in the last seconds")
        gateway.signal(signal.SIGTERM)
        code = await gateway.ended()

    assert (ready.status, parts["draining"]) == (503, "draining")
    assert (polled.status, polled.headers["Connection"]) == (200, "close")
    assert (submitted.status, submitted.headers["Connection"]) == (202, "close")
    assert code == 0
