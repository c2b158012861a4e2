"""Two gateways with traffic, trouble and a real Prometheus that watches them."""

import asyncio
import json
import os
import re
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from gateway.adapters.clock import SystemClock
from gateway.adapters.database import open_database
from gateway.config.loader import Loaded
from gateway.config.mistakes import ConfigError, Mistake
from gateway.ports import Transaction
from gateway.sandbox import Sandbox, SandboxConfig
from gateway.server import reload
from gateway.telemetry.lag import watch_event_loop
from tests.fakes.database import Outage
from tests.fakes.subscriber import answers, is_silent, subscriber
from tests.grafana.prometheus import GRAFANA, program
from tests.harness import RunningGateway, running_gateway

SECRET = "the-workspace-signing-secret"
HOOK = {"secret": "a-subscribers-own-secret", "events": ["video.generation.*"]}
SCRAPE = 0.5  # seconds; in earnest it is fifteen
NOWHERE = "http://127.0.0.1:9"  # the port of `discard`, where nobody listens
SEEDANCE: dict[str, Any] = {"model": "bytedance/seedance-1-5-pro", "duration": 4}


class ShiftedClock(SystemClock):
    """Real time, that can be told to have passed."""

    def __init__(self) -> None:
        self._shift = timedelta()

    def now(self) -> datetime:
        return super().now() + self._shift

    def shift(self, **much: float) -> None:
        """Let so much time have passed, by the calendar alone."""
        self._shift += timedelta(**much)


@dataclass
class Prometheus:
    """A server that scrapes and evaluates far quicker than in earnest, by the same files."""

    url: str
    http: aiohttp.ClientSession

    async def ask(self, path: str, **params: str) -> Any:
        async with self.http.get(f"{self.url}/api/v1/{path}", params=params) as response:
            answer = await response.json()
        assert answer["status"] == "success", answer
        return answer["data"]

    async def query(self, expr: str) -> list[Any]:
        """The series of an instant query."""
        result: list[Any] = (await self.ask("query", query=expr))["result"]
        return result

    async def firing(self) -> set[str]:
        """The names of the alerts that fire."""
        alerts = (await self.ask("alerts"))["alerts"]
        return {one["labels"]["alertname"] for one in alerts if one["state"] == "firing"}


