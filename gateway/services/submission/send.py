"""Sending one submit to its upstream: retried only while it is certain that nothing was bought."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from gateway.domain.errors import Reason, Refused, Relayed, StorageFailed
from gateway.domain.job import Job, JobId
from gateway.domain.units import epoch_ms
from gateway.domain.upstream import (
    Accepted,
    Declined,
    NotSent,
    SubmitOutcome,
    Unclear,
    masked,
)
from gateway.ports import Clock, Database, Transaction, Upstream
from gateway.services.jobs.track import Tracker
from gateway.store import jobs

_NOT_SENT_TRIES = 3  # an upstream that can't be reached thrice within a second is said to be away
_BACKOFF_FIRST, _BACKOFF_MAX = 0.25, 8.0  # seconds, where the upstream names no Retry-After
_AWAY_RETRY_AFTER = 10  # seconds we ask a client to wait for an upstream that can't be reached

Answer = Job | Refused | Relayed
"""What a submit came to: the job as it stands, or the refusal to pass on."""


@dataclass(slots=True, eq=False)
class Flight:
    """A submit on its way. `told` is set once a client has been given the job's id."""

    job: Job
    answer: asyncio.Future[Answer]
    hidden: Mapping[str, str] = field(default_factory=dict)  # never repeated to a client
    told: bool = False
    deciding: bool = False  # a refusal is known and being written: worth waiting for


class UpstreamSubmitter:
    """Carries a job from `submitting` to what became of it."""

    def __init__(self, database: Database, clock: Clock, tracker: Tracker) -> None:
        """`tracker` writes every outcome."""
        self._database = database
        self._clock = clock
        self._tracker = tracker

    async def send(
        self,
        flight: Flight,
        upstream: Upstream,
        body: bytes,
        headers: Mapping[str, str],
        deadline: float,
    ) -> None:
        """Send until accepted, definitely refused, unclear, or out of time; then write it.

        `deadline` is monotonic. However this ends, also by cancellation, a request that may have
        left is never called refused: the job is unknown, or its lease runs out and it becomes so.
        """
        attempt = 1
        while True:
            outcome = await self._once(upstream, body, headers, deadline)
            wait = self._wait(outcome, attempt, deadline)
            if wait is None:
                break
            if not await self._recorded(flight.job, attempt, outcome):
                break
            try:
                await self._clock.sleep(wait)
            except BaseException:  # the process ends: what is known must not be forgotten
                flight.answer.set_result(await self._write(flight, attempt, outcome))
                raise
            if not await self._may_repeat(flight.job, attempt):
                break
            attempt += 1
        flight.answer.set_result(await self._write(flight, attempt, outcome))

    async def abandon(self, job: Job) -> None:
        """End a job that was written after its client had been turned away: it is never sent."""
        outcome = NotSent("its client had been turned away when it was written")
        await self._tracker.refused(job, 1, outcome, str(relay(outcome)), told=lambda: False)

    async def disown(self, job_id: JobId, until: float) -> None:
        """End a job that may have been written although the database failed: it is never sent.

        Otherwise its lease would run out and its estimate be settled, for nothing. After `until`
        (monotonic) it is left to its lease.
        """
        delay = _BACKOFF_FIRST
        while self._clock.monotonic() + delay < until:
            await self._clock.sleep(delay)
            delay = min(delay * 2, _BACKOFF_MAX)
            try:
                job = await self._database.read(lambda tx: jobs.find(tx, job_id))
            except StorageFailed:
                continue
            if job is not None:
                await self.abandon(job)
            return

    async def _once(
        self, upstream: Upstream, body: bytes, headers: Mapping[str, str], deadline: float
    ) -> SubmitOutcome:
        left = deadline - self._clock.monotonic()
        if left <= 0:
            return NotSent("its time was over before it could be sent")
        try:
            return await upstream.submit(body, headers, timeout=left)
        except Exception as error:  # noqa: BLE001 - whatever it is, the request may have left
            return Unclear(type(error).__name__)

    def _wait(self, outcome: SubmitOutcome, attempt: int, deadline: float) -> float | None:
        """Seconds to wait before sending again; None where the outcome stands."""
        delay = min(_BACKOFF_FIRST * 2 ** (attempt - 1), _BACKOFF_MAX)
        match outcome:
            case NotSent() if attempt < _NOT_SENT_TRIES:
                pass
            case Declined(transient=True, retry_after=asked):
                delay = max(delay, float(asked or 0))
            case _:
                return None
        return delay if self._clock.monotonic() + delay < deadline else None

    async def _recorded(self, job: Job, attempt: int, outcome: SubmitOutcome) -> bool:
        """Record the refusal before anything is waited for; False where that failed."""
        detail = str(outcome.status) if isinstance(outcome, Declined) else None
        word = "refused" if isinstance(outcome, Declined) else "not_sent"
        try:
            await self._database.write(
                lambda tx: jobs.finish_attempt(tx, job.id, attempt, word, detail)
            )
        except StorageFailed:
            return False
        return True

    async def _may_repeat(self, job: Job, attempt: int) -> bool:
        """Whether the next attempt is on record: nothing is sent that a crash would forget.

        Nor a job that is no longer ours: a process that slept past its lease was taken for dead,
        and by now the same may have been bought again.
        """
        try:
            return await self._database.write(_next_attempt(job, attempt, self._now()))
        except StorageFailed:
            return False

    async def _write(self, flight: Flight, attempt: int, outcome: SubmitOutcome) -> Answer:
        match outcome:
            case Accepted():
                return await self._tracker.accepted(flight.job, attempt, outcome)
            case Unclear():
                return await self._tracker.lost(flight.job, attempt, outcome)
            case Declined() | NotSent():
                flight.deciding = True
                if isinstance(outcome, Declined):
                    outcome = replace(outcome, error=masked(outcome.error, flight.hidden))
                refusal = relay(outcome)
                await self._tracker.refused(
                    flight.job, attempt, outcome, str(refusal), told=lambda: flight.told
                )
                return refusal

    def _now(self) -> int:
        return epoch_ms(self._clock.now())


