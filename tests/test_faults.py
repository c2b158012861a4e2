"""A gateway whose disk is full, whose disk lies, whose database is locked: F5 and F6.

Whatever it is: a submit is a 503 before anything was sent, no poll of a known job fails, and once
the fault is over everything goes on without repair (docs/reliability.md (d)).
"""

import asyncio
import shutil
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path

import psycopg
import pytest

from gateway.adapters.database import open_database
from gateway.sandbox import Sandbox, SandboxConfig
from gateway.store.invariants import InvariantViolation, violations
from tests.harness import Answer, until
from tests.processes import GatewayProcess, gateway_process, write_config

PATIENT = {"upstreams": {"sandbox": {"poll": {"first": "100ms", "max": "100ms"}}}}
Inject = Callable[..., AbstractAsyncContextManager[None]]


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """An upstream in real time, whose jobs take an eye's blink."""
    sandbox = await Sandbox.start(SandboxConfig(generation_seconds=(0.1, 0.1)))
    yield sandbox
    await sandbox.close()


@pytest.fixture
def inject() -> Inject:
    """Makes a running process's writes to some files fail, for as long as the block runs."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("strace is not installed: nothing else makes a disk fail on demand")

    @asynccontextmanager
    async def injected(process: GatewayProcess, fault: str, *paths: Path) -> AsyncIterator[None]:
        call = fault.partition(":")[0]
        only = [word for path in paths for word in ("-P", str(path))]
        options = ["-e", f"trace={call}", "-e", f"inject={fault}"]
        tracer = await asyncio.create_subprocess_exec(
            str(found), "-f", "-o", "/dev/null", *only, *options, "-p", str(process.pid),
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert tracer.stderr is not None
        said = (await tracer.stderr.readline()).decode()
        if "attached" not in said:
            await tracer.wait()
            pytest.skip(f"strace may not trace here: {said.strip()}")
        try:
            yield
        finally:
            if tracer.returncode is None:
                tracer.send_signal(signal.SIGINT)
            await tracer.communicate()

    return injected


async def broken_rules(url: str) -> list[InvariantViolation]:
    """What `video-gateway doctor` would complain of."""
    database = await open_database(url, read_only=True)
    try:
        return await database.read(lambda tx: list(violations(tx)))
    finally:
        await database.close()


async def completed(process: GatewayProcess, answer: Answer) -> None:
    """Wait until the job of that answer is done."""
    assert answer.status == 202, answer.body

    async def done() -> bool:
        return bool((await process.status(answer.json["id"]))["status"] == "completed")

    await until(done)


def denied(answer: Answer) -> None:
    assert (answer.status, answer.reason) == (503, "storage_unavailable")
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_full_disk_denies_before_anything_is_sent_and_is_survived(
    tmp_path: Path, sqlite_url: str, sandbox: Sandbox, inject: Inject
) -> None:
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    wal = file.with_name(f"{file.name}-wal")
    async with gateway_process(write_config(tmp_path, sandbox, sqlite_url, PATIENT)) as process:
        before = await process.submit(prompt="before")
        await completed(process, before)

        async with inject(process, "pwrite64:error=ENOSPC", file, wal):
            for number in range(3):
                denied(await process.submit(prompt=f"while full {number}"))
            assert (await process.status(before.json["id"]))["status"] == "completed"
        assert len(sandbox.ledger.submits) == 1

        await completed(process, await process.submit(prompt="after"))
        process.signal(signal.SIGTERM)
        assert await process.ended() == 0
    assert len(sandbox.ledger.submits) == 2
    assert await broken_rules(sqlite_url) == []


async def test_a_disk_that_does_not_keep_what_it_was_told_ends_the_process(
    tmp_path: Path, sqlite_url: str, sandbox: Sandbox, inject: Inject
) -> None:
    """After a sync that failed nobody knows what is on the disk: the next start finds out."""
    file = Path(sqlite_url.removeprefix("sqlite:///"))
    wal = file.with_name(f"{file.name}-wal")
    config = write_config(tmp_path, sandbox, sqlite_url, PATIENT)
    async with gateway_process(config) as process:
        await completed(process, await process.submit(prompt="before"))

        async with inject(process, "fdatasync:error=EIO", file, wal):
            denied(await process.submit(prompt="while it lies"))
            begun = time.monotonic()
            assert await process.ended() == 1
            assert time.monotonic() - begun < 8, "there is nothing that a drain could wait for"
        await process.told("database.failed_for_good")
    assert len(sandbox.ledger.submits) == 1

    async with gateway_process(config) as process:
        await completed(process, await process.submit(prompt="after"))
    assert await broken_rules(sqlite_url) == []


async def test_a_database_that_somebody_else_has_locked_denies_and_goes_on_afterwards(
    tmp_path: Path, sqlite_url: str, sandbox: Sandbox
) -> None:
    """A back-up, or a person with a shell, that writes."""
    file = sqlite_url.removeprefix("sqlite:///")
    async with gateway_process(write_config(tmp_path, sandbox, sqlite_url, PATIENT)) as process:
        before = await process.submit(prompt="before")
        await completed(process, before)

        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            begun = time.monotonic()
            answers = await asyncio.gather(
                *(process.submit(prompt=f"while locked {number}") for number in range(5))
            )
            took = time.monotonic() - begun
            known = await process.status(before.json["id"])
            other.execute("ROLLBACK")
        for answer in answers:
            denied(answer)
        assert took < 4, "answered within `answer_within`, not when the lock is given up"
        assert known["status"] == "completed"

        await completed(process, await process.submit(prompt="after"))
        await until(lambda: nothing_is_held(sqlite_url))
    posts = [post.body["prompt"] for post in sandbox.ledger.submits]
    assert posts == ["before", "after"]
    assert await broken_rules(sqlite_url) == []


async def test_a_table_that_somebody_else_has_locked_denies_and_goes_on_afterwards(
    tmp_path: Path, postgres_url: str, sandbox: Sandbox
) -> None:
    """On PostgreSQL: more submits at once than there are connections, and every one is stuck."""
    async with gateway_process(write_config(tmp_path, sandbox, postgres_url, PATIENT)) as process:
        before = await process.submit(prompt="before")
        await completed(process, before)

        async with await psycopg.AsyncConnection.connect(postgres_url) as other:
            await other.execute("LOCK TABLE windows IN ACCESS EXCLUSIVE MODE")
            answers = await asyncio.gather(
                *(process.submit(prompt=f"while locked {number}") for number in range(30))
            )
            known = await process.status(before.json["id"])
            await other.rollback()
        for answer in answers:
            denied(answer)
        assert known["status"] == "completed"

        async def served() -> bool:
            return (await process.submit(prompt="after")).status == 202

        await until(served)
        await completed(process, await process.submit(prompt="after"))
        await until(lambda: nothing_is_held(postgres_url))
    assert {post.body["prompt"] for post in sandbox.ledger.submits} == {"before", "after"}
    assert len(sandbox.ledger.accepted) == 2
    assert await broken_rules(postgres_url) == []


async def nothing_is_held(url: str) -> bool:
    """Whether every job that was given up before it was sent has ended."""
    database = await open_database(url, read_only=True)
    try:
        row = await database.read(lambda tx: tx.fetchrow("SELECT SUM(reserved) AS n FROM windows"))
    finally:
        await database.close()
    return row is not None and row["n"] == 0
