"""One submit: decided, written with all that belongs to it, and only then sent."""

import asyncio
import hashlib
import random
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from gateway.config.live import Live
from gateway.domain.errors import Reason, Refused, StorageFailed
from gateway.domain.fingerprint import Fingerprint, fingerprint
from gateway.domain.job import Job, JobId, Status, new_job_id, new_token
from gateway.domain.team import Principal
from gateway.domain.units import epoch_ms
from gateway.domain.video import VideoRequest
from gateway.ports import Clock, Database, Transaction, Upstream
from gateway.services.links import Links
from gateway.services.send import Answer, Flight, Sender
from gateway.services.tasks import Tasks
from gateway.services.views import JobViews
from gateway.store import jobs
from gateway.telemetry import Telemetry

_LEASE_MARGIN = 30.0  # seconds beyond the submit timeout in which the outcome gets written


class Dedupe(StrEnum):
    """`X-Gateway-Dedupe`: how a submit met the identical ones before it."""

    MISS = "miss"
    JOINED = "joined"


@dataclass(frozen=True, slots=True)
class Call:
    """A submit as it came in: who asks, for what, and what travels beside the body."""

    principal: Principal
    request: VideoRequest
    headers: Mapping[str, str]  # only those that may be forwarded
    request_id: str
    traceparent: str | None


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
    new_job: jobs.NewJob
    deadline: float  # monotonic, for the upstream
    opened: asyncio.Future[Job | JobId]  # the new job, or the id of the one that was joined
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
        sender: Sender,
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
        self._sender = sender
        self._tasks = tasks
        self._secret = secret
        self._telemetry = telemetry
        self._flights: dict[str, Flight] = {}

    async def submit(self, call: Call) -> Submitted:
        """Take the request on, or join the identical one that is on its way.

        The job's life does not hang on the caller: cancelling it cancels nothing that was begun.

        Raises:
            Refused: the gateway says no; nothing was sent.
            Relayed: the upstream said no; nothing is owed.
            StorageFailed: the job could not be written; nothing was sent.

        """
        config, _ = self._live.take()
        answer_by = self._clock.monotonic() + config.server.answer_within.total_seconds()
        plan = await self._plan(call)
        self._tasks.spawn(self._fly(plan), f"submit {plan.new_job.id}")
        opened = await self._opened(plan, answer_by)
        if isinstance(opened, Job):
            flight, dedupe = self._flights.get(opened.id), Dedupe.MISS
        else:
            flight, dedupe = self._flights.get(opened), Dedupe.JOINED
        if flight is None:
            return Submitted(await self._known(opened), dedupe)
        answer = await self._answer(flight, answer_by)
        if isinstance(answer, Job):
            return Submitted(answer, dedupe)
        raise answer

    async def _plan(self, call: Call) -> _Plan:
        config, version = self._live.take()
        team = config.teams[call.principal.team]
        now = self._clock.now()
        name, previous = await self._route(call)
        upstream = config.upstreams[name]
        submit_timeout = upstream.timeout.submit.total_seconds()
        token = new_token(self._random)
        new_job = jobs.NewJob(
            id=new_job_id(int(now.timestamp()), self._random),
            team=call.principal.team,
            key=call.principal.key,
            upstream=name,
            model=call.request.model,
            created_at=epoch_ms(now),
            estimate_micros=0,
            zdr=call.request.zdr,
            retain=team.retain,
            fingerprint=self._fingerprint(call, name),
            token_hash=hashlib.sha256(token.encode()).hexdigest(),
            decision="{}",
            config_version=version,
            request_id=call.request_id,
            traceparent=call.traceparent,
            lease_token=new_token(self._random),
            lease_until=epoch_ms(now) + int((submit_timeout + _LEASE_MARGIN) * 1000),
        )
        return _Plan(
            call=call,
            upstream=self._upstreams[name],
            body=forwarded(call.request.body, self._links.callback_url(name, token), previous),
            new_job=new_job,
            deadline=self._clock.monotonic() + submit_timeout,
            opened=asyncio.get_running_loop().create_future(),
        )

    async def _route(self, call: Call) -> tuple[str, str | None]:
        """The upstream's name, and the upstream's id of the job that this one continues."""
        config = self._live.config
        previous_id = call.request.previous_job_id
        if previous_id is not None:
            previous = await self._views.get(previous_id, call.principal.team)
            if previous is None:
                raise Refused(
                    Reason.JOB_NOT_FOUND,
                    f"previous_job_id: Job {previous_id} not found",
                    {"field": "previous_job_id"},
                )
            if previous.status is not Status.COMPLETED or previous.upstream_id is None:
                raise Refused(
                    Reason.INVALID_REQUEST,
                    f"previous_job_id: job {previous_id} is {previous.status.on_the_wire};"
                    " only a completed job can be continued",
                    {"field": "previous_job_id", "status": previous.status.on_the_wire},
                )
            return previous.upstream, previous.upstream_id
        return config.routing[0].to, None

    def _fingerprint(self, call: Call, upstream: str) -> Fingerprint:
        request = call.request
        return fingerprint(self._secret, request.body, upstream=upstream, zdr=request.zdr)

    async def _opened(self, plan: _Plan, answer_by: float) -> Job | JobId:
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

    async def _known(self, opened: Job | JobId) -> Job:
        if isinstance(opened, Job):
            return opened
        job = await self._views.get(opened, None)
        if job is None:
            raise StorageFailed(f"job {opened} is not in the database")
        return job

    async def _fly(self, plan: _Plan) -> None:
        """Write the intent, then send; owned by nobody's request."""
        try:
            opened = await self._database.write(lambda tx: _open(tx, plan.new_job))
        except BaseException as error:
            _fail(plan.opened, error)
            if isinstance(error, StorageFailed):
                return
            raise
        if not isinstance(opened, Job):
            plan.opened.set_result(opened)
            return
        self._views.put(opened)
        if plan.given_up:
            await self._sender.abandon(opened)
            return
        flight = Flight(opened, asyncio.get_running_loop().create_future())
        self._flights[opened.id] = flight
        plan.opened.set_result(opened)
        try:
            await self._sender.send(
                flight, plan.upstream, plan.body, plan.call.headers, plan.deadline
            )
        except BaseException as error:
            _fail(flight.answer, error)
            raise
        finally:
            del self._flights[opened.id]