def relay(outcome: Declined | NotSent) -> Refused | Relayed:
    """A definite refusal as the client hears it (docs/api.md, Errors).

    The upstream's 401 would look to the client like a 401 of its own key, and the upstream
    account's empty purse like the client's: these two are said in the gateway's own words.
    """
    if isinstance(outcome, NotSent):
        return Refused(
            Reason.UPSTREAM_UNAVAILABLE,
            "The upstream can't be reached. Nothing was sent and nothing is owed; try again later.",
            retry_after=_AWAY_RETRY_AFTER,
        )
    if outcome.location is not None:
        where = f" to {outcome.location}" if outcome.location else ""
        return Refused(
            Reason.UPSTREAM_MISCONFIGURED,
            f"The upstream answers with a redirect ({outcome.status}){where}, so its base_url in"
            " the gateway's configuration is wrong. The gateway's operators must correct it;"
            " nothing was bought.",
            {"status": outcome.status, "location": outcome.location},
        )
    if outcome.status == 401:
        return Refused(
            Reason.UPSTREAM_CREDENTIALS,
            "The upstream refused the gateway's own API key. The gateway's operators must mend it;"
            " your key is fine.",
        )
    if outcome.status == 402 and _source(outcome) in _ACCOUNT_LIMITS:
        return Refused(
            Reason.UPSTREAM_CREDITS,
            "The gateway's account at the upstream is out of credit. The gateway's operators must"
            " mend it; nothing was spent.",
            {"limit_source": _source(outcome)},
        )
    return Relayed(outcome.status, outcome.error, retry_after=outcome.retry_after)


# docs/openrouter-contract.md section 1, the 402s that waiting does not mend; without a source it is
# the account.
_ACCOUNT_LIMITS = frozenset({None, "openrouter_credits", "openrouter_key_limit"})


def _source(outcome: Declined) -> object:
    metadata = outcome.error.get("metadata")
    return metadata.get("limit_source") if isinstance(metadata, Mapping) else None


def _next_attempt(job: Job, attempt: int, now: int) -> Callable[[Transaction], bool]:
    def act(tx: Transaction) -> bool:
        if not jobs.hold_submitting(tx, job.id):
            return False
        jobs.start_attempt(tx, job.id, attempt + 1, now=now)
        return True

    return act
