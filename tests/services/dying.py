"""A process that ends a job and delivers its event, and is killed at a chosen step.

A step is one resumption of one coroutine. All work happens between two steps, so killing the
process at each step in turn covers every place.
"""

import asyncio
import os
import random
import signal
import types
from collections.abc import Coroutine, Generator
from typing import Any

from gateway.adapters.clock import SystemClock
from gateway.adapters.database import open_database
from gateway.adapters.resolver import SystemLookup
from gateway.adapters.sender import OutboundSender
from gateway.domain.job import JobId, JobUpdate, Status
from gateway.domain.units import epoch_ms
from gateway.ports import Database
from gateway.services.events.deliver import Deliverer
from gateway.services.events.publish import EventPublisher
from gateway.services.job_cache import JobCache
from gateway.services.jobs.track import Tracker
from gateway.services.links import Links
from gateway.store import deliveries
from gateway.telemetry.bundle import Telemetry
from gateway.workers.dispatcher import Dispatcher
from tests.services.books import in_force

SECRET = "a-secret-of-the-subscriber"


def live_once(database_url: str, hook: str, job_id: str, kill_at: int) -> None:
    """Open the database, end the job, deliver its event. `kill_at` 0: run to the end."""
    steps = 0

    @types.coroutine
    def counted(work: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
        nonlocal steps
        value: Any = None
        error: BaseException | None = None
        while True:
            steps += 1
            if steps == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)
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

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(_live(database_url, hook, JobId(job_id)))


async def _live(database_url: str, hook: str, job_id: JobId) -> None:
    database = await open_database(database_url)
    clock, telemetry = SystemClock(), Telemetry()
    live = in_force({"webhooks": [{"name": "all", "url": hook, "secret": SECRET}]})
    source = random.SystemRandom()
    publisher = EventPublisher(live, Links(live, clock, b"k" * 32), source)
    job_cache = JobCache(database, clock, max_age=None)
    tracker = Tracker(database, clock, job_cache, live, publisher, telemetry)
    outbound = OutboundSender(clock, SystemLookup())
    deliverer = Deliverer(database, clock, source, outbound, live, publisher, telemetry)
    dispatcher = Dispatcher(deliverer, clock, telemetry)

    now = epoch_ms(clock.now())
    await database.write(lambda tx: deliveries.void_leases(tx, now=now))  # as the gateway starts
    await tracker.learned(job_id, JobUpdate(Status.COMPLETED, raw_cost="0.04", outputs=1))
    while await _owed(database):
        await dispatcher.step()
        await dispatcher.drain(10)
        dispatcher = Dispatcher(deliverer, clock, telemetry)
    await database.close()


async def _owed(database: Database) -> bool:
    row = await database.read(
        lambda tx: tx.fetchrow("SELECT id FROM deliveries WHERE state = 'pending'")
    )
    return row is not None
