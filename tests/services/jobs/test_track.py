"""The only writer of a job's status: late, repeated and wrong updates."""

import asyncio

import pytest

from gateway.domain.job import Cause, Job, JobUpdate, Status
from gateway.domain.upstream import Accepted
from gateway.ports import Database
from gateway.store import job_content
from tests.services.books import Books, in_force

CENT = 10_000
DAY = "organisation/day@1795305600000"


@pytest.fixture
async def books(database: Database) -> Books:
    return Books(database, in_force({"budgets": [{"period": "day", "limit_usd": 10}]}))


async def money(books: Books) -> tuple[int, int]:
    """Return the spent and reserved amounts of the day."""
    return (await books.windows("organisation%"))[DAY]


async def given_up(books: Books) -> Job:
    """Create a job whose outcome stayed unknown past `unknown_ttl`."""
    job = (await books.submit("red", 5 * CENT)).job
    await books.lose(job)
    return await books.tracker.assumed(job.id)


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.EXPIRED])
async def test_an_assumed_job_is_refunded_if_it_failed(books: Books, status: Status) -> None:
    """The event of a failed job never has a cost (docs/openrouter-contract.md section 7)."""
    job = await given_up(books)
    assert await money(books) == (5 * CENT, 0)

    await books.end(job.id, status)
    await books.end(job.id, status)

    assert await money(books) == (0, 0)
    after = await books.find(job.id)
    assert (after.status, after.cause, after.cost_micros) == (Status.FAILED, Cause.ASSUMED, 0)
    assert await books.broken() == []


async def test_an_assumed_job_keeps_its_estimate_if_it_completed(
    books: Books,
) -> None:
    """A completed job without a cost is not free; a later cost counts."""
    job = await given_up(books)

    await books.end(job.id, Status.COMPLETED)
    assert await money(books) == (5 * CENT, 0)
    await books.end(job.id, Status.COMPLETED, "0.02")

    assert await money(books) == (2 * CENT, 0)
    assert await books.broken() == []


async def test_an_assumed_job_is_refunded_if_it_was_refused(
    books: Books,
) -> None:
    """A process that was suspended for 15 minutes still knows the upstream's answer."""
    job = await given_up(books)

    await books.refuse(job)
    await books.refuse(job)

    assert await money(books) == (0, 0)
    assert (await books.find(job.id)).status is Status.FAILED
    assert await books.broken() == []


async def test_an_upstream_id_is_recorded_even_for_an_assumed_job(
    books: Books,
) -> None:
    job = await given_up(books)

    after = await books.accept(job)

    assert after.status is Status.FAILED
    assert after.upstream_id == f"up-{job.id}"
    assert await books.broken() == []


async def test_an_id_of_another_job_is_not_bound_and_not_retried(
    books: Books,
) -> None:
    """If an upstream returns an id twice, one team must not get another team's video."""
    first = (await books.submit("red", CENT)).job
    second = (await books.submit("blue", CENT)).job
    shared = Accepted("up-shared", Status.PENDING)
    await books.tracker.accepted(first, 1, shared)

    async with asyncio.timeout(10):
        after = await books.tracker.accepted(second, 1, shared)

    assert (after.status, after.upstream_id) == (Status.UNKNOWN, None)
    assert (await books.find(first.id)).upstream_id == "up-shared"
    assert await books.broken() == []


async def test_a_correction_is_not_lost_to_a_concurrent_change(
    books: Books,
) -> None:
    """In PostgreSQL's READ COMMITTED the row may change between the read and the write."""
    job = (await books.submit("red", 5 * CENT)).job
    await books.accept(job)
    seen = await books.end(job.id, Status.COMPLETED, "0.05")
    assert await books.database.write(lambda tx: job_content.lose(tx, job.id))
    news = JobUpdate(Status.COMPLETED, raw_cost="0.03", is_byok=False, outputs=1)

    await books.database.write(
        lambda tx: books.tracker.told(tx, seen, seen.upstream_id or "", news)
    )

    after = await books.find(job.id)
    assert (after.cost_micros, after.raw_cost, after.content_gone) == (3 * CENT, "0.03", True)
    assert await money(books) == (3 * CENT, 0)
    assert await books.broken() == []


async def test_an_upstreams_error_names_the_job_by_the_gateways_id(database: Database) -> None:
    books = Books(database, in_force({}))
    job = await books.accept((await books.submit("red", 10)).job)
    words = f"Job {job.upstream_id} failed, see https://up.example/{job.upstream_id}"

    after = await books.tracker.learned(job.id, JobUpdate(Status.FAILED, error=words))

    assert after.error == f"Job {job.id} failed, see https://up.example/{job.id}"
