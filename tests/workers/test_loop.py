"""A loop outlives whatever its step meets, and ends when it is told to."""

import asyncio
import io
import json

from gateway.telemetry.bundle import Telemetry, open_telemetry
from gateway.workers.loop import Loop
from tests.fakes.clock import FakeClock, settle


async def test_a_step_says_when_the_next_one_comes() -> None:
    clock = FakeClock()
    moments: list[float] = []

    async def step() -> float:
        moments.append(clock.monotonic())
        return 2.0

    loop = Loop("steps", step, clock, Telemetry())
    loop.start()
    await clock.advance(7)
    await loop.stop()
    await clock.advance(10)

    assert moments == [0, 2, 4, 6]


async def test_a_step_that_fails_is_told_and_tried_again_a_second_later() -> None:
    clock, log = FakeClock(), io.StringIO()
    telemetry = open_telemetry("info", "json", teams=(), upstreams=(), stream=log)
    tries: list[float] = []

    async def step() -> float:
        tries.append(clock.monotonic())
        if len(tries) < 3:
            raise RuntimeError("the database is down")
        return 100.0

    loop = Loop("steps", step, clock, telemetry)
    loop.start()
    await clock.advance(5)
    await loop.stop()
    telemetry.close()

    assert tries == [0, 1, 2]
    told = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["event"], line["worker"]) for line in told] == [
        ("worker.step_failed", "steps"),
        ("worker.step_failed", "steps"),
    ]


async def test_stopping_ends_a_step_that_hangs() -> None:
    left = asyncio.Event()

    async def step() -> float:
        try:
            await asyncio.Event().wait()
        finally:
            left.set()
        return 0.0

    loop = Loop("hangs", step, FakeClock(), Telemetry())
    loop.start()
    await settle()
    await loop.stop()
    await loop.stop()

    assert left.is_set()
