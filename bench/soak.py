"""One honest team beside fifty hostile clients of another: what the honest one notices."""

import asyncio
import itertools
import json
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.request import urlopen

from bench.hostile import CLIENTS
from bench.load import Load, WrongAnswer, ask, get, post, read_answer
from bench.targets import HOSTILE_KEY, Running, job_body
from bench.workloads import done, submit

_EVERY = 0.02  # seconds between two polls of the honest client
_LAG = re.compile(
    r'^video_gateway_event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)', re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Soak:
    """What was measured; the goals are beside each figure on the page."""

    seconds: float
    polls: Load
    failed: int  # honest requests without the right answer
    submits: int  # honest ones
    downloads: int
    memory_mb: float  # peak
    lag: float  # seconds: the event loop was never blocked longer
    attacks: Mapping[str, int]  # attack and status code -> how many


async def soak(running: Running, seconds: float) -> Soak:
    """Let both sides work for so long."""
    video = await done(running, "a lighthouse; has 1 MB")
    waiting = await submit(running, "a lighthouse; stays pending")
    words = ("-m", "bench.hostile", str(running.target.port), str(seconds), HOSTILE_KEY)
    attackers = await asyncio.create_subprocess_exec(
        sys.executable, *words, stdout=asyncio.subprocess.PIPE
    )
    honest = _Honest(running, seconds)
    began = time.perf_counter()
    await asyncio.gather(honest.poll(waiting), honest.submit(), honest.download(video))
    took = time.perf_counter() - began
    printed, _ = await attackers.communicate()
    return Soak(
        seconds=took,
        polls=Load(took, tuple(sorted(honest.latencies)), 0),
        failed=honest.failed,
        submits=honest.submits,
        downloads=honest.downloads,
        memory_mb=running.program.peak_memory_mb,
        lag=await asyncio.to_thread(_longest_lag, running),
        attacks=dict(sorted(json.loads(printed).items())),
    )


class _Honest:
    """The honest team: it polls all the time, and submits and downloads once a second."""

    def __init__(self, running: Running, seconds: float) -> None:
        self._running = running
        self._end = time.monotonic() + seconds
        self._numbers = itertools.count()
        self.latencies: list[float] = []
        self.failed = self.submits = self.downloads = 0

    async def poll(self, job_id: str) -> None:
        """Poll on one connection, as the SDKs do."""
        request = get(self._running.target, f"{self._running.prefix}/videos/{job_id}")
        reader, writer = await asyncio.open_connection("127.0.0.1", self._running.target.port)
        while time.monotonic() < self._end:
            start = time.perf_counter()
            try:
                writer.write(request)
                await read_answer(reader, b"HTTP/1.1 200")
            except (WrongAnswer, OSError, asyncio.IncompleteReadError):
                self.failed += 1
                break
            self.latencies.append(time.perf_counter() - start)
            await asyncio.sleep(_EVERY)
        writer.close()

    async def submit(self) -> None:
        while time.monotonic() < self._end:
            body = job_body(f"an honest lighthouse {next(self._numbers)}")
            await self._ask(post(self._running.target, f"{self._running.prefix}/videos", body))
            self.submits += 1
            await asyncio.sleep(1)

    async def download(self, job_id: str) -> None:
        path = f"{self._running.prefix}/videos/{job_id}/content?index=0"
        while time.monotonic() < self._end:
            await self._ask(get(self._running.target, path))
            self.downloads += 1
            await asyncio.sleep(1)

    async def _ask(self, request: bytes) -> None:
        try:
            async with asyncio.timeout(10):
                await ask(self._running.target, request)
        except (WrongAnswer, OSError, TimeoutError, asyncio.IncompleteReadError):
            self.failed += 1


def _longest_lag(running: Running) -> float:
    """The bucket of the longest lag that the gateway measured itself."""
    url = f"http://127.0.0.1:{running.program.admin_port}/metrics"
    with urlopen(url, timeout=10) as answer:
        page = answer.read().decode()
    buckets = [(float(edge), float(count)) for edge, count in _LAG.findall(page)]
    total = max(count for _, count in buckets)
    return min(edge for edge, count in buckets if count == total)


def soak_table(soak: Soak) -> str:
    """The section of the page."""
    answered = ", ".join(f"{name}: {count}" for name, count in soak.attacks.items())
    return f"""## One team beside {CLIENTS} hostile clients

{CLIENTS} clients of one team send hostile requests for {soak.seconds:.0f} s: compressed, deep, wide
and long bodies, images of 60 MB, half requests, parked webhooks, refused requests. Beside them an
honest team polls every {_EVERY * 1000:.0f} ms, and submits and downloads once a second.

| honest team | | goal |
| --- | ---: | ---: |
| polls, p50 ms | {soak.polls.quantile(0.5):.1f} | |
| polls, p99 ms | {soak.polls.quantile(0.99):.1f} | 50 |
| failed requests of {soak.polls.requests + soak.submits + soak.downloads} | {soak.failed} | 0 |
| memory of the gateway, peak MB | {soak.memory_mb:.0f} | 400 |
| event loop blocked, at most ms | {soak.lag * 1000:.0f} | 100 |

Answers to the attacks, with their number: {answered}.
"""
