"""Operators end and settle jobs: once, audited, with a consistent ledger."""

import pytest

from gateway.domain.audit import Actor
from gateway.domain.errors import Refused
from gateway.domain.job import Status
from gateway.ports import Database
from gateway.services.jobs.operate import JobOperator
from gateway.store import audit, disputes
from tests.services.books import Books, in_force

CENT = 10_000  # micro-dollars
LIMIT = {"period": "day", "limit_usd": "5"}
ALICE = Actor("alice", "test")


@pytest.fixture
def books(database: Database) -> Books:
    return Books(database, in_force({"budgets": [LIMIT]}))


def operator(books: Books) -> JobOperator:
    return JobOperator(books.database, books.clock, books.ender, books.tracker)


async def spent(books: Books) -> tuple[int, int]:
    return (await books.windows("organisation/%")).popitem()[1]


async def acts(books: Books) -> list[str]:
    page = await books.database.read(lambda tx: audit.after(tx, 0, 100))
    return [record.entry.act for record in page]


@pytest.mark.parametrize(
    ("cost", "left"), [(None, 3 * CENT), (0, 0), (2 * CENT, 2 * CENT), (9 * CENT, 9 * CENT)]
)
async def test_an_open_job_is_ended_at_the_stated_cost(
    books: Books, cost: int | None, left: int
) -> None:
    job = (await books.submit("red", 3 * CENT)).job
    await books.lose(job)

    for _ in range(2):
        ended = await operator(books).end(job.id, cost, ALICE, "the upstream lost it")

    assert (ended.status, ended.cause) == (Status.FAILED, "operator")
    assert await spent(books) == (left, 0)
    assert await acts(books) == ["job.ended"]
    assert await books.types() == ["video.generation.failed"]
    assert await books.broken() == []


async def test_a_later_cost_corrects_a_job_that_an_operator_ended(books: Books) -> None:
    job = (await books.submit("red", 3 * CENT)).job
    await books.accept(job)
    await operator(books).end(job.id, 0, ALICE, "wedged")

    late = await books.end(job.id, Status.COMPLETED, "0.02")

    assert late.status is Status.FAILED
    assert await spent(books) == (2 * CENT, 0)
    assert await books.broken() == []


async def test_an_ended_job_cannot_be_ended_again(books: Books) -> None:
    job = (await books.submit("red", 3 * CENT)).job
    await books.accept(job)
    await books.end(job.id, Status.COMPLETED, "0.02")

    with pytest.raises(Refused, match="already completed"):
        await operator(books).end(job.id, 0, ALICE, "why not")


async def test_an_assumed_job_is_settled_at_the_stated_cost(books: Books) -> None:
    job = (await books.submit("red", 3 * CENT)).job
    await books.lose(job)
    await books.tracker.assumed(job.id)

    for _ in range(2):
        settled = await operator(books).settle(job.id, CENT, ALICE, "the invoice says so")

    assert settled.cost_micros == CENT
    assert await spent(books) == (CENT, 0)
    assert await acts(books) == ["budget.corrected"]
    assert await books.broken() == []


async def test_a_disputed_cost_is_accepted(books: Books) -> None:
    job = (await books.submit("red", CENT)).job
    await books.accept(job)
    await books.end(job.id, Status.COMPLETED, "4.5")

    await operator(books).settle(job.id, None, ALICE, "a long video")

    assert await books.database.read(disputes.unsettled) == []
    assert await spent(books) == (450 * CENT, 0)
    assert await acts(books) == ["bill.accepted"]


async def test_a_corrected_dispute_stays_corrected_if_the_upstream_repeats_its_cost(
    books: Books,
) -> None:
    job = (await books.submit("red", CENT)).job
    await books.accept(job)
    await books.end(job.id, Status.COMPLETED, "48.5")

    await operator(books).settle(job.id, 2 * CENT, ALICE, "they confirmed two cents")
    await books.end(job.id, Status.COMPLETED, "48.5")

    assert await books.database.read(disputes.unsettled) == []
    assert await spent(books) == (2 * CENT, 0)
    await books.submit("red", CENT)
    assert await books.broken() == []


async def test_an_undisputed_cost_is_not_settled_by_hand(books: Books) -> None:
    job = (await books.submit("red", CENT)).job
    await books.accept(job)
    await books.end(job.id, Status.COMPLETED, "0.01")

    with pytest.raises(Refused, match="the upstream has reported its cost"):
        await operator(books).settle(job.id, 2 * CENT, ALICE, "typo")


async def test_an_open_job_is_not_settled(books: Books) -> None:
    job = (await books.submit("red", CENT)).job

    with pytest.raises(Refused, match="end it first"):
        await operator(books).settle(job.id, 2 * CENT, ALICE, "too early")


async def test_an_unknown_job_is_named(books: Books) -> None:
    with pytest.raises(Refused, match="Job nothing not found"):
        await operator(books).end("nothing", 0, ALICE, "x")
