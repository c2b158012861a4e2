"""`python -m bench`: run every workload on every target, and write docs/performance.md."""

import argparse
import asyncio
import importlib.util
from collections import defaultdict
from pathlib import Path
from typing import Any

from bench import workloads
from bench.page import GATEWAY, PROXY, STUB, UVLOOP, page
from bench.soak import soak, soak_table
from bench.targets import Opener, gateway, gateway_on_uvloop, proxy, running
from bench.workloads import Measured, Workload

_WORKLOADS: dict[str, Workload] = {
    "polls": workloads.polls,
    "relayed videos": workloads.relayed,
    "stored videos": workloads.stored,
    "submits": workloads.submits,  # last, since its jobs are still being polled afterwards
}


def main() -> None:
    """Measure, tell, write."""
    options = _options()
    targets: dict[str, Opener | None] = {STUB: None, PROXY: proxy, GATEWAY: gateway}
    if importlib.util.find_spec("uvloop") is not None:
        targets[UVLOOP] = gateway_on_uvloop
    else:
        print("uvloop is not installed, so it is not compared")
    results: dict[str, dict[str, list[Measured]]] = {name: defaultdict(list) for name in _WORKLOADS}
    for number in range(1, options.rounds + 1):
        for name, opener in targets.items():
            # uvloop has no sendfile, so a gateway on it can't hand over what it stored.
            without = "stored videos" if name == UVLOOP else ""
            for workload, measured in _round(opener, options.seconds, without).items():
                results[workload][name].append(measured)
                print(f"round {number}  {name:18} {workload:14} {_told(measured)}", flush=True)
    with running(gateway) as target:
        memory = asyncio.run(workloads.memory(target))
    print(f"memory in MB: idle {memory.idle:.0f}, stalled {memory.stalled:.0f},", end=" ")
    print(f"shared {memory.shared:.0f}, relayed {memory.relayed:.0f}")
    with running(gateway) as target:
        soaked = asyncio.run(soak(target, options.soak))
    table = soak_table(soaked)
    print(table)
    text = page(results, memory, options.rounds, options.seconds, [table])
    options.output.write_text(text)
    print(f"written: {options.output}")


def _round(opener: Opener | None, seconds: float, without: str) -> dict[str, Measured]:
    with running(opener) as target:
        return {
            name: asyncio.run(workload(target, seconds))
            for name, workload in _WORKLOADS.items()
            if name != without
        }


def _told(measured: Measured) -> str:
    load = measured.load
    p50, p99 = load.quantile(0.5), load.quantile(0.99)
    cpu = measured.cpu_seconds * 1e6 / load.requests
    return (
        f"{load.rate:8.1f}/s {load.megabytes_per_second:7.1f} MB/s  p50 {p50:6.1f} ms"
        f"  p99 {p99:6.1f} ms  CPU {cpu:8.0f} µs  others {measured.others:4.0%}"
    )


def _options() -> Any:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each workload in a round")
    parser.add_argument("--soak", type=float, default=20.0, help="seconds beside hostile clients")
    parser.add_argument("--output", type=Path, default=Path("docs/performance.md"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
