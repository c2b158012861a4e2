"""Kill -9 at every step between a job's end and its delivery: nothing is lost.

At most one duplicate arrives, and it has the same idempotency key.
"""

import asyncio
import multiprocessing
import shutil
import signal
from pathlib import Path

from gateway.adapters.database import open_database
from gateway.domain.job import Job
from gateway.store.delivery_queries import of_job
from gateway.store.invariants import violations
from tests.fakes.subscriber import Subscriber, answers, subscriber
from tests.services.books import Books, in_force
from tests.services.dying import live_once

_STEPS = 400  # more than the whole run needs


async def test_a_process_killed_at_any_step_loses_no_event_and_duplicates_at_most_one(
    tmp_path: Path, sqlite_url: str
) -> None:
    job = await _an_open_job(sqlite_url)
    template = Path(sqlite_url.removeprefix("sqlite:///"))
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["tests.services.dying"])
    doubled, died = 0, 0

    async with subscriber(answers(200)) as hook:
        for step in range(1, _STEPS):
            path = tmp_path / f"{step}.db"
            shutil.copyfile(template, path)
            hook.requests.clear()

            first = await _run(server, path, hook, job, step)
            if first == 0:
                break
            assert first == -signal.SIGKILL
            died += 1
            assert await _run(server, path, hook, job, 0) == 0

            keys = [_key(request) for request in hook.requests]
            assert 1 <= len(keys) <= 2, f"killed at step {step}"
            assert set(keys) == {f"{job.id}-completed".lower()}
            doubled += len(keys) - 1
            await _all_is_well(path, job)

    assert died > 20, "it was killed at many steps"
    assert doubled > 0, "it was also killed between an attempt and its record"


async def _run(
    server: multiprocessing.context.ForkServerContext,
    path: Path,
    hook: Subscriber,
    job: Job,
    kill_at: int,
) -> int | None:
    process = server.Process(
        target=live_once, args=(f"sqlite:///{path}", hook.url(), job.id, kill_at)
    )
    process.start()
    await asyncio.to_thread(process.join, 30)
    return process.exitcode


async def _an_open_job(url: str) -> Job:
    database = await open_database(url)
    books = Books(database, in_force({}))
    job = await books.accept((await books.submit("red", 60_000)).job)
    await database.close()
    return job


async def _all_is_well(path: Path, job: Job) -> None:
    database = await open_database(f"sqlite:///{path}")
    try:
        assert await database.read(lambda tx: list(violations(tx))) == []
        (shown,) = await database.read(lambda tx: of_job(tx, job.id))
        assert shown.state == "delivered"
    finally:
        await database.close()


def _key(request: bytes) -> str:
    for line in request.lower().split(b"\r\n"):
        if line.startswith(b"x-openrouter-idempotency-key:"):
            return line.partition(b":")[2].strip().decode()
    return ""
