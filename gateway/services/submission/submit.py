"""Handle one submit: decide, write the job with its reservation, then send it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from gateway.config.live import Live
from gateway.domain.errors import Reason, Refused, StorageFailed
from gateway.domain.job import Job
from gateway.domain.routing import zdr_unavailable
from gateway.ports import Clock, Database, Transaction
from gateway.services.events.publish import EventPublisher, note_crossings
from gateway.services.job_cache import JobCache
from gateway.services.money import reserve
from gateway.services.money.coverage import bring_into_force, in_force
from gateway.services.submission.call import Call
from gateway.services.submission.decide import Decider, Decision
from gateway.services.submission.dedupe import DedupeResult
from gateway.services.submission.flight import Answer, Flight
from gateway.services.submission.open_job import Opened, open_job
from gateway.services.submission.prepare import Preparer
from gateway.services.submission.refuse import Refusals
from gateway.services.submission.send import UpstreamSubmitter
from gateway.services.tasks import Tasks
from gateway.telemetry.bundle import Telemetry

# Seconds beyond `answer_within` to wait for a refusal that is being written (4 s by default; the
# official SDK times out after 5 s).
_DECIDING = 0.5


class Submitter:
    """Answers within `answer_within`, whatever the upstream does.

    See docs/architecture.md, one job's life.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        live: Live,
        job_cache: JobCache,
        decider: Decider,
        preparer: Preparer,
        sender: UpstreamSubmitter,
        refusals: Refusals,
        publisher: EventPublisher,
        tasks: Tasks,
        telemetry: Telemetry,
    ) -> None:
        """Create a submitter; `tasks` owns every running submit."""
        self._database = database
        self._clock = clock
        self._live = live
        self._job_cache = job_cache
        self._decider = decider
        self._preparer = preparer
        self._sender = sender
        self._refusals = refusals
        self._publisher = publisher
        self._tasks = tasks
        self._telemetry = telemetry
        self._flights: dict[str, Flight] = {}

    async def submit(self, call: Call) -> Opened:
        """Create a job, or join the identical one that is running or completed; return it.

        Cancelling the caller does not cancel a submit that has started.

        Raises:
            Refused: the gateway refuses; nothing was sent.
            Relayed: the upstream refused; nothing is charged.
            StorageFailed: the job could not be written; nothing was sent.

        """
        within = self._live.config.server.answer_within.total_seconds()
        answer_by = self._clock.monotonic() + within
        team = self._live.config.teams.get(call.principal.team)
        if team is not None:
            self._refusals.admit(call.principal.team, team.limits.requests_per_minute)
        decision = await self._decided(call, answer_by)
        try:
            flight = await self._prepared(decision)
            if call.body_lease is not None:
                call.body_lease.transferred = True
            self._tasks.spawn(self._fly(flight), f"submit {flight.opening.job.id}")
            opened = await self._opened(flight, answer_by)
        except Refused as refusal:
            record = self._refusals.keep(decision, refusal, call.request_id)
            kept = self._tasks.spawn(record, "record of a refusal")
            await asyncio.wait([kept], timeout=self._left(answer_by))  # the record is optional
            raise reserve.as_seen_by_team(refusal) from refusal
        self._count(opened)
        return await self._current(opened, answer_by)

    async def _decided(self, call: Call, answer_by: float) -> Decision:
        try:
            async with asyncio.timeout(self._left(answer_by)):
                return await self._decider.decide(call, self._live.current)
        except TimeoutError:
            raise StorageFailed("the database did not answer in time") from None

    async def _prepared(self, decision: Decision) -> Flight:
        if decision.refusal is not None:
            raise decision.refusal
        if decision.upstream is None:
            raise StorageFailed("a decision has neither an upstream nor a refusal")
        flight = await self._preparer.prepare(decision.call, decision, decision.upstream)
        # A reload may have replaced the upstream of this name by one that is not ZDR.
        present = self._live.config.upstreams.get(decision.upstream)
        if decision.zdr and present is not None and not present.zdr:
            why = f"the upstream {decision.upstream} is no longer configured as ZDR"
            raise zdr_unavailable(decision.zdr, why)
        return flight

    async def _opened(self, flight: Flight, answer_by: float) -> Opened:
        """Wait for the job to be written; after `answer_by` the submit is given up, never sent."""
        try:
            async with asyncio.timeout(self._left(answer_by)):
                return await asyncio.shield(flight.opened)
        except TimeoutError:
            if flight.opened.done():  # written at the last moment: the submit runs, so report it
                return flight.opened.result()
            flight.given_up = True
            raise StorageFailed("the database did not write the job in time") from None

    async def _current(self, opened: Opened, answer_by: float) -> Opened:
        """Return what is known of the submit at `answer_by`."""
        flight = self._flights.get(opened.job.id)
        if flight is None:
            return opened
        answer = await self._answer(flight, answer_by)
        if isinstance(answer, Job):
            return replace(opened, job=answer)
        raise answer

    async def _answer(self, flight: Flight, answer_by: float) -> Answer:
        """Return the flight's answer if it comes in time, otherwise the job as it was written.

        A written job has an id, so the client gets it even if the flight failed.
        """
        await asyncio.wait([flight.answer], timeout=self._left(answer_by))
        if not flight.answer.done() and flight.deciding:
            await asyncio.wait([flight.answer], timeout=_DECIDING)
        landed = flight.answer.done() and not flight.answer.cancelled()
        if landed and flight.answer.exception() is None:
            return flight.answer.result()
        flight.told = True
        return flight.job

    async def _fly(self, flight: Flight) -> None:
        """Write the job, then send it; the client's request may end earlier."""
        lease = flight.call.body_lease
        try:
            opened = await self._written(flight)
            if opened is not None:
                await self._sent(flight, opened)
        finally:
            if lease is not None:
                lease.release()

    async def _written(self, flight: Flight) -> Opened | None:
        """Write or join the job; None if it was refused or is not known to be written."""
        try:
            return await self._database.write(self._open(flight))
        except BaseException as error:
            _fail(flight.opened, error)
            if isinstance(error, StorageFailed):
                await self._sender.disown(flight.opening.job.id, flight.deadline)
            elif isinstance(error, Refused):
                await self._open_windows(flight, error)
            else:
                raise
        return None

    async def _sent(self, flight: Flight, opened: Opened) -> None:
        self._job_cache.put(opened.job)
        if opened.dedupe in (DedupeResult.JOINED, DedupeResult.HIT):
            flight.opened.set_result(opened)
            return
        self._preparer.wrote(flight)
        if flight.given_up:
            await self._sender.abandon(opened.job)
            return
        self._flights[opened.job.id] = flight
        flight.opened.set_result(opened)
        try:
            await self._sender.send(flight)
        except BaseException as error:
            _fail(flight.answer, error)
            raise
        finally:
            del self._flights[opened.job.id]

    async def _open_windows(self, flight: Flight, refusal: Refused) -> None:
        """Create the windows of new budgets, whose creation the refusal rolled back."""
        if refusal.reason is not Reason.BUDGET_EXCEEDED:
            return
        budgets, now = flight.opening.decision.budgets, self._clock.now()
        with suppress(StorageFailed):  # the next refusal will try again
            if not await self._database.read(lambda tx: in_force(tx, budgets, now)):
                await self._database.write(lambda tx: bring_into_force(tx, budgets, now))

    def _open(self, flight: Flight) -> Callable[[Transaction], Opened]:
        return lambda tx: open_job(tx, flight.opening, self._publisher, self._clock.now())

    def _count(self, opened: Opened) -> None:
        job, metrics = opened.job, self._telemetry.metrics
        metrics.decision(job.team, job.model, "accepted")
        note_crossings(self._telemetry, opened.crossings)
        metrics.dedupe(job.team, opened.dedupe)
        if opened.dedupe in (DedupeResult.JOINED, DedupeResult.HIT):
            saved = job.estimate_micros if job.cost_micros is None else job.cost_micros
            metrics.dollars_saved(job.team, saved)
        else:
            metrics.job_submitted(job.team, job.model, job.upstream)

    def _left(self, answer_by: float) -> float:
        return max(answer_by - self._clock.monotonic(), 0.001)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    """Pass the error to waiters; without any, the owner of the task reports it."""
    if not future.done():
        if isinstance(error, asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)
            future.exception()  # marks it as seen
