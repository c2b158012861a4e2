"""Receive upstream webhooks: verified ones update jobs, unverifiable ones only trigger a poll."""

import hashlib
import re
from dataclasses import dataclass

from gateway.config.live import Live
from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Job
from gateway.domain.signature import Verdict, verify_openrouter
from gateway.domain.units import epoch_ms
from gateway.domain.webhook import Intake, WebhookEvent, read_event
from gateway.ports import Clock, Database, Transaction
from gateway.services.jobs.end import Change
from gateway.services.jobs.track import OtherJob, Tracker
from gateway.store import inbox, jobs, polling
from gateway.store.inbox import Receipt
from gateway.telemetry.bundle import Telemetry

_TOKEN_LIMIT = 100  # characters; ours have 43
_PLAIN_KEY = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True)
class IncomingWebhook:
    """A webhook request: the exact bytes of its body, its headers and its URL's parts."""

    upstream: str
    token: str | None  # the correlation token of the URL; None: the URL without one
    body: bytes
    signature: str | None
    idempotency_key: str | None


@dataclass(frozen=True, slots=True)
class Received:
    """The result of receiving a webhook. `verified` False: it was only a hint."""

    verdict: Intake
    verified: bool


@dataclass(frozen=True, slots=True)
class _Taken:
    verdict: Intake
    change: Change | None = None
    job: Job | None = None


class WebhookIntake:
    """Receives webhooks. When a method returns, its changes are committed."""

    def __init__(
        self, database: Database, clock: Clock, tracker: Tracker, live: Live, telemetry: Telemetry
    ) -> None:
        """Create the service; `tracker` writes the updates of jobs."""
        self._database = database
        self._clock = clock
        self._tracker = tracker
        self._live = live
        self._telemetry = telemetry

    async def receive(self, posted: IncomingWebhook) -> Received:
        """Receive a webhook; repeats of it have no effect.

        Only a verified event of a job's end changes status and money. If the upstream has no secret
        configured, its events can't be verified and only make the job's next poll due.

        Raises:
            Refused: WEBHOOK_REFUSED: forged, altered, stale, or with the token of another job;
                INVALID_REQUEST: verified, but not an event; NOT_FOUND: no such upstream.
            StorageFailed: nothing was stored; the upstream may send it again.

        """
        upstream = self._live.config.upstreams.get(posted.upstream)
        if upstream is None:
            raise Refused(Reason.NOT_FOUND, "Not Found")
        secrets = [secret.get_secret_value() for secret in upstream.webhook_secrets]
        now = int(self._clock.now().timestamp())
        verdict = verify_openrouter(posted.signature, posted.body, secrets, now)
        if verdict is Verdict.UNVERIFIABLE:
            return Received(await self._hint(posted), verified=False)
        if not verdict.verified:
            raise self.refused(posted.upstream, verdict.value)
        told = read_event(posted.body)
        if told is None:
            self._count(posted.upstream, Intake.UNREADABLE, None, None)
            raise Refused(
                Reason.INVALID_REQUEST, "The body is not an event of OpenRouter's contract."
            )
        if not told.ends:
            self._count(posted.upstream, Intake.IGNORED, told, None)
            return Received(Intake.IGNORED, verified=True)
        return Received(await self._take(posted, told), verified=True)

    def refused(self, upstream: str, verdict: str) -> Refused:
        """Count and log a refused webhook; return the refusal, which never says why."""
        self._telemetry.metrics.webhook_received(upstream, verdict)
        self._telemetry.log.warning("webhook.refused", upstream=upstream, verdict=verdict)
        return Refused(Reason.WEBHOOK_REFUSED, "The webhook was refused.")

    async def _take(self, posted: IncomingWebhook, told: WebhookEvent) -> Intake:
        try:
            taken = await self._database.write(lambda tx: self._fact(tx, posted, told))
        except OtherJob:
            raise self.refused(posted.upstream, Intake.WRONG_TOKEN) from None
        job = taken.job
        if job is None:
            self._count(posted.upstream, taken.verdict, told, None)
            return taken.verdict
        with self._telemetry.work("webhook.received", job.request_id, job.traceparent):
            if taken.change is not None:
                job = self._tracker.note(taken.change)
            self._count(posted.upstream, taken.verdict, told, job)
        return taken.verdict

    def _fact(self, tx: Transaction, posted: IncomingWebhook, told: WebhookEvent) -> _Taken:
        """Find the event's job, deduplicate the event, and apply it, in one transaction."""
        job = _job(tx, posted, told)
        if job is None:
            return _Taken(Intake.UNKNOWN_JOB)
        now = epoch_ms(self._clock.now())
        inbox.note_received(tx, posted.upstream, now=now)
        if not inbox.take(tx, _receipt(posted, told, job, now)):
            return _Taken(Intake.DUPLICATE, job=job)
        change = self._tracker.told(tx, job, told.upstream_id, told.news)
        inbox.arrived(tx, job.id)
        return _Taken(Intake.ACCEPTED, change, job)

    async def _hint(self, posted: IncomingWebhook) -> Intake:
        """Make the job's next poll due. Anyone can send hints, so it reads before it writes."""
        told = read_event(posted.body)
        job = await self._database.read(lambda tx: _hinted(tx, posted, told))
        if job is None:
            self._count(posted.upstream, Intake.UNKNOWN_JOB, told, None)
            return Intake.UNKNOWN_JOB
        if not job.status.terminal:
            now = epoch_ms(self._clock.now())
            await self._database.write(lambda tx: polling.poll_soon(tx, job.id, now=now))
        self._count(posted.upstream, Intake.HINT, told, job)
        return Intake.HINT

    def _count(
        self, upstream: str, verdict: Intake, told: WebhookEvent | None, job: Job | None
    ) -> None:
        self._telemetry.metrics.webhook_received(upstream, verdict)
        self._telemetry.log.info(
            "webhook.received",
            upstream=upstream,
            verdict=verdict.value,
            type=None if told is None else told.type[:100],
            upstream_id=None if told is None else told.upstream_id,
            job=None if job is None else job.id,
            team=None if job is None else job.team,
        )


