"""Generate docs/performance.md from the measurements."""

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
    "relayed videos": f"{DOWNLOADERS} concurrent downloads of a {VIDEO_MB} MB video, each from the"
    " upstream (a team with `retain: false`)",
    "stored videos": f"{DOWNLOADERS} concurrent downloads of a {VIDEO_MB} MB video. The gateway"
    " stored it at the first download and sends it with the kernel's sendfile; the proxy downloads"
    " it from the upstream every time",
    "submits": f"`POST /videos`, each with a different body, {SUBMITTERS} connections. During the"
    " measurement jobs end, are polled and settled, and their events are delivered",
}


def page(
    results: Results, memory: Memory, rounds: int, seconds: float, more: Sequence[str] = ()
) -> str:
    """The whole page."""
    parts = [_HEAD, _machine(results, rounds, seconds)]
    parts += [_table(workload, targets) for workload, targets in results.items()]
    parts += [_memory(memory), *more, _loops(results), _FOOT]
    return "\n".join(part for part in parts if part)


_HEAD = """# Performance

`make bench` generates this page; do not edit it. Run the benchmark on the machine where you deploy:
absolute values of another machine say little, ratios say more.

The benchmark compares, in one run and with the same upstream:

- **stub alone**: the load generator calls the upstream directly, a process that responds from
  memory. This row shows that neither the stub nor the load generator limits the others.
- **bare proxy**: 40 lines of aiohttp that relay a request and its response. It decides, writes and
  stores nothing.
- **gateway**: `video-gateway serve` with all features on: keys, validation, prices, four budgets,
  policy, dedupe, a content store, JSON logs, metrics, and SQLite with an fsync for every commit.

*CPU* is the CPU time of the target's own process per request (for downloads: per 100 MB). It
depends little on other load on the machine; rates and latencies depend on it. *Ratio* is the
gateway's value divided by the bare proxy's.
"""

_FOOT = """## Run the benchmark

```
make bench
make bench ARGS="--rounds 1 --seconds 2"
```

The benchmark takes some minutes, needs no network, and costs nothing.
"""


def _machine(results: Results, rounds: int, seconds: float) -> str:
    others = [
        each.others for targets in results.values() for all_ in targets.values() for each in all_
    ]
    return (
        f"Measured on {datetime.now(UTC):%d %B %Y}: {_cpu()}, {os.cpu_count()} cores,"
        f" {platform.system()}, Python {platform.python_version()}, aiohttp {version('aiohttp')},"
        f" SQLite {sqlite3.sqlite_version}. Medians of {rounds} rounds of {seconds:g} s; each round"
        " restarts every process, and load generator, target and stub share the cores. Other"
        f" processes used {median(others):.0%} of the CPU time"
        f" (at worst {max(others):.0%}).{_BUSY if median(others) > 0.2 else ''}\n"
    )


_BUSY = " At this load rates and latencies are noisy; compare the CPU columns."


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
        "clients that stop reading while the upstream has more to send": memory.stalled,
        "clients that share one download, which is stored": memory.shared,
        f"fast clients, each with its own upstream download, {speed:.0f} MB/s": (memory.relayed),
        "target, at most": 150.0,
    }
    lines = [f"| {name} | {megabytes:.0f} |" for name, megabytes in rows.items()]
    return "\n".join(
        [
            "## Memory\n",
            f"{BIG_DOWNLOADS} concurrent downloads of a {BIG_MB} MB video. Resident memory of the",
            "gateway's process, in MB; the last two rows are its peak up to that point.\n",
            "| | MB |",
            "| --- | ---: |",
            *lines,
            "",
        ]
    )


def _loops(results: Results) -> str:
    if not any(UVLOOP in targets for targets in results.values()):
        return """## asyncio and uvloop

uvloop was not installed when this page was generated. If it is installed, `make bench` compares
both event loops. The reason for asyncio's loop:
[decision 0004](decisions/0004-asyncio-loop-not-uvloop.md).
"""
    lines = [
        "## asyncio and uvloop\n",
        "The gateway on both event loops, in the same run: uvloop's value divided by asyncio's.",
        "Stored videos cannot be downloaded on uvloop, because it has no `sendfile`.\n",
        "Decision: [0004](decisions/0004-asyncio-loop-not-uvloop.md).\n",
        "| | rate (higher is better) | p50 (lower) | p99 (lower) | CPU (lower) |",
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
