"""What is measured: the stub itself, a bare proxy before it, the gateway before it."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.load import Target
from bench.process import Program, free_port
from gateway.domain.team import hash_key

KEY = "vg_" + "b" * 40
HOSTILE_KEY = "vg_" + "h" * 40  # of a team whose clients attack (bench/hostile.py)
RELAY_KEY = "vg_" + "r" * 40  # of a team whose videos are never stored, only passed on

# Everything on that every request passes through: organisation, team, model and key budgets with
# alerts, policy lists and limits, dedupe, a store, JSON logs, metrics, SQLite with an fsync per
# commit. The limits leave room: a refusal is cheaper than a job. `requests_per_minute` is not among
# them, for no rate that would pass here is one that anybody configures.
_CONFIG = """
server: {{listen: "127.0.0.1:{port}", admin_listen: "127.0.0.1:{admin}",
         public_url: "http://127.0.0.1:{port}", drain_seconds: 1, lame_duck: 0s}}
database: {{url: "sqlite:///{folder}/gateway.db"}}
content: {{mode: cache, url: "{folder}/content"}}
upstreams:
  stub:
    base_url: "http://127.0.0.1:{upstream}/api/v1"
    api_key: stub
    poll: {{first: 500ms, max: 5s}}
budgets: [{{period: month, limit_usd: 10000000, alerts: [0.5, 0.8, 1.0]}}]
teams:
  bench:
    keys: [{{name: ci, hash: "{hash}"}}]
    models: {{allow: ["x-ai/*", "google/*"], deny: ["*-pro"]}}
    providers: {{allow: ["xai"]}}
    limits: {{max_duration: 15s, max_resolution: 1080p, concurrent_jobs: 1000000, max_cost_usd: 20}}
    budgets:
      - {{period: day, limit_usd: 1000000, alerts: [0.5, 0.8, 1.0]}}
      - {{period: month, limit_usd: 5000000, models: ["x-ai/*"]}}
      - {{period: month, limit_usd: 5000000, key: ci}}
    dedupe: {{enabled: true, ttl: 24h}}
  hostile:
    keys: [{{name: ci, hash: "{hostile_hash}"}}]
    budgets: [{{period: day, limit_usd: 1000000}}]
  relay:
    keys: [{{name: ci, hash: "{relay_hash}"}}]
    retain: false
    budgets: [{{period: day, limit_usd: 1000000}}]
"""

_UVLOOP = "import uvloop; uvloop.install(); from gateway.__main__ import main; main()"


@dataclass(frozen=True, slots=True)
class Running:
    """A target that serves, and the process whose CPU and memory count."""

    target: Target
    program: Program
    stub: Program
    prefix: str = "/api/v1"

    @property
    def relay(self) -> Target:
        """The same, with a key whose videos are passed on and never stored."""
        return Target(self.target.port, RELAY_KEY)

    @property
    def upstream_cpu_seconds(self) -> float:
        """CPU time of the stub, where that is not the target itself."""
        return 0.0 if self.stub is self.program else self.stub.cpu_seconds


Opener = Callable[[ExitStack, Path, int], Program]


@contextmanager
def running(open_front: Opener | None) -> Iterator[Running]:
    """A fresh stub, and before it what `open_front` opens; None: the stub itself."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        stub_port = free_port()
        stub = Program(("-m", "bench.stub", str(stub_port)), stub_port, folder / "stub.log")
        stack.callback(stub.stop)
        stub.ready()
        front = stub
        if open_front is not None:
            front = open_front(stack, folder, stub_port)
            stack.callback(front.stop)
            front.ready()
        yield Running(Target(front.port, KEY), front, stub)


def proxy(_stack: ExitStack, folder: Path, upstream: int) -> Program:
    """The bare proxy."""
    port = free_port()
    words = ("-m", "bench.proxy", str(port), f"http://127.0.0.1:{upstream}")
    return Program(words, port, folder / "proxy.log")


def gateway(_stack: ExitStack, folder: Path, upstream: int) -> Program:
    """The gateway, on asyncio's loop, as `video-gateway serve` runs it."""
    return _gateway(("-m", "gateway"), folder, upstream)


def gateway_on_uvloop(_stack: ExitStack, folder: Path, upstream: int) -> Program:
    """The same on uvloop."""
    return _gateway(("-c", _UVLOOP), folder, upstream)


def _gateway(start: tuple[str, ...], folder: Path, upstream: int) -> Program:
    port, admin = free_port(), free_port()
    config = folder / "gateway.yaml"
    config.write_text(
        _CONFIG.format(
            port=port,
            admin=admin,
            upstream=upstream,
            folder=folder,
            hash=hash_key(KEY),
            relay_hash=hash_key(RELAY_KEY),
            hostile_hash=hash_key(HOSTILE_KEY),
        )
    )
    return Program(
        (*start, "serve", "--config", str(config)),
        port,
        folder / "gateway.log",
        "/readyz",
        admin_port=admin,
    )


def job_body(prompt: str) -> bytes:
    """A request as a client writes it."""
    body = {
        "model": "x-ai/grok-imagine-video",
        "prompt": prompt,
        "duration": 1,
        "resolution": "480p",
        "aspect_ratio": "16:9",
    }
    return json.dumps(body).encode()
