"""Send one submit to its upstream; retry only if it is certain that no job was created."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from gateway.domain.errors import Reason, Refused, Relayed, StorageFailed
from gateway.domain.job import Job, JobId
from gateway.domain.submit_verdict import WORDS_AT_MOST
from gateway.domain.units import epoch_ms
from gateway.domain.upstream import (
    Accepted,
    Declined,
    NotSent,
    SubmitOutcome,
    Unclear,
    masked,
)
from gateway.ports import Clock, Database, Transaction
from gateway.services.jobs.track import Tracker
from gateway.services.submission.flight import Answer, Flight
from gateway.store import attempts, jobs

_NOT_SENT_TRIES = 3  # attempts within about a second before the upstream counts as unavailable
_BACKOFF_FIRST, _BACKOFF_MAX = 0.25, 8.0  # seconds, if the upstream sends no Retry-After
_REFUSED_RETRIES = 3  # of a 429 or 503 that is definitely a refusal
_AWAY_RETRY_AFTER = 10  # seconds of Retry-After for an upstream that can't be reached


class UpstreamSubmitter:
    """Sends a `submitting` job and records the outcome."""

    def __init__(self, database: Database, clock: Clock, tracker: Tracker) -> None:
        """Create a sender; `tracker` writes every outcome."""
        self._database = database
        self._clock = clock
        self._tracker = tracker

    async def send(self, flight: Flight) -> None:
        """Send until accepted, definitely refused, unclear, or too late; record the outcome.

        The flight's job must be written. A request that may have been sent never counts as
        refused, even after a cancellation: the job becomes unknown, at the latest when its lease
        expires.
        """
        attempt = 1
        while True:
            outcome = await self._once(flight)
            wait = self._wait(outcome, attempt, flight.deadline)
            if wait is None:
                break
            if not await self._recorded(flight.job, attempt, outcome):
                break
            try:
                await self._clock.sleep(wait)
            except BaseException:  # the process stops: record the known outcome
                flight.answer.set_result(await self._write(flight, attempt, outcome))
                raise
            if not await self._may_repeat(flight.job, attempt):
                break
            attempt += 1
        flight.answer.set_result(await self._write(flight, attempt, outcome))

    async def abandon(self, job: Job) -> None:
        """End a job that was written after its client was refused: it is never sent."""
        outcome = NotSent("its client was refused before it was written")
        await self._tracker.refused(job, 1, outcome, str(relay(outcome)), told=lambda: False)

    async def disown(self, job_id: JobId, until: float) -> None:
        """End a job that may have been written although the database failed: it is never sent.

        Otherwise its lease would expire and its estimate be settled without a generation. After
        `until` (monotonic seconds) its lease decides.
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

    async def _once(self, flight: Flight) -> SubmitOutcome:
        left = flight.deadline - self._clock.monotonic()
        if left <= 0:
            return NotSent("the deadline passed before it could be sent")
        try:
            return await flight.upstream.submit(flight.body, flight.call.headers, timeout=left)
        except Exception as error:  # noqa: BLE001 - the request may have been sent
            return Unclear(type(error).__name__)

    def _wait(self, outcome: SubmitOutcome, attempt: int, deadline: float) -> float | None:
        """Return the seconds to wait before a retry; None if the outcome is final."""
        delay = min(_BACKOFF_FIRST * 2 ** (attempt - 1), _BACKOFF_MAX)
        match outcome:
            case NotSent() if attempt < _NOT_SENT_TRIES:
                pass
            case Declined(transient=True, retry_after=asked) if attempt <= _REFUSED_RETRIES:
                delay = max(delay, float(asked or 0))
            case _:
                return None
        return delay if self._clock.monotonic() + delay < deadline else None

    async def _recorded(self, job: Job, attempt: int, outcome: SubmitOutcome) -> bool:
        """Record the refusal before waiting; False if that failed."""
        detail = str(outcome.status) if isinstance(outcome, Declined) else None
        word = "refused" if isinstance(outcome, Declined) else "not_sent"
        try:
            await self._database.write(lambda tx: attempts.finish(tx, job, attempt, word, detail))
        except StorageFailed:
            return False
        return True

    async def _may_repeat(self, job: Job, attempt: int) -> bool:
        """Record the next attempt before it is sent; False if it must not be sent.

        A job whose lease expired while this process slept must not be sent: crash recovery has
        resolved it, and an identical request may have been sent since.
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
                    outcome = _masked(outcome, flight.hidden)
                refusal = relay(outcome)
                await self._tracker.refused(
                    flight.job, attempt, outcome, str(refusal), told=lambda: flight.told
                )
                return refusal

    def _now(self) -> int:
        return epoch_ms(self._clock.now())


def _masked(outcome: Declined, hidden: Mapping[str, str]) -> Declined:
    """Mask texts that no client may read, and truncate again: replacements may be longer."""
    error = dict(masked(outcome.error, hidden))
    error["message"] = str(error["message"])[:WORDS_AT_MOST]
    return replace(outcome, error=error)


def relay(outcome: Declined | NotSent) -> Refused | Relayed:
    """Return the error for the client of a definite refusal (docs/api.md, Errors).

    The upstream's 401 would look like a 401 of the client's own key, and missing credit of the
    gateway's account like the client's. These two get the gateway's own errors.
    """
    if isinstance(outcome, NotSent):
        return Refused(
            Reason.UPSTREAM_UNAVAILABLE,
            "The upstream can't be reached. Nothing was sent or charged; try again later.",
            retry_after=_AWAY_RETRY_AFTER,
        )
    if outcome.location is not None:
        where = f" to {outcome.location}" if outcome.location else ""
        return Refused(
            Reason.UPSTREAM_MISCONFIGURED,
            f"The upstream answers with a redirect ({outcome.status}){where}, so its base_url in"
            " the gateway's configuration is wrong. The gateway's operators must correct it."
            " Nothing was charged.",
            {"status": outcome.status, "location": outcome.location},
        )
    if outcome.status == 401:
        return Refused(
            Reason.UPSTREAM_CREDENTIALS,
            "The upstream refused the gateway's own API key. The gateway's operators must fix it;"
            " your key is valid.",
        )
    if outcome.status == 402 and _source(outcome) in _ACCOUNT_LIMITS:
        return Refused(
            Reason.UPSTREAM_CREDITS,
            "The gateway's account at the upstream has no credit. The gateway's operators must"
            " add some. Nothing was charged.",
            {"limit_source": _source(outcome)},
        )
    return Relayed(outcome.status, outcome.error, retry_after=outcome.retry_after)


# The 402s of docs/openrouter-contract.md section 1 that waiting does not fix; without a source it
# is the account.
_ACCOUNT_LIMITS = frozenset({None, "openrouter_credits", "openrouter_key_limit"})


def _source(outcome: Declined) -> object:
    metadata = outcome.error.get("metadata")
    return metadata.get("limit_source") if isinstance(metadata, Mapping) else None


def _next_attempt(job: Job, attempt: int, now: int) -> Callable[[Transaction], bool]:
    def act(tx: Transaction) -> bool:
        if not jobs.lock_submitting(tx, job.id):
            return False
        attempts.start(tx, job.id, attempt + 1, now=now)
        return True

    return act
