"""Follows each job to its end and tells the callback, at least once, until it is heard.

Nothing about retries is published (docs/openrouter-contract.md section 11); this is the careful
reading: 2xx is success, no redirects, about six tries, the same idempotency key, a fresh timestamp
each time.
"""

import asyncio
import logging
import random
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from aiohttp import ClientError, ClientSession, ClientTimeout

from gateway.sandbox.clock import Clock
from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.event import (
    IDEMPOTENCY_HEADER,
    SIGNATURE_HEADER,
    event_body,
    forged_body,
    idempotency_key,
    signature,
)
from gateway.sandbox.faults import Fault, Faults
from gateway.sandbox.jobs import Job, Jobs
from gateway.sandbox.ledger import Ledger, SubmitAttempt

Manner = Literal["genuine", "forge", "tamper", "stale", "unsigned"]
"""How an event is sent: as it should be, or as an attacker would."""

_log = logging.getLogger(__name__)

_LONG_AGO = timedelta(hours=1)
_LATE_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class _Letter:
    """One event on its way to one receiver."""

    job: Job
    url: str
    created_at: datetime
    manner: Manner = "genuine"
    attempt: int = 1
    fault: str | None = None


class Courier:
    """Owns one task per open job. `close` ends them all."""

    def __init__(
        self,
        clock: Clock,
        config: SandboxConfig,
        jobs: Jobs,
        faults: Faults,
        ledger: Ledger,
        chance: random.Random,
    ) -> None:
        self._clock = clock
        self._config = config
        self._jobs = jobs
        self._faults = faults
        self._ledger = ledger
        self._chance = chance
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._session: ClientSession | None = None

    def follow(self, job: Job) -> None:
        """Wait for the job's end, in a task, and deliver its event. A later call replaces it."""
        earlier = self._tasks.pop(job.id, None)
        if earlier is not None:
            earlier.cancel()
        if job.ends_at is None or self._url(job) is None:
            return
        task = asyncio.create_task(self._guarded(self._see_through(job, job.ends_at)))
        self._tasks[job.id] = task
        task.add_done_callback(lambda done: self._forget(job.id, done))

    async def send(self, job: Job, manner: Manner, url: str | None = None) -> SubmitAttempt:
        """One try, now, in that manner. Noted in the ledger.

        Raises:
            ValueError: there is nowhere to send it.

        """
        target = url or self._url(job)
        if target is None:
            raise ValueError(f"{job.id} has no callback_url")
        fault = None if manner == "genuine" else manner
        return await self._attempt(_Letter(job, target, self._clock.now(), manner, fault=fault))

    async def stop(self) -> None:
        """End every task, and keep the connections."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """End every task and close the connections."""
        await self.stop()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _forget(self, job_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(job_id) is task:
            del self._tasks[job_id]

    async def _guarded(self, life: Coroutine[Any, Any, None]) -> None:
        """A mistake in here must be seen, though nobody awaits the task."""
        try:
            await life
        except Exception:
            _log.exception("webhook.task_failed")
            raise

    async def _see_through(self, job: Job, ends_at: float) -> None:
        await self._clock.sleep(ends_at - self._clock.monotonic())
        url = self._url(job)
        if url is None:
            return
        letter = _Letter(job, url, self._clock.now())
        fault = self._faults.take("webhook", model=job.order.model.id, job_id=job.id)
        match fault:
            case None:
                await self._deliver(letter)
            case Fault(action="drop"):
                return
            case Fault(action="late"):
                await self._clock.sleep(fault.seconds or _LATE_SECONDS)
                await self._deliver(replace(letter, fault=fault.action))
            case Fault(action="duplicate"):
                for _ in range(fault.copies):
                    await self._deliver(replace(letter, fault=fault.action))
            case Fault(action="forge" | "tamper" | "stale" | "unsigned" as manner):
                await self._attempt(replace(letter, manner=manner, fault=manner))
                await self._deliver(letter)

    async def _deliver(self, letter: _Letter) -> None:
        waits = (*self._config.webhook_retries, None)
        for number, wait in enumerate(waits, start=1):
            tried = await self._attempt(replace(letter, attempt=number))
            if tried.delivered or wait is None:
                return
            await self._clock.sleep(
                wait * (1 + self._chance.random() * self._config.webhook_jitter)
            )

    async def _attempt(self, letter: _Letter) -> SubmitAttempt:
        body, headers = self._composed(letter)
        made = SubmitAttempt(
            job_id=letter.job.id,
            event=f"video.generation.{letter.job.ending}",
            url=letter.url,
            attempt=letter.attempt,
            at=self._clock.now(),
            headers=headers,
            body=body.decode(),
            status=None,
            error=None,
            fault=letter.fault,
            genuine=letter.manner == "genuine",
        )
        try:
            made = replace(made, status=await self._post(letter.url, body, headers))
        except (ClientError, OSError, ValueError, TimeoutError) as error:
            made = replace(made, error=f"{type(error).__name__}: {error}")
        self._ledger.attempted(made)
        return made

    def _composed(self, letter: _Letter) -> tuple[bytes, dict[str, str]]:
        job, manner, now = letter.job, letter.manner, self._clock.now()
        genuine, false = event_body(job, letter.created_at), forged_body(job, letter.created_at)
        secret = "somebody else's secret" if manner == "forge" else self._config.webhook_secret
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "OpenRouter-Sandbox",
            IDEMPOTENCY_HEADER: idempotency_key(job),
        }
        if secret is not None and manner != "unsigned":
            moment = now - _LONG_AGO if manner == "stale" else now
            signed = false if manner == "forge" else genuine
            headers[SIGNATURE_HEADER] = signature(secret, int(moment.timestamp()), signed)
        return (genuine if manner in ("genuine", "stale") else false), headers

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        if self._session is None:
            self._session = ClientSession()
        limit = ClientTimeout(total=self._config.webhook_timeout)
        async with self._session.post(
            url, data=body, headers=headers, allow_redirects=False, timeout=limit
        ) as response:
            return response.status

    def _url(self, job: Job) -> str | None:
        return job.callback_url or self._config.default_callback_url