def _job(tx: Transaction, posted: IncomingWebhook, told: WebhookEvent) -> Job | None:
    """Return the event's job; None if the gateway does not know it.

    Raises:
        OtherJob: the URL's token and the event belong to different jobs.

    """
    named = jobs.find_by_upstream_id(tx, posted.upstream, told.upstream_id)
    if posted.token is None:
        return named
    bearer = _bearer(tx, posted)
    if named is not None and (bearer is None or bearer.id != named.id):
        raise OtherJob(named.id)
    return bearer


def _hinted(tx: Transaction, posted: IncomingWebhook, told: WebhookEvent | None) -> Job | None:
    if posted.token is not None:
        return _bearer(tx, posted)
    return None if told is None else jobs.find_by_upstream_id(tx, posted.upstream, told.upstream_id)


def _bearer(tx: Transaction, posted: IncomingWebhook) -> Job | None:
    token = (posted.token or "").encode("utf-8", "surrogatepass")
    if not 0 < len(token) <= _TOKEN_LIMIT:
        return None
    job = jobs.find_by_token(tx, hashlib.sha256(token).hexdigest())
    return job if job is not None and job.upstream == posted.upstream else None


def _receipt(posted: IncomingWebhook, told: WebhookEvent, job: Job, now: int) -> Receipt:
    return Receipt(
        upstream=posted.upstream,
        upstream_id=told.upstream_id,
        job_id=job.id,
        type=told.type,
        idempotency_key=_key(posted, told),
        body_sha256=hashlib.sha256(posted.body).hexdigest(),
        received_at=now,
        raw_cost=told.news.raw_cost,
    )


def _key(posted: IncomingWebhook, told: WebhookEvent) -> str:
    """Return the event's idempotency key: a valid header, or else the contract's form."""
    given = posted.idempotency_key or ""
    return given if _PLAIN_KEY.fullmatch(given) else f"{told.upstream_id}-{told.news.status}"
