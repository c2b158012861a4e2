"""Sending a submit: retried only if no job was created and the lease is still held."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from gateway.domain.content import RangeRequest
from gateway.domain.errors import Relayed
from gateway.domain.job import Cause, Job, Status
from gateway.domain.upstream import (
    Accepted,
    CatalogFailed,
    Declined,
    NotSent,
    PollOutcome,
    SubmitOutcome,
)
from gateway.ports import ContentStream, Database
from gateway.services.submission.flight import Answer
from gateway.services.submission.send import UpstreamSubmitter
from tests.fakes.clock import FakeClock, settle
from tests.fakes.database import Outage
from tests.harness import until
from tests.services.books import Books, in_force


class Scripted:
    """An upstream with scripted answers that counts requests."""

    name = "main"

    def __init__(self, *answers: SubmitOutcome | Exception) -> None:
        self.answers = list(answers)
        self.posts = 0

    async def submit(
        self,
        body: bytes,
        headers: Mapping[str, str],
        *,
        timeout: float,
    ) -> SubmitOutcome:
        assert timeout > 0
        self.posts += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def poll(self, upstream_id: str) -> PollOutcome:
        raise NotImplementedError

    def content(
        self, upstream_id: str, index: int, wanted: RangeRequest | None = None
    ) -> AbstractAsyncContextManager[ContentStream]:
        raise NotImplementedError

    async def models(self) -> CatalogFailed:
        return CatalogFailed("never asked")


BUSY = Declined(429, {"message": "busy", "code": 429}, 5)
TAKEN = Accepted("up-1", Status.PENDING)


@pytest.fixture
async def books(database: Database) -> Books:
    return Books(database, in_force({"budgets": [{"period": "day", "limit_usd": 10}]}))


Send = Callable[..., "asyncio.Task[Answer]"]


@pytest.fixture
async def send(books: Books) -> AsyncIterator[Send]:
    """Return a function that starts sending a job and returns a task with its answer."""
    tasks: list[asyncio.Task[Any]] = []

    def begin(job: Job, upstream: Scripted, seconds: float = 60.0) -> "asyncio.Task[Answer]":
        sender = UpstreamSubmitter(books.database, books.clock, books.tracker)

        async def run() -> Answer:
            flight = books.flight(job, upstream, seconds)
            await sender.send(flight)
            return await flight.answer

        task = asyncio.create_task(run())
        tasks.append(task)
        return task

    yield begin
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)


async def asleep(clock: FakeClock) -> None:
    """Wait until a task sleeps on the clock."""

    async def waits() -> bool:
        return clock.sleepers > 0

    await until(waits)


async def test_a_transient_refusal_is_retried(books: Books, send: Send) -> None:
    job = (await books.submit("red", 1000)).job
    upstream = Scripted(BUSY, TAKEN)
    sending = send(job, upstream)
    await asleep(books.clock)
    await books.clock.advance(5)

    answer = await sending

    assert isinstance(answer, Job)
    assert answer.status is Status.PENDING
    assert upstream.posts == 2


@pytest.mark.parametrize("given_up", [False, True])
async def test_a_job_resolved_as_an_orphan_is_not_sent_again(
    books: Books, send: Send, given_up: bool
) -> None:
    """The process was suspended past its lease, so an identical request may have been sent."""
    job = (await books.submit("red", 1000)).job
    upstream = Scripted(BUSY, TAKEN)
    sending = send(job, upstream)
    await asleep(books.clock)
    await books.tracker.orphaned(job.id)
    if given_up:
        await books.tracker.assumed(job.id)
    await books.clock.advance(5)

    await sending

    assert upstream.posts == 1
    after = await books.find(job.id)
    assert after.status is Status.FAILED
    assert await books.broken() == []


async def test_nothing_is_sent_after_the_deadline(books: Books, send: Send) -> None:
    job = (await books.submit("red", 1000)).job
    upstream = Scripted(TAKEN)

    await send(job, upstream, seconds=0)

    assert upstream.posts == 0
    assert (await books.find(job.id)).status is Status.FAILED
    assert await books.windows("organisation%") == {"organisation/day@1795305600000": (0, 0)}


async def test_an_adapter_that_raises_leaves_the_outcome_unknown_at_once(
    books: Books, send: Send
) -> None:
    """It does not wait for the lease: the reservation stays, and nothing is sent again."""
    job = (await books.submit("red", 1000)).job
    upstream = Scripted(RuntimeError("a bug"))

    answer = await send(job, upstream)

    assert isinstance(answer, Job)
    assert answer.status is Status.UNKNOWN
    assert upstream.posts == 1


async def test_an_unreachable_upstream_is_tried_three_times(books: Books, send: Send) -> None:
    job = (await books.submit("red", 1000)).job
    upstream = Scripted(*[NotSent("refused")] * 3)
    sending = send(job, upstream)
    for _ in range(2):
        await asleep(books.clock)
        await books.clock.advance(1)
        await settle()

    await sending

    assert upstream.posts == 3
    assert (await books.find(job.id)).status is Status.FAILED
    assert await books.broken() == []


async def test_a_client_with_the_job_id_gets_the_event_of_a_late_refusal(
    database: Database,
) -> None:
    """The refusal was not written in time, so the client has a job and gets its end."""
    hook = {"name": "all", "url": "https://hooks.example/", "secret": "a-secret-of-the-subscriber"}
    outage = Outage()
    books = Books(outage.around(database), in_force({"webhooks": [hook]}))
    job = (await books.submit("red", 1000)).job
    no = Declined(400, {"message": "no", "code": 400})
    flight = books.flight(job, Scripted(no))
    sender = UpstreamSubmitter(books.database, books.clock, books.tracker)
    outage.down = True
    sending = asyncio.create_task(sender.send(flight))
    await asleep(books.clock)

    flight.told = True
    outage.down = False
    await books.clock.advance(1)
    await sending

    assert (await books.find(job.id)).announced
    owed = await database.read(lambda tx: tx.fetch("SELECT endpoint FROM deliveries"))
    assert len(owed) == 1


async def test_a_shutdown_while_waiting_to_retry_leaves_the_job_refused(
    books: Books, send: Send
) -> None:
    """The refusal is known, so nothing may be charged."""
    job = (await books.submit("red", 1000)).job
    sending = send(job, Scripted(BUSY, TAKEN))
    await asleep(books.clock)

    sending.cancel()
    await asyncio.wait([sending])

    ended = await books.find(job.id)
    assert (ended.status, ended.cause) == (Status.FAILED, Cause.REFUSED)
    assert set((await books.windows()).values()) == {(0, 0)}
    assert await books.broken() == []


async def test_a_crash_while_waiting_to_retry_leaves_the_job_refused(
    books: Books, send: Send
) -> None:
    job = (await books.submit("red", 1000)).job
    send(job, Scripted(BUSY, TAKEN))
    await asleep(books.clock)

    ended = await books.tracker.orphaned(job.id)  # as crash recovery does

    assert (ended.status, ended.cause) == (Status.FAILED, Cause.REFUSED)
    assert set((await books.windows()).values()) == {(0, 0)}
    assert await books.broken() == []


async def test_a_crash_during_the_upstream_call_leaves_the_job_unknown(books: Books) -> None:
    job = (await books.submit("red", 1000)).job

    assert (await books.tracker.orphaned(job.id)).status is Status.UNKNOWN


async def test_a_transient_refusal_is_retried_at_most_three_times(books: Books, send: Send) -> None:
    job = (await books.submit("red", 1000)).job
    upstream = Scripted(*[BUSY] * 10)
    sending = send(job, upstream)

    while not sending.done():
        await asyncio.sleep(0)
        if books.clock.sleepers:
            await books.clock.advance(5)

    assert isinstance(await sending, Relayed)
    assert upstream.posts == 4
