"""Sends a webhook when a job ends, at least once, with retries.

OpenRouter publishes nothing about retries (docs/openrouter-contract.md section 11). The sandbox
assumes: 2xx is success, no redirects, six attempts, the same idempotency key and a new timestamp
for each attempt.
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
from gateway.sandbox.ledger import Ledger, WebhookAttempt

Manner = Literal["genuine", "forge", "tamper", "stale", "unsigned"]
"""How an event is sent: genuine, or in one of the ways of an attacker."""

_log = logging.getLogger(__name__)

_STALE_BY = timedelta(hours=1)
_LATE_BY_DEFAULT = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class _Message:
    """One event for one receiver."""

    job: Job
    url: str
    created_at: datetime
    manner: Manner = "genuine"
    attempt: int = 1
    fault: str | None = None


class WebhookSender:
    """Owns one task per open job; `close` cancels them."""

    def __init__(
        self,
        clock: Clock,
        config: SandboxConfig,
        jobs: Jobs,
        faults: Faults,
        ledger: Ledger,
        rng: random.Random,
    ) -> None:
        self._clock = clock
        self._config = config
        self._jobs = jobs
        self._faults = faults
        self._ledger = ledger
        self._rng = rng
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._session: ClientSession | None = None

    def schedule(self, job: Job) -> None:
        """Start a task that delivers the job's event when it ends; it replaces an earlier task."""
        earlier = self._tasks.pop(job.id, None)
        if earlier is not None:
            earlier.cancel()
        if job.ends_at is None or self._url(job) is None:
            return
        task = asyncio.create_task(self._log_errors(self._deliver_at_end(job, job.ends_at)))
        self._tasks[job.id] = task
        task.add_done_callback(lambda done: self._forget(job.id, done))

    async def send(self, job: Job, manner: Manner, url: str | None = None) -> WebhookAttempt:
        """Send one attempt now and record it in the ledger.

        Raises:
            ValueError: the job has no callback URL.

        """
        target = url or self._url(job)
        if target is None:
            raise ValueError(f"{job.id} has no callback_url")
        fault = None if manner == "genuine" else manner
        return await self._attempt(_Message(job, target, self._clock.now(), manner, fault=fault))

    async def stop(self) -> None:
        """Cancel every task and keep the connections."""
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def close(self) -> None:
        """Cancel every task and close the connections."""
        await self.stop()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _forget(self, job_id: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(job_id) is task:
            del self._tasks[job_id]

    async def _log_errors(self, work: Coroutine[Any, Any, None]) -> None:
        """Log an error of the task, because nothing awaits it."""
        try:
            await work
        except Exception:
            _log.exception("webhook.task_failed")
            raise

    async def _deliver_at_end(self, job: Job, ends_at: float) -> None:
        await self._clock.sleep(ends_at - self._clock.monotonic())
        url = self._url(job)
        if url is None:
            return
        message = _Message(job, url, self._clock.now())
        fault = self._faults.take("webhook", model=job.plan.model.id, job_id=job.id)
        match fault:
            case None:
                await self._deliver(message)
            case Fault(action="drop"):
                return
            case Fault(action="late"):
                await self._clock.sleep(fault.seconds or _LATE_BY_DEFAULT)
                await self._deliver(replace(message, fault=fault.action))
            case Fault(action="duplicate"):
                for _ in range(fault.copies):
                    await self._deliver(replace(message, fault=fault.action))
            case Fault(action="forge" | "tamper" | "stale" | "unsigned" as manner):
                await self._attempt(replace(message, manner=manner, fault=manner))
                await self._deliver(message)

    async def _deliver(self, message: _Message) -> None:
        waits = (*self._config.webhook_retries, None)
        for number, wait in enumerate(waits, start=1):
            result = await self._attempt(replace(message, attempt=number))
            if result.delivered or wait is None:
                return
            await self._clock.sleep(wait * (1 + self._rng.random() * self._config.webhook_jitter))

    async def _attempt(self, message: _Message) -> WebhookAttempt:
        body, headers = self._compose(message)
        attempt = WebhookAttempt(
            job_id=message.job.id,
            event=f"video.generation.{message.job.ending}",
            url=message.url,
            attempt=message.attempt,
            at=self._clock.now(),
            headers=headers,
            body=body.decode(),
            status=None,
            error=None,
            fault=message.fault,
            genuine=message.manner == "genuine",
        )
        try:
            attempt = replace(attempt, status=await self._post(message.url, body, headers))
        except (ClientError, OSError, ValueError, TimeoutError) as error:
            attempt = replace(attempt, error=f"{type(error).__name__}: {error}")
        self._ledger.attempted(attempt)
        return attempt

    def _compose(self, message: _Message) -> tuple[bytes, dict[str, str]]:
        job, manner, now = message.job, message.manner, self._clock.now()
        genuine, forged = event_body(job, message.created_at), forged_body(job, message.created_at)
        secret = "an attacker's secret" if manner == "forge" else self._config.webhook_secret
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "OpenRouter-Sandbox",
            IDEMPOTENCY_HEADER: idempotency_key(job),
        }
        if secret is not None and manner != "unsigned":
            signed_at = now - _STALE_BY if manner == "stale" else now
            signed = forged if manner == "forge" else genuine
            headers[SIGNATURE_HEADER] = signature(secret, int(signed_at.timestamp()), signed)
        return (genuine if manner in ("genuine", "stale") else forged), headers

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        if self._session is None:
            self._session = ClientSession()
        timeout = ClientTimeout(total=self._config.webhook_timeout)
        async with self._session.post(
            url, data=body, headers=headers, allow_redirects=False, timeout=timeout
        ) as response:
            return response.status

    def _url(self, job: Job) -> str | None:
        return job.callback_url or self._config.default_callback_url
