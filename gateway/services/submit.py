"""One submit: decided, written with all that belongs to it, and only then sent."""

import asyncio
import hashlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.config.live import Live
from gateway.domain.errors import Refused, StorageFailed
from gateway.domain.fingerprint import fingerprint
from gateway.domain.job import Job, new_job_id, new_token
from gateway.domain.team import Principal
from gateway.domain.units import epoch_ms
from gateway.domain.video import VideoRequest
from gateway.ports import Clock, Database, Transaction, Upstream
from gateway.services.decide import Decider, Decision, Question
from gateway.services.dedupe import Dedupe, Identity, hash_idempotency_key
from gateway.services.links import Links
from gateway.services.open_job import Opened, Opening, open_job
from gateway.services.refuse import Refusals
from gateway.services.send import Answer, Flight, Sender
from gateway.services.tasks import Tasks
from gateway.services.tell import Teller, note_crossings
from gateway.services.views import JobViews
from gateway.store import jobs
from gateway.telemetry.bundle import Telemetry

_LEASE_MARGIN = 30.0  # seconds beyond the submit timeout in which the outcome gets written

# A refusal that is being written is worth this many seconds beyond `answer_within` (4 s by default,
# while the official SDK gives up at 5 s).
_DECIDING = 0.5


@dataclass(frozen=True, slots=True)
class Call:
    """A submit as it came in: who asks, for what, and what travels beside the body."""

    principal: Principal
    request: VideoRequest
    headers: Mapping[str, str]  # only those that may be forwarded
    request_id: str
    traceparent: str | None
    zdr_header: bool = False
    fresh: bool = False  # Cache-Control: no-cache or no-store
    idempotency_key: str | None = None

    @property
    def question(self) -> Question:
        """What the decision is about."""
        return Question(self.principal, self.request, self.zdr_header)


@dataclass(frozen=True, slots=True)
class Submitted:
    """What the client is told: the job as it stands."""

    job: Job
    dedupe: Dedupe


@dataclass(slots=True, eq=False)
class _Plan:
    """A decided submit, before it is written."""

    call: Call
    upstream: Upstream
    body: bytes
    opening: Opening
    deadline: float  # monotonic, for the upstream
    opened: asyncio.Future[Opened]
    given_up: bool = False  # the client was refused before the job was written: it must not be sent


