"""The state of one sandbox and the operations on it."""

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from aiohttp import web

from gateway.sandbox.catalog import Catalog
from gateway.sandbox.clock import Clock
from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.faults import Faults
from gateway.sandbox.jobs import Ending, Job, Jobs
from gateway.sandbox.ledger import Ledger, WebhookAttempt
from gateway.sandbox.rendering import VideoCache
from gateway.sandbox.webhooks import Manner, WebhookSender

SendVideo = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


@dataclass(slots=True)
class Films:
    """What a test sends instead of rendered videos. None: the sandbox's own way.

    `make` returns the video of a job's output, `send` sends a video its own way (with a length,
    with ranges, slowly).
    """

    make: Callable[[str, int], bytes] | None = None
    send: SendVideo | None = None


@dataclass(frozen=True, slots=True)
class SandboxState:
    """Everything that belongs to one sandbox, in memory."""

    config: SandboxConfig
    clock: Clock
    rng: random.Random
    catalog: Catalog
    jobs: Jobs
    faults: Faults
    ledger: Ledger
    videos: VideoCache
    webhook_sender: WebhookSender
    link_secret: bytes
    control_token: str
    closing: asyncio.Event = field(default_factory=asyncio.Event)  # set on shutdown
    films: Films = field(default_factory=Films)

    @classmethod
    def create(cls, config: SandboxConfig, clock: Clock) -> "SandboxState":
        """Create the state; with a configured seed, its random values repeat."""
        rng = random.Random(config.seed)  # noqa: S311 - ids of a sandbox protect nothing
        jobs, faults, ledger = Jobs(clock, config, rng), Faults(), Ledger()
        return cls(
            config=config,
            clock=clock,
            rng=rng,
            catalog=Catalog(config.models) if config.models else Catalog.recorded(),
            jobs=jobs,
            faults=faults,
            ledger=ledger,
            videos=VideoCache(),
            webhook_sender=WebhookSender(clock, config, jobs, faults, ledger, rng),
            link_secret=rng.randbytes(32),
            control_token=config.control_token or secrets.token_hex(16),
        )

    @property
    def charged(self) -> Decimal:
        """Return the US dollars charged for all ended jobs."""
        now = self.clock.monotonic()
        return sum((job.charged(now) for job in self.jobs.all()), Decimal(0))

    def job(self, job_id: str) -> Job:
        """Return one job.

        Raises:
            KeyError: there is no such job.

        """
        job = self.jobs.get(job_id)
        if job is None:
            raise KeyError(job_id)
        return job

    def end(
        self,
        job_id: str,
        ending: Ending = "completed",
        *,
        cost: Decimal | None = None,
        error: str | None = None,
    ) -> Job:
        """End an open job now and send its webhook.

        Raises:
            KeyError: there is no such job.
            ValueError: the job has already ended.

        """
        job = self.jobs.end(job_id, ending, cost=cost, error=error)
        self.webhook_sender.schedule(job)
        return job

    async def send_webhook(
        self, job_id: str, manner: Manner = "genuine", url: str | None = None
    ) -> WebhookAttempt:
        """Send a job's event once, now, genuine or as an attacker would.

        Raises:
            KeyError: there is no such job.
            ValueError: the job has no callback, or is open and the event is not forged.

        """
        job = self.job(job_id)
        if manner != "forge" and not job.ended(self.clock.monotonic()):
            raise ValueError(f"{job_id} has not ended: only a forged event can be sent")
        return await self.webhook_sender.send(job, manner, url)

    def document(self) -> dict[str, Any]:
        """Return the ledger, the jobs and their total cost as JSON values."""
        return {
            "charged_usd": money_text(self.charged),
            "jobs": [self.job_json(job) for job in self.jobs.all()],
            **self.ledger.document(),
        }

    def job_json(self, job: Job) -> dict[str, Any]:
        """Return a job as JSON for the ledger, with fields that clients do not see."""
        now, render = self.clock.monotonic(), job.plan.render
        return {
            "id": job.id,
            "model": job.plan.model.id,
            "status": job.status(now),
            "created_unix": job.created_unix,
            "callback_url": job.callback_url,
            "seconds": render.seconds,
            "width": render.width,
            "height": render.height,
            "resolution": render.resolution,
            "audio": render.audio,
            "outputs": job.outputs,
            "list_price_usd": money_text(job.plan.list_price),
            "charged_usd": money_text(job.charged(now)),
            "is_byok": job.is_byok,
        }

    async def reset(self) -> None:
        """Remove all jobs, faults and ledger entries, and cancel all pending webhooks."""
        await self.webhook_sender.stop()
        self.jobs.clear()
        self.faults.clear()
        self.ledger.clear()


def money_text(dollars: Decimal) -> str:
    """Format dollars without an exponent: `0.1358`, `0`."""
    return f"{dollars.normalize():f}"
