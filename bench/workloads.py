"""What is asked for, and how it is counted."""

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any

from bench.load import Load, WrongAnswer, ask, get, post, press, stall
from bench.process import machine_cpu_seconds
from bench.targets import Running, job_body

POLLERS = 32
SUBMITTERS = 32
DOWNLOADERS = 8
VIDEO_MB = 10
BIG_MB = 200
BIG_DOWNLOADS = 20

_PATIENCE = 60.0  # seconds for a job to be done, after a round of submits there may be many
_MiB = 1 << 20


@dataclass(frozen=True, slots=True)
class Measured:
    """One workload on one target in one round."""

    load: Load
    cpu_seconds: float  # of the target's process
    others: float  # share of the machine's CPU time that the benchmark did not use


Workload = Callable[[Running, float], Coroutine[Any, Any, Measured]]


async def polls(running: Running, seconds: float) -> Measured:
    """Clients that ask where a running job stands."""
    job_id = await submit(running, "a lighthouse; stays pending")
    request = get(running.target, f"{running.prefix}/videos/{job_id}")
    return await _measured(
        running,
        lambda: press(running.target, lambda: request, connections=POLLERS, seconds=seconds),
    )


async def submits(running: Running, seconds: float) -> Measured:
    """Clients that submit, each request another; each job ends soon after, and is settled."""
    numbers = itertools.count()

    def make() -> bytes:
        body = job_body(f"a lighthouse, take {next(numbers)}")
        return post(running.target, f"{running.prefix}/videos", body)

    return await _measured(
        running,
        lambda: press(
            running.target,
            make,
            connections=SUBMITTERS,
            seconds=seconds,
            expect=b"HTTP/1.1 202",
        ),
    )


async def relayed(running: Running, seconds: float) -> Measured:
    """Clients that download a video which comes from the upstream every time."""
    return await _downloads(replace(running, target=running.relay), seconds)


async def stored(running: Running, seconds: float) -> Measured:
    """Clients that download a video which the gateway has stored at the first download."""
    return await _downloads(running, seconds)


async def _downloads(running: Running, seconds: float) -> Measured:
    job_id = await done(running, f"a lighthouse; has {VIDEO_MB} MB")
    request = get(running.target, f"{running.prefix}/videos/{job_id}/content?index=0")
    await press(running.target, lambda: request, connections=1, each=2)
    measured = await _measured(
        running,
        lambda: press(running.target, lambda: request, connections=DOWNLOADERS, seconds=seconds),
    )
    expected = measured.load.requests * VIDEO_MB * _MiB
    if measured.load.bytes < expected:
        raise WrongAnswer(f"{measured.load.bytes} bytes came, {expected} were due")
    return measured


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory of the target's process, in millions of bytes."""

    idle: float
    stalled: float  # while so many clients had stopped reading
    shared: float  # the most, up to the end of a first download that many clients share
    relayed: float  # the most ever
    downloads: Load  # the relayed ones


async def memory(running: Running) -> Memory:
    """Many big downloads at once: clients that stop reading, a shared first download, relays."""
    idle = running.program.memory_mb
    relay = replace(running, target=running.relay)
    request = await _big(relay)
    stalled = asyncio.create_task(
        stall(relay.target, request, connections=BIG_DOWNLOADS, seconds=3)
    )
    await asyncio.sleep(2.5)
    during = running.program.memory_mb
    await stalled
    await _whole(running, await _big(running))
    shared = running.program.peak_memory_mb
    load = await _whole(relay, request)
    return Memory(idle, during, shared, running.program.peak_memory_mb, load)


async def _big(running: Running) -> bytes:
    job_id = await done(running, f"a lighthouse; has {BIG_MB} MB")
    return get(running.target, f"{running.prefix}/videos/{job_id}/content?index=0")


async def _whole(running: Running, request: bytes) -> Load:
    load = await press(running.target, lambda: request, connections=BIG_DOWNLOADS, each=1)
    if load.bytes < BIG_DOWNLOADS * BIG_MB * _MiB:
        raise WrongAnswer(f"only {load.bytes} bytes came")
    return load


async def submit(running: Running, prompt: str) -> str:
    """The id of a new job."""
    request = post(running.target, f"{running.prefix}/videos", job_body(prompt))
    return str(json.loads(await ask(running.target, request))["id"])


async def done(running: Running, prompt: str) -> str:
    """The id of a new job that is completed."""
    job_id = await submit(running, prompt)
    request = get(running.target, f"{running.prefix}/videos/{job_id}")
    end = time.monotonic() + _PATIENCE
    while json.loads(await ask(running.target, request))["status"] != "completed":
        if time.monotonic() > end:
            raise WrongAnswer(f"{job_id} does not end")
        await asyncio.sleep(0.1)
    return job_id


async def _measured(running: Running, run: Callable[[], Coroutine[Any, Any, Load]]) -> Measured:
    ours_before, all_before = time.process_time(), machine_cpu_seconds()
    before, stub_before = running.program.cpu_seconds, running.upstream_cpu_seconds
    load = await run()
    cpu = running.program.cpu_seconds - before
    ours = time.process_time() - ours_before + cpu + running.upstream_cpu_seconds - stub_before
    everything = machine_cpu_seconds() - all_before
    return Measured(load, cpu, max(0.0, 1 - ours / everything))