# A refusal that is being written is worth this many seconds beyond `answer_within` (4 s by default,
# while the official SDK gives up at 5 s).
_DECIDING = 0.5


def forwarded(
    body: Mapping[str, Any], callback_url: str | None, previous: str | None
) -> bytes:
    """The body that travels on: as the client wrote it, but for the two fields that are ours.

    The client's `callback_url` is never given to the upstream: it is told by the gateway.
    """
    onward = {name: value for name, value in body.items() if name != "callback_url"}
    if callback_url is not None:
        onward["callback_url"] = callback_url
    if previous is not None:
        onward["previous_job_id"] = previous
    return orjson.dumps(onward)


def _open(tx: Transaction, new_job: jobs.NewJob) -> Job | JobId:
    """Write the job, or name the one that the same request is already."""
    holder = jobs.claim_fingerprint(tx, new_job.team, new_job.fingerprint, new_job.id)
    if holder is not None:
        jobs.announce(tx, holder)
        return holder
    jobs.insert(tx, new_job)
    jobs.start_attempt(tx, new_job.id, 1, now=new_job.created_at)
    job = jobs.find(tx, new_job.id)
    if job is None:
        raise StorageFailed("a job that was just written is not there")
    return job


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    """Let whoever waits know; an error that nobody waits for is reported by the task's owner."""
    if not future.done():
        if isinstance(error, asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)
            future.exception()  # marks it as seen
