"""A process that stores a video, and is killed at a chosen step.

A step is one resumption of a coroutine, or one file system call.
"""

import asyncio
import os
import random
import signal
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.adapters.clock import SystemClock
from gateway.adapters.database import open_database
from gateway.adapters.local_blobs import LocalBlobs
from gateway.ports import ContentStream
from gateway.services.content.fetch import Fetches
from gateway.services.content.store import AssetStore
from gateway.services.job_cache import JobCache
from gateway.telemetry.bundle import Telemetry
from tests.services.content.test_fetch import JOB, Upstream

FILM = random.Random(9).randbytes(250_000)

_FILE_CALLS = ("open", "pwrite", "fsync", "rename", "unlink", "mkdir", "link", "close")


def store_once(folder: str, database_url: str, kill_at: int) -> None:
    """Open the store and the database, and store one video. `kill_at` 0: run to the end."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    @types.coroutine
    def counted(work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        value: Any = None
        error: BaseException | None = None
        while True:
            step()
            try:
                waiting = work.send(value) if error is None else work.throw(error)
            except StopIteration as end:
                return end.value
            value = error = None
            try:
                value = yield waiting
            except BaseException as thrown:  # noqa: BLE001 - passed into the work
                error = thrown

    async def wrapped(work: Coroutine[Any, Any, Any]) -> Any:
        return await counted(work)

    def task(
        loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **more: Any
    ) -> asyncio.Task[Any]:
        return asyncio.Task(wrapped(work), loop=loop, **more)

    def new_loop() -> asyncio.AbstractEventLoop:
        loop = asyncio.new_event_loop()
        loop.set_task_factory(task)  # type: ignore[arg-type]
        return loop

    for name in _FILE_CALLS:
        setattr(os, name, _before(step, getattr(os, name)))
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_store(Path(folder), database_url))


def _before(step: Callable[[], None], call: Callable[..., Any]) -> Callable[..., Any]:
    def stepping(*arguments: Any, **options: Any) -> Any:
        step()
        return call(*arguments, **options)

    return stepping


async def _store(folder: Path, database_url: str) -> None:
    database = await open_database(database_url)
    clock = SystemClock()
    blobs = LocalBlobs.open_folder(folder, create=True)
    assert blobs is not None
    job_cache = JobCache(database, clock, max_age=None)
    asset_store = AssetStore(
        database,
        clock,
        random.SystemRandom(),
        blobs,
        "cache",
        10**9,
        job_cache,
        Telemetry(),
        installation="us",
    )
    fetches = Fetches(asset_store, Telemetry())

    @asynccontextmanager
    async def source() -> AsyncIterator[ContentStream]:
        async with Upstream([FILM]).source() as stream:
            yield stream

    await fetches.begin(JOB, 0, source).ended()
    await fetches.close()
    await blobs.close()
    await database.close()
