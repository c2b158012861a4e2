"""Joining a job while it ends: the joined job cannot change in between."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from gateway.adapters.postgres import PostgresDatabase
from gateway.domain.errors import Refused
from gateway.domain.job import Cause, Job, Status
from gateway.domain.units import epoch_ms
from gateway.ports import Database, Transaction, Value
from gateway.services.submission.dedupe import DedupeResult, Identity, worth_joining
from gateway.services.submission.open_job import Opened, open_job
from gateway.store import events, jobs
from gateway.store.jobs import Ending
from tests.fakes.transactions import WatchedTransaction
from tests.services.books import Books, in_force

SAME = "f" * 64
DAY = 24 * 3600 * 1000


@pytest.fixture
async def shared(postgres_url: str) -> Books:
    """Books on PostgreSQL, where two transactions run concurrently."""
    database = await PostgresDatabase.open(postgres_url)
    return Books(database, in_force({}))


async def ending(books: Books, job: Job, go: threading.Event) -> "asyncio.Task[None]":
    """Refuse the job in a transaction that stays open until `go` is set."""
    written = asyncio.Event()
    loop = asyncio.get_running_loop()

    def late(sql: str, _params: Mapping[str, Value]) -> None:
        if "DELETE FROM dedupe" in sql or "DELETE FROM fingerprints" in sql:
            loop.call_soon_threadsafe(written.set)
            assert go.wait(10)

    def act(tx: Transaction) -> None:
        ending = Ending(Status.FAILED, Cause.REFUSED, error="no")
        books.ender.end(WatchedTransaction(tx, late), job, ending)

    task = asyncio.create_task(books.database.write(act))
    await written.wait()
    return task


async def while_it_ends(
    books: Books, job: Job, then: Callable[[], "asyncio.Task[Opened]"]
) -> Opened:
    go = threading.Event()
    end = await ending(books, job, go)
    joining = then()
    await asyncio.wait([joining], timeout=0.3)  # it must wait for the lock on the job's row
    go.set()
    await end
    return await joining


async def test_a_job_that_is_being_refused_is_not_joined(shared: Books) -> None:
    """Otherwise the client would get a job that failed before the request."""
    first = (await shared.submit("red", 1, fingerprint=SAME)).job

    opened = await while_it_ends(
        shared,
        first,
        lambda: asyncio.create_task(shared.submit("red", 1, fingerprint=SAME)),
    )

    assert opened.dedupe is DedupeResult.MISS
    assert opened.job.id != first.id
    assert await shared.broken() == []
    await shared.database.close()


async def test_an_idempotency_key_never_refers_to_a_refused_job(shared: Books) -> None:
    """Otherwise the client would get that failure for a day."""
    first = (await shared.submit("red", 1, fingerprint=SAME)).job
    key = Identity("red", SAME, DAY, key_hash="k")

    def submit(number: int) -> "asyncio.Task[Opened]":
        opening = replace(shared.opening(number, "red", 1, "ci", "x/one", SAME), identity=key)
        now = shared.clock.now()
        return asyncio.create_task(
            shared.database.write(lambda tx: open_job(tx, opening, shared.publisher, now))
        )

    opened = await while_it_ends(shared, first, lambda: submit(50))
    again = await submit(51)

    assert opened.job.status is Status.SUBMITTING
    assert again.job.id == opened.job.id
    await shared.database.close()


async def test_a_running_job_is_joined_at_any_age(database: Database) -> None:
    """A second running job would be paid twice; the ttl applies only to completed jobs."""
    books = Books(database, in_force({}))
    first = (await books.submit("red", 1, fingerprint=SAME)).job
    await books.clock.advance(2 * DAY / 1000)

    joined = await books.submit("red", 1, fingerprint=SAME)
    await books.accept(first)
    await books.end(first.id, Status.COMPLETED, "0.01")
    bought = await books.submit("red", 1, fingerprint=SAME)

    assert (joined.job.id, joined.dedupe) == (first.id, DedupeResult.JOINED)
    assert (bought.job.id == first.id, bought.dedupe) == (False, DedupeResult.MISS)
    assert await books.broken() == []


async def test_a_job_whose_video_is_gone_or_that_failed_is_not_worth_joining(
    database: Database,
) -> None:
    books = Books(database, in_force({}))
    job = (await books.submit("red", 1)).job
    now = epoch_ms(books.clock.now())

    assert worth_joining(job, DAY, now)
    assert not worth_joining(replace(job, status=Status.FAILED), DAY, now)
    done = replace(job, status=Status.COMPLETED)
    assert worth_joining(done, DAY, now + DAY - 1)
    assert not worth_joining(done, DAY, now + DAY)
    assert not worth_joining(replace(done, content_gone=True), DAY, now)


async def test_a_joined_job_is_marked_as_announced(database: Database) -> None:
    """Subscribers then get the job's end even if it is a refusal."""
    books = Books(database, in_force({}))
    job = (await books.submit("red", 1, fingerprint=SAME)).job
    assert not job.announced

    await books.submit("red", 1, fingerprint=SAME)

    found = await database.read(lambda tx: jobs.find(tx, job.id))
    assert found is not None
    assert found.announced


async def test_the_callbacks_of_one_job_are_limited(
    database: Database,
) -> None:
    books = Books(database, in_force({}))
    job = (await books.submit("red", 10, fingerprint=SAME)).job

    def joined(number: int) -> Callable[[Transaction], Opened]:
        same = books.opening(number + 2, "red", 10, "ci", "x/one", SAME)
        opening = replace(same, callback_url=f"https://host{number}.example/")
        return lambda tx: open_job(tx, opening, books.publisher, books.clock.now())

    def many(tx: Transaction) -> None:
        for number in range(1000):
            joined(number)(tx)

    await database.write(many)

    with pytest.raises(Refused) as refused:
        await database.write(joined(1000))

    assert refused.value.details["field"] == "callback_url"
    assert (await database.write(joined(999))).job.id == job.id, "a retry still gets its job"
    told = await database.read(lambda tx: events.subscribed(tx, job.id))
    assert len(told) == 1000
