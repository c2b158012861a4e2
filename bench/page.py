"""docs/performance.md, from what was measured."""

import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from bench.workloads import (
    BIG_DOWNLOADS,
    BIG_MB,
    DOWNLOADERS,
    POLLERS,
    SUBMITTERS,
    VIDEO_MB,
    Measured,
    Memory,
)

Results = Mapping[str, Mapping[str, Sequence[Measured]]]
"""Workload -> target -> rounds."""

STUB, PROXY, GATEWAY, UVLOOP = "stub alone", "bare proxy", "gateway", "gateway on uvloop"

_WHAT = {
    "polls": f"`GET /videos/{{id}}` of a running job, {POLLERS} connections",
    "relayed videos": f"Downloads of a {VIDEO_MB} MB video, from the upstream every time (a team"
    f" with `retain: false`), {DOWNLOADERS} at once",
    "stored videos": f"Downloads of a {VIDEO_MB} MB video, which the gateway stored at the first"
    f" download and hands over by the kernel's sendfile, {DOWNLOADERS} at once; the proxy asks the"
    " upstream every time",
    "submits": f"`POST /videos`, every request another, {SUBMITTERS} connections; the jobs end"
    " meanwhile, and are polled, settled and told of",
}


def page(results: Results, memory: Memory, rounds: int, seconds: float) -> str:
    """The whole page."""
    parts = [_HEAD, _machine(results, rounds, seconds)]
    parts += [_table(workload, targets) for workload, targets in results.items()]
    parts += [_memory(memory), _loops(results), _FOOT]
    return "\n".join(part for part in parts if part)


_HEAD = """# Performance

This page is written by `make bench`; nobody edits it. Run it where you deploy: figures of another
machine say little, ratios say more.

What is compared, in the same run, each before the same upstream:

- **stub alone**: the load goes straight to the upstream, a process that answers from memory. It
  only shows that neither the stub nor the load is what limits the others.
- **bare proxy**: 40 lines of aiohttp that relay a request and its answer. It decides nothing,
  writes nothing, keeps nothing; what it lacks is the whole product.
- **gateway**: `video-gateway serve` with everything on: keys, validation, prices, four budgets,
  policy, dedupe, a store, JSON logs, metrics, and SQLite with an fsync for every commit.

*CPU* is the time that the target's own process worked for one request (for downloads: for 100 MB).
It depends little on what else the machine does; rates and latencies do. *Ratio* is the gateway's
to the bare proxy's.
"""

_FOOT = """## How to run it

```
make bench
make bench ARGS="--rounds 1 --seconds 2"
```

It takes some minutes, needs no network, and spends nothing.
"""


def _machine(results: Results, rounds: int, seconds: float) -> str:
    others = [
        each.others for targets in results.values() for all_ in targets.values() for each in all_
    ]
    return (
        f"Measured on {datetime.now(UTC):%d %B %Y}: {_cpu()}, {os.cpu_count()} cores,"
        f" {platform.system()}, Python {platform.python_version()}, aiohttp {version('aiohttp')},"
        f" SQLite {sqlite3.sqlite_version}. Medians of {rounds} rounds, {seconds:g} s each; every"
        " round starts every program anew, and load, target and stub share the cores. Other"
        f" programs took {median(others):.0%} of the CPU time meanwhile"
        f" (at worst {max(others):.0%}).{_BUSY if median(others) > 0.2 else ''}\n"
    )


_BUSY = " That is much: rates and latencies are noisy, read the CPU columns."


def _table(workload: str, targets: Mapping[str, Sequence[Measured]]) -> str:
    videos = "videos" in workload
    unit = "MB/s" if videos else "per second"
    cost = "CPU ms per 100 MB" if videos else "CPU µs"
    lines = [
        f"## {workload.capitalize()}\n",
        f"{_WHAT[workload]}.\n",
        f"| | {unit} | p50 ms | p99 ms | {cost} |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    rows = {name: _row(rounds, videos) for name, rounds in targets.items()}
    for name, row in rows.items():
        if name != UVLOOP:
            lines.append(f"| {name} | " + " | ".join(_number(each) for each in row) + " |")
    ratios = [ours / bare for ours, bare in zip(rows[GATEWAY], rows[PROXY], strict=True)]
    lines.append("| **ratio** | " + " | ".join(f"**{each:.2f}**" for each in ratios) + " |")
    return "\n".join(lines) + "\n"


def _row(rounds: Sequence[Measured], videos: bool) -> tuple[float, float, float, float]:
    load = [each.load for each in rounds]
    if videos:
        cost = median(each.cpu_seconds * 1e3 / (each.load.bytes / 1e8) for each in rounds)
        return (
            median(each.megabytes_per_second for each in load),
            median(each.quantile(0.5) for each in load),
            median(each.quantile(0.99) for each in load),
            cost,
        )
    return (
        median(each.rate for each in load),
        median(each.quantile(0.5) for each in load),
        median(each.quantile(0.99) for each in load),
        median(each.cpu_seconds * 1e6 / each.load.requests for each in rounds),
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _memory(memory: Memory) -> str:
    speed = memory.downloads.megabytes_per_second
    rows = {
        "idle, catalog loaded": memory.idle,
        "clients that stopped reading, while the upstream would send on": memory.stalled,
        "clients that share one first download, which is stored": memory.shared,
        f"fast clients, each with a download of its own from the upstream, {speed:.0f} MB/s": (
            memory.relayed
        ),
        "the bar": 150.0,
    }
    lines = [f"| {name} | {megabytes:.0f} |" for name, megabytes in rows.items()]
    return "\n".join(
        [
            "## Memory\n",
            f"{BIG_DOWNLOADS} downloads at once of a video of {BIG_MB} MB. Resident memory of the",
            "gateway's process, in MB; the last two are the most it had until then.\n",
            "| | MB |",
            "| --- | ---: |",
            *lines,
            "",
        ]
    )


def _loops(results: Results) -> str:
    if not any(UVLOOP in targets for targets in results.values()):
        return """## asyncio's loop, not uvloop

uvloop was not installed when this page was written. Install it beside the project, and
`make bench` compares the two. Why the gateway runs on asyncio's loop:
[decision 0004](decisions/0004-asyncio-loop-not-uvloop.md).
"""
    lines = [
        "## asyncio's loop or uvloop\n",
        "The gateway on either, in the same run: uvloop's figure divided by asyncio's. Stored",
        "videos can't be had on uvloop: it has no `sendfile`.\n",
        "What follows: [decision 0004](decisions/0004-asyncio-loop-not-uvloop.md).\n",
        "| | rate (more is better) | p50 (less) | p99 (less) | CPU (less) |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for workload, targets in results.items():
        if UVLOOP not in targets:
            continue
        videos = "videos" in workload
        pairs = zip(_row(targets[UVLOOP], videos), _row(targets[GATEWAY], videos), strict=True)
        lines.append(f"| {workload} | " + " | ".join(f"{a / b:.2f}" for a, b in pairs) + " |")
    return "\n".join(lines) + "\n"


def _cpu() -> str:
    info = Path("/proc/cpuinfo").read_text()
    names = [line.split(":", 1)[1].strip() for line in info.splitlines() if "model name" in line]
    return names[0] if names else platform.machine()
