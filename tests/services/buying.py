"""A gateway without its background loops, so that a test runs each step itself.

It is the real `open_gateway` with a fake clock and without started loops. `buy_once` runs in a
separate process that submits one video and is killed at a chosen await.
"""

import asyncio
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from gateway.api.public.parts import PARTS, Parts
from gateway.app import Gateway, open_gateway
from gateway.config.loader import parse
from gateway.domain.job import Job, JobId
from gateway.domain.signature import sign_openrouter
from gateway.domain.team import Principal
from gateway.domain.video import VideoRequest, parse_request
from gateway.ports import Transaction
from gateway.services.jobs.receive_webhook import IncomingWebhook
from gateway.services.submission.call import Call
from gateway.store import jobs
from gateway.store.invariants import InvariantViolation, violations
from gateway.telemetry.bundle import Telemetry
from gateway.workers.poller import Poller
from tests.fakes.clock import FakeClock
from tests.fakes.steps import Steps
from tests.harness import GROK

SECRET = "a-secret-of-the-upstream"
TOLD = Decimal("0.05")
"""The cost of a video in a webhook."""
_TRIES = 200


def document(
    upstream_url: str,
    upstream_key: str,
    database_url: str,
    folder: str,
    *,
    patience: str = "60s",
    answer_within: str = "10s",
) -> str:
    """Return the configuration: one upstream with signed webhooks, one team with a budget.

    `patience` is the upstream's timeout; both times are real time.
    """
    return json.dumps(
        {
            "server": {"public_url": "http://gateway.example", "answer_within": answer_within},
            "callbacks": {"allow_http": True},
            "database": {"url": database_url},
            "content": {"mode": "passthrough", "url": folder},
            "upstreams": {
                "main": {
                    "base_url": upstream_url,
                    "api_key": upstream_key,
                    "webhook_secrets": [SECRET],
                    "poll": {"first": "1s", "factor": "1", "max": "1s"},
                    "timeout": {"submit": patience, "poll": patience},
                }
            },
            "budgets": [{"period": "total", "limit_usd": 1000}],
            "teams": {"growth": {"limits": {"requests_per_minute": 1000, "concurrent_jobs": 1000}}},
        }
    )


@dataclass
class Machine:
    """A gateway that a test runs step by step."""

    gateway: Gateway
    clock: FakeClock

    @property
    def parts(self) -> Parts:
        """The gateway's services."""
        return self.gateway.public[PARTS]

    async def step(self, worker: str) -> None:
        """Run one step of a worker."""
        (loop,) = (loop for loop in self.gateway.loops if loop.name == worker)
        await loop.step()

    async def buy(self, prompt: str) -> JobId:
        """Submit as a client does, and return the job's id."""
        request = parse_request({**GROK, "prompt": prompt})
        assert isinstance(request, VideoRequest)
        call = Call(Principal("growth", "ci"), request, {}, "req", None)
        return (await self.parts.submitter.submit(call)).job.id

    async def follow(self) -> None:
        """Poll until no open job with an upstream id is left."""
        poller = self._poller
        for _ in range(_TRIES):
            if not [job for job in await self.jobs() if _followed(job)]:
                return
            self.clock.jump(2)
            await poller.step()
            await poller.drain(10)
        raise AssertionError("a job does not come to its end")

    async def hear(self, upstream_id: str, token: str | None = None) -> None:
        """Receive the upstream's webhook of a completed job."""
        data = {"id": upstream_id, "status": "completed", "usage": {"cost": float(TOLD)}}
        body = json.dumps({"type": "video.generation.completed", "data": data}).encode()
        signed = sign_openrouter(body, SECRET, int(self.clock.now().timestamp()))
        key = f"{upstream_id}-completed"
        await self.parts.webhook_intake.receive(IncomingWebhook("main", token, body, signed, key))

    async def give_up(self) -> None:
        """Advance the clock past every lease and timeout, and run crash recovery."""
        for seconds in (100, 16 * 60):
            self.clock.jump(seconds)
            await self.step("crash_recovery")

    async def jobs(self) -> list[Job]:
        """Return every job, oldest first."""

        def act(tx: Transaction) -> list[Job]:
            ids = [row["id"] for row in tx.fetch("SELECT id FROM jobs ORDER BY created_at, id")]
            return [job for job_id in ids if (job := jobs.find(tx, job_id)) is not None]

        return await self.gateway.database.read(act)

    async def broken(self) -> list[InvariantViolation]:
        """Return the violations that `doctor` would report."""
        return await self.gateway.database.read(lambda tx: list(violations(tx)))

    @property
    def _poller(self) -> Poller:
        (loop,) = (loop for loop in self.gateway.loops if loop.name == "poller")
        poller = getattr(loop.step, "__self__", None)
        assert isinstance(poller, Poller)
        return poller


@asynccontextmanager
async def machine(text: str) -> AsyncIterator[Machine]:
    """Open a gateway with this configuration without starting its loops."""
    loaded, clock = parse(text, {}, "test"), FakeClock()
    async with open_gateway(
        loaded.config,
        loaded.version,
        clock=clock,
        source=random.SystemRandom(),
        telemetry=Telemetry(),
        works=False,
    ) as gateway:
        yield Machine(gateway, clock)


def _followed(job: Job) -> bool:
    return job.upstream_id is not None and not job.status.terminal


async def _by_polls(one: Machine, prompt: str) -> None:
    await one.buy(prompt)
    await one.follow()


async def _by_webhook(one: Machine, prompt: str) -> None:
    job_id = await one.buy(prompt)
    (job,) = [job for job in await one.jobs() if job.id == job_id]
    assert job.upstream_id is not None
    await one.hear(job.upstream_id)


FLOWS: Mapping[str, Callable[[Machine, str], Coroutine[Any, Any, None]]] = {
    "polls": _by_polls,
    "webhook": _by_webhook,
}
"""How a job ends: by polls or by a webhook."""


def buy_once(text: str, flow: str, prompt: str, kill_at: int) -> None:
    """Submit a video and follow it to its end; kill the process at step `kill_at`."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    async def live() -> None:
        async with machine(text) as one:
            steps = Steps(kill_at, die)
            with steps.counting():
                await asyncio.create_task(FLOWS[flow](one, prompt))

    asyncio.run(live())