class Submitter:
    """Answers within `answer_within`, whatever the upstream does (DESIGN.md, one job's life)."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        source: random.Random,
        upstreams: Mapping[str, Upstream],
        live: Live,
        views: JobViews,
        links: Links,
        decider: Decider,
        sender: Sender,
        refusals: Refusals,
        teller: Teller,
        tasks: Tasks,
        secret: bytes,
        telemetry: Telemetry,
    ) -> None:
        """`secret`: the installation's, for fingerprints. `source`: the system's random source."""
        self._database = database
        self._clock = clock
        self._random = source
        self._upstreams = upstreams
        self._live = live
        self._views = views
        self._links = links
        self._decider = decider
        self._sender = sender
        self._refusals = refusals
        self._teller = teller
        self._tasks = tasks
        self._secret = secret
        self._telemetry = telemetry
        self._flights: dict[str, Flight] = {}

    async def submit(self, call: Call) -> Submitted:
        """Take the request on, or join the identical one that is on its way or done.

        The job's life does not hang on the caller: cancelling it cancels nothing that was begun.

        Raises:
            Refused: the gateway says no; nothing was sent.
            Relayed: the upstream said no; nothing is owed.
            StorageFailed: the job could not be written; nothing was sent.

        """
        in_force = self._live.current
        answer_by = self._clock.monotonic() + in_force.config.server.answer_within.total_seconds()
        decision = await self._decider.decide(call.question, in_force)
        try:
            if decision.refusal is not None:
                raise decision.refusal
            plan = self._plan(call, decision)
            self._tasks.spawn(self._fly(plan), f"submit {plan.opening.job.id}")
            opened = await self._opened(plan, answer_by)
        except Refused as refusal:
            await self._refusals.keep(decision, refusal, call.request_id)
            raise
        self._count(opened)
        return await self._told(opened, answer_by)

    def _count(self, opened: Opened) -> None:
        job, metrics = opened.job, self._telemetry.metrics
        metrics.decision(job.team, job.model, "accepted")
        note_crossings(self._telemetry, opened.crossings)
        metrics.dedupe(job.team, opened.dedupe)
        if opened.dedupe in (Dedupe.JOINED, Dedupe.HIT):
            saved = job.estimate_micros if job.cost_micros is None else job.cost_micros
            metrics.dollars_saved(job.team, saved)
        else:
            metrics.job_submitted(job.team, job.model, job.upstream)

    async def _told(self, opened: Opened, answer_by: float) -> Submitted:
        """The answer as far as it is known in time."""
        flight = self._flights.get(opened.job.id)
        if flight is None:
            return Submitted(opened.job, opened.dedupe)
        answer = await self._answer(flight, answer_by)
        if isinstance(answer, Job):
            return Submitted(answer, opened.dedupe)
        raise answer

    def _plan(self, call: Call, decision: Decision) -> _Plan:
        name = decision.upstream or ""
        upstream = decision.in_force.config.upstreams[name]
        submit_timeout = upstream.timeout.submit.total_seconds()
        token = new_token(self._random)
        callback_url = self._links.callback_url(name, token)
        return _Plan(
            call=call,
            upstream=self._upstreams[name],
            body=forwarded(call.request.body, callback_url, decision.previous),
            opening=Opening(
                job=self._new_job(call, decision, token, submit_timeout + _LEASE_MARGIN),
                decision=decision,
                identity=self._identity(call, decision),
                callback_url=call.request.callback_url,
            ),
            deadline=self._clock.monotonic() + submit_timeout,
            opened=asyncio.get_running_loop().create_future(),
        )

    def _new_job(self, call: Call, decision: Decision, token: str, lease: float) -> jobs.NewJob:
        now = self._clock.now()
        identity = self._identity(call, decision)
        return jobs.NewJob(
            id=new_job_id(int(now.timestamp()), self._random),
            team=call.principal.team,
            key=call.principal.key,
            upstream=decision.upstream or "",
            model=decision.model,
            created_at=epoch_ms(now),
            estimate_micros=decision.estimate_micros,
            zdr=bool(decision.zdr),
            retain=decision.retain,
            fingerprint=identity.fingerprint,
            dedupe=Dedupe.BYPASS if identity.bypass else Dedupe.MISS,
            profile=decision.profile,
            token_hash=hashlib.sha256(token.encode()).hexdigest(),
            decision="{}",
            config_version=decision.in_force.version,
            request_id=call.request_id,
            traceparent=call.traceparent,
            lease_token=new_token(self._random),
            lease_until=epoch_ms(now) + int(lease * 1000),
        )

    def _identity(self, call: Call, decision: Decision) -> Identity:
        dedupe = decision.in_force.config.teams[call.principal.team].dedupe
        key = call.idempotency_key
        return Identity(
            team=call.principal.team,
            fingerprint=fingerprint(
                self._secret,
                call.request.body,
                upstream=decision.upstream or "",
                zdr=bool(decision.zdr),
            ),
            ttl_ms=int(dedupe.ttl.total_seconds() * 1000),
            bypass=call.fresh or not dedupe.enabled,
            key_hash=None if key is None else hash_idempotency_key(key),
        )

    async def _opened(self, plan: _Plan, answer_by: float) -> Opened:
        """The written job; if that takes too long, the plan is given up and never sent."""
        left = max(answer_by - self._clock.monotonic(), 0.001)
        try:
            async with asyncio.timeout(left):
                return await asyncio.shield(plan.opened)
        except TimeoutError:
            plan.given_up = True
            raise StorageFailed("the database did not take the job in time") from None

    async def _answer(self, flight: Flight, answer_by: float) -> Answer:
        """The flight's answer if it comes in time, else the job as it stands."""
        left = max(answer_by - self._clock.monotonic(), 0.001)
        await asyncio.wait([flight.answer], timeout=left)
        if not flight.answer.done() and flight.deciding:
            await asyncio.wait([flight.answer], timeout=_DECIDING)
        if flight.answer.done() and flight.answer.exception() is None:
            return flight.answer.result()
        flight.told = True
        return flight.job

    async def _fly(self, plan: _Plan) -> None:
        """Write the intent, then send; owned by nobody's request."""
        try:
            opened = await self._database.write(self._open(plan))
        except BaseException as error:
            _fail(plan.opened, error)
            if isinstance(error, StorageFailed | Refused):
                return
            raise
        self._views.put(opened.job)
        if opened.dedupe in (Dedupe.JOINED, Dedupe.HIT):
            plan.opened.set_result(opened)
            return
        if plan.given_up:
            await self._sender.abandon(opened.job)
            return
        flight = Flight(opened.job, asyncio.get_running_loop().create_future())
        self._flights[opened.job.id] = flight
        plan.opened.set_result(opened)
        try:
            await self._sender.send(
                flight, plan.upstream, plan.body, plan.call.headers, plan.deadline
            )
        except BaseException as error:
            _fail(flight.answer, error)
            raise
        finally:
            del self._flights[opened.job.id]

    def _open(self, plan: _Plan) -> Callable[[Transaction], Opened]:
        return lambda tx: open_job(tx, plan.opening, self._teller, self._clock.now())


def forwarded(body: Mapping[str, Any], callback_url: str | None, previous: str | None) -> bytes:
    """The body that travels on: as the client wrote it, but for the two fields that are ours.

    The client's `callback_url` is never given to the upstream: it is told by the gateway.
    """
    onward = {name: value for name, value in body.items() if name != "callback_url"}
    if callback_url is not None:
        onward["callback_url"] = callback_url
    if previous is not None:
        onward["previous_job_id"] = previous
    return orjson.dumps(onward)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    """Let whoever waits know; an error that nobody waits for is reported by the task's owner."""
    if not future.done():
        if isinstance(error, asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)
            future.exception()  # marks it as seen
