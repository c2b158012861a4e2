"""Everything one sandbox is made of, put together."""

import asyncio
import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from gateway.sandbox.catalog import Catalog
from gateway.sandbox.clock import Clock
from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.courier import Courier, Manner
from gateway.sandbox.faults import Faults
from gateway.sandbox.film import Films
from gateway.sandbox.jobs import Ending, Job, Jobs
from gateway.sandbox.ledger import Ledger, SubmitAttempt


@dataclass(frozen=True, slots=True)
class World:
    """The parts. All state is in memory and gone with it."""

    config: SandboxConfig
    clock: Clock
    chance: random.Random
    catalog: Catalog
    jobs: Jobs
    faults: Faults
    ledger: Ledger
    films: Films
    courier: Courier
    link_secret: bytes
    closing: asyncio.Event = field(default_factory=asyncio.Event)  # set: answer nobody any more

    @classmethod
    def made(cls, config: SandboxConfig, clock: Clock) -> "World":
        """A new world; its chance repeats if the configuration has a seed."""
        chance = random.Random(config.seed)  # noqa: S311 - ids of a sandbox guard nothing
        jobs, faults, ledger = Jobs(clock, config, chance), Faults(), Ledger()
        return cls(
            config=config,
            clock=clock,
            chance=chance,
            catalog=Catalog(config.models) if config.models else Catalog.recorded(),
            jobs=jobs,
            faults=faults,
            ledger=ledger,
            films=Films(),
            courier=Courier(clock, config, jobs, faults, ledger, chance),
            link_secret=chance.randbytes(32),
        )

    @property
    def charged(self) -> Decimal:
        """US dollars that all jobs that are over have cost."""
        now = self.clock.monotonic()
        return sum((job.charged(now) for job in self.jobs.all()), Decimal(0))

    def job(self, job_id: str) -> Job:
        """One job.

        Raises:
            KeyError: no such job.

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
        """End an open job now, and tell its callback.

        Raises:
            KeyError: no such job.
            ValueError: it is over already.

        """
        job = self.jobs.end(job_id, ending, cost=cost, error=error)
        self.courier.follow(job)
        return job

    async def send_webhook(
        self, job_id: str, manner: Manner = "genuine", url: str | None = None
    ) -> SubmitAttempt:
        """Send a job's event once, now, as it should be or as an attacker would.

        Raises:
            KeyError: no such job.
            ValueError: it has no callback, or only a forged event can be told of an open job.

        """
        job = self.job(job_id)
        if manner != "forge" and not job.ended(self.clock.monotonic()):
            raise ValueError(f"{job_id} is not over: only a forged event can be sent")
        return await self.courier.send(job, manner, url)

    def document(self) -> dict[str, Any]:
        """The ledger, the jobs and what they cost, as JSON values."""
        return {
            "charged_usd": money_text(self.charged),
            "jobs": [self.job_view(job) for job in self.jobs.all()],
            **self.ledger.document(),
        }

    def job_view(self, job: Job) -> dict[str, Any]:
        """A job as the ledger shows it: what the client never sees, too."""
        now, work = self.clock.monotonic(), job.order.work
        return {
            "id": job.id,
            "model": job.order.model.id,
            "status": job.status(now),
            "created_unix": job.created_unix,
            "callback_url": job.callback_url,
            "seconds": work.seconds,
            "width": work.width,
            "height": work.height,
            "resolution": work.resolution,
            "audio": work.audio,
            "outputs": job.outputs,
            "list_price_usd": money_text(job.order.list_price),
            "charged_usd": money_text(job.charged(now)),
            "is_byok": job.is_byok,
        }

    async def reset(self) -> None:
        """Forget jobs, faults and the ledger; nothing that was under way is told any more."""
        await self.courier.stop()
        self.jobs.clear()
        self.faults.clear()
        self.ledger.clear()


def money_text(dollars: Decimal) -> str:
    """Dollars in full, without an exponent: `0.1358`, `0`."""
    return f"{dollars.normalize():f}"