@asynccontextmanager
async def running_prometheus(
    folder: Path, targets: list[str], port: int
) -> AsyncIterator[Prometheus]:
    """Prometheus with the repository's configuration, hurried: no `for`, half-second intervals."""
    config = yaml.safe_load((GRAFANA / "prometheus.yml").read_text())
    hurried = f"{int(SCRAPE * 1000)}ms"
    config["global"] = {
        "scrape_interval": hurried,
        "scrape_timeout": hurried,
        "evaluation_interval": hurried,
    }
    hosts = [target.removeprefix("http://") for target in targets]
    config["scrape_configs"][0]["static_configs"][0]["targets"] = hosts
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    rules = yaml.safe_load((GRAFANA / "alerts.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    (folder / "alerts.yml").write_text(yaml.safe_dump(rules))
    process = subprocess.Popen(  # noqa: ASYNC220 - it starts at once, and is waited for below
        (
            program("prometheus"),
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--enable-feature=exemplar-storage",
            "--log.level=warn",
        ),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ.get("PATH", "")},
    )
    try:
        async with aiohttp.ClientSession() as http:
            prometheus = Prometheus(f"http://127.0.0.1:{port}", http)
            await _ready(prometheus)
            yield prometheus
    finally:
        process.kill()
        process.wait()


def asked(expr: str) -> str:
    """A panel's query as Grafana would send it, with `All` chosen everywhere."""
    expr = expr.replace("$__rate_interval", f"{int(20 * SCRAPE)}s").replace("$__range", "5m")
    return re.sub(r"\$(team|model|upstream|endpoint)\b", ".*", expr)


async def _ready(prometheus: Prometheus) -> None:
    async with asyncio.timeout(15):
        while True:
            with suppress(aiohttp.ClientError):
                async with prometheus.http.get(f"{prometheus.url}/-/ready") as response:
                    if response.status == 200:
                        return
            await asyncio.sleep(0.05)


@dataclass
class World:
    """What there is, and what can be done to it."""

    first: RunningGateway  # busy
    second: RunningGateway  # loses its database
    sandbox: Sandbox
    spare: Sandbox  # an upstream that goes away
    clock: ShiftedClock
    outage: Outage
    store: Path

    async def live(self) -> None:
        """Days of traffic and trouble in some seconds."""
        await asyncio.gather(
            self._work(),
            self._slow_submits(),
            self._forgeries(),
            self._trouble_at_the_upstream(),
            self._refusals(),
            self._trouble_at_home(),
        )
        await self._videos()
        self.clock.shift(hours=3)

    async def _work(self) -> None:
        """Jobs of two teams and two models, shared, paid for, downloaded; some fail."""
        gateway = self.first
        self.sandbox.faults.next("job", "fail", model=SEEDANCE["model"])
        grok = "x-ai/grok-imagine-video"
        self.sandbox.faults.next("job", "complete", cost=Decimal("0.9"), model=grok)
        for number in range(6):
            await gateway.job(team="rivals", prompt=f"a cat {number // 2}")
        for number in range(3):
            await gateway.job(team="rivals", prompt=f"a dog {number}", **SEEDANCE)
        await asyncio.sleep(2 * SCRAPE)
        for number in range(4):
            done = await self._completed(prompt=f"a fox {number}")
            await gateway.get(f"/videos/{done}/content", team="rivals")
            await gateway.get(f"/videos/{done}/content", team="rivals")
        await gateway.job(team="rivals", prompt="a fox 0")
        await gateway.submit(prompt="again", headers={"X-Gateway-Dedupe": "bypass"}, team="rivals")

    async def _completed(self, prompt: str) -> str:
        """A job that is done; it is polled as seldom as a decent client does."""
        job = await self.first.job(team="rivals", prompt=prompt)
        while await self.first.status(job, team="rivals") != "completed":  # noqa: ASYNC110
            await asyncio.sleep(SCRAPE / 4)
        return job

    async def _slow_submits(self) -> None:
        """Answered after five seconds: an operator meant well with `answer_within`."""
        slow: dict[str, Any] = {"model": "kwaivgi/kling-v3.0-std", "duration": 3}
        faults = self.sandbox.faults
        faults.next("submit", "delay", times=6, seconds=5.2, model=slow["model"])
        await asyncio.gather(
            *(self.first.submit(team="rivals", prompt=f"slow {n}", **slow) for n in range(6))
        )

    async def _forgeries(self) -> None:
        for _ in range(3):
            await asyncio.sleep(SCRAPE)
            for signature in ("t=1,v1=00", "nonsense"):
                headers = {"X-OpenRouter-Signature": signature}
                url = f"{self.first.origin}/webhooks/sandbox"
                await self.first.call("POST", url, team=None, data=b"{}", headers=headers)

    async def _trouble_at_the_upstream(self) -> None:
        faults, gateway = self.sandbox.faults, self.first
        veo: dict[str, Any] = {"model": "google/veo-3.1-lite", "duration": 4, "team": "rivals"}
        faults.next("submit", "reset", model=veo["model"])
        await gateway.submit(**veo, prompt="lost")
        faults.next("submit", "refuse", status=402, model=veo["model"])
        await gateway.submit(**veo, prompt="no credit")
        faults.next("job", "hold", model=veo["model"])
        await gateway.job(**veo, prompt="stuck")
        faults.next("job", "complete", cost=Decimal(99), model=veo["model"])
        await gateway.job(**veo, prompt="billed at far more than its estimate")
        faults.next("webhook", "drop", times=100)
        await asyncio.gather(*(self._completed(prompt=f"silent {n}") for n in range(6)))
        faults.clear(["webhook"])
        faults.next("models", "refuse", status=200, body=dearer_models())
        await asyncio.sleep(4 * SCRAPE)
        await self.spare.close()

    async def _refusals(self) -> None:
        """Until the budget of `growth` is spent; and what no budget could mend."""
        for number in range(12):
            await self.first.submit(prompt=f"a lighthouse {number}", resolution="480p")
            await asyncio.sleep(SCRAPE / 4)
        for _ in range(2):
            await self.first.submit(team="rivals", model="nobody/nothing")
            await self.first.submit(team="rivals", provider={"zdr": True})
            await self.first.submit(team="rivals", duration=99)
            await asyncio.sleep(2 * SCRAPE)

    async def _trouble_at_home(self) -> None:
        reload(self.first.gateway, _bad_file, self.first.telemetry)
        metrics = self.first.telemetry.metrics
        lag = asyncio.create_task(watch_event_loop(metrics.event_loop_lag, 0.1))
        for _ in range(3):
            await asyncio.sleep(2 * SCRAPE)
            time.sleep(0.4)  # noqa: ASYNC251 - what blocks the loop is what is tried
        await asyncio.sleep(4 * SCRAPE)
        self.outage.down = True
        await asyncio.sleep(8 * SCRAPE)
        for _ in range(12):
            await self.second.submit(prompt="nobody can write this")
            await asyncio.sleep(SCRAPE / 2)
        lag.cancel()

    async def _videos(self) -> None:
        """One that is gone, and a store that fails."""
        lost = await self._completed(prompt="gone before anybody looked")
        self.sandbox.faults.next("content", "refuse", status=410)
        await self.first.get(f"/videos/{lost}/content", team="rivals")
        done = await self._completed(prompt="not to be stored")
        moved = self.store.rename(self.store.with_name("moved"))
        self.store.write_text("in the way")
        await self.first.get(f"/videos/{done}/content", team="rivals")
        self.store.unlink()
        moved.rename(self.store)


def dearer_models() -> str:
    """The catalog as it would be if two models had become dearer over night."""
    listed = json.loads((resources.files("gateway.sandbox") / "data" / "models.json").read_text())
    for entry in listed["data"][:2]:
        entry["pricing_skus"] = {"duration_seconds": "9.99"}
    return json.dumps(listed)


@asynccontextmanager
async def running_world(folder: Path, urls: tuple[str, str]) -> AsyncIterator[World]:
    """Two gateways, each with a database of its own; the first has been tampered with."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        hooks = {
            "well": await enter(subscriber(answers(200))),
            "failing": await enter(subscriber(answers(500))),
            "gone": await enter(subscriber(answers(410))),
            "silent": await enter(subscriber(is_silent)),
        }
        quick = SandboxConfig(generation_seconds=(0.3, 0.3), webhook_secret=SECRET)
        sandbox = await Sandbox.start(quick)
        stack.push_async_callback(sandbox.close)
        spare = await Sandbox.start()
        stack.push_async_callback(spare.close)
        store = folder / "store"
        busy = {
            "server": {"answer_within": "6s"},
            "callbacks": {"allow_http": True},
            "content": {"mode": "cache", "url": str(store), "max_gb": "0.00002"},
            "catalog": {"refresh": "1s"},
            "delivery": {"retries": [], "timeout": "60s"},
            "telemetry": {"otlp_endpoint": NOWHERE},
            "upstreams": {"*": {"webhook_secrets": [SECRET]}},
            "routing": [{"to": "sandbox"}, {"to": "spare"}],
            "budgets": [{"period": "month", "limit_usd": 1000}],
            "teams": {"growth": {"budgets": [{"period": "total", "limit_usd": "0.36"}]}},
            "webhooks": [{"name": name, "url": hook.url(), **HOOK} for name, hook in hooks.items()],
        }
        await _tamper(urls[0])
        clock, outage = ShiftedClock(), Outage()
        upstreams = {"sandbox": sandbox, "spare": spare}
        first = await enter(
            running_gateway(upstreams, urls[0], busy, clock=clock, expected_errors=_TROUBLE)
        )
        second = await enter(
            running_gateway(sandbox, urls[1], wrap_database=outage.around, expected_errors=_TROUBLE)
        )
        yield World(first, second, sandbox, spare, clock, outage, store)


# Of both: they share this process, and so where it logs to.
_TROUBLE = (
    "config.reload_refused",
    "content.store_failed",
    "ledger.violated",
    "Failed to export spans batch due to timeout, max retries or shutdown.",
    "storage.failed",
    "worker.step_failed",
    "task.failed",
    "job.write_failed",
)


async def _tamper(url: str) -> None:
    """A reservation of no job, as somebody with a SQL shell would leave it."""

    def act(tx: Transaction) -> None:
        tx.execute(
            """
            INSERT INTO ledger (
              window_id, entry, job_id, kind, reserved_delta, spent_delta, overrun_delta,
              limit_micros, made_by, at
            ) VALUES ('nobody@0', 1, 'no-such-job', 'reserve', 0, 0, 0, 0, 'a shell', 0)
            """
        )

    database = await open_database(url)
    await database.write(act)
    await database.close()


def _bad_file() -> Loaded:
    raise ConfigError([Mistake("teams", "is empty")], "gateway.yaml")
