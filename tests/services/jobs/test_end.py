"""Costs far above the estimate are booked and disputed, and may block the team's submits."""

import pytest

from gateway.domain.errors import Refused
from gateway.domain.job import JobId, Status
from gateway.ports import Database
from gateway.store import disputes
from tests.services.books import Books, in_force

CENT = 10_000  # micro-dollars
LIMIT = {"period": "day", "limit_usd": "5"}


async def billed(ledger: Books, usd: str) -> JobId:
    """Create a job that is estimated at one cent and costs `usd`."""
    job = (await ledger.submit("red", CENT)).job
    await ledger.accept(job)
    await ledger.end(job.id, Status.COMPLETED, usd)
    return job.id


async def test_a_disputed_cost_above_the_limit_blocks_the_team_and_publishes_an_event(
    database: Database,
) -> None:
    ledger = Books(database, in_force({"budgets": [LIMIT], "webhooks": []}))
    job = await billed(ledger, "48.5")

    with pytest.raises(Refused) as refusal:
        await ledger.submit("red", CENT)

    assert refusal.value.reason == "bill_disputed"
    assert refusal.value.details == {"job": job, "cost_usd": "48.50", "estimate_usd": "0.01"}
    assert (await ledger.windows("organisation/%")).popitem()[1] == (4850 * CENT, 0)
    assert await ledger.types() == ["video.generation.completed", "bill.disputed"]
    assert await ledger.broken() == []


async def test_a_disputed_cost_within_the_limit_blocks_nobody(database: Database) -> None:
    ledger = Books(database, in_force({"budgets": [LIMIT]}))
    await billed(ledger, "4.5")

    await ledger.submit("red", CENT)

    open_ones = await database.read(disputes.unsettled)
    assert [(one.team, one.cost_micros) for one in open_ones] == [("red", 450 * CENT)]


async def test_another_team_is_not_blocked(database: Database) -> None:
    ledger = Books(database, in_force({"teams": {"red": {"budgets": [LIMIT]}, "blue": {}}}))
    await billed(ledger, "48.5")

    await ledger.submit("blue", CENT)

    with pytest.raises(Refused, match="can't submit"):
        await ledger.submit("red", CENT)


async def test_a_later_plausible_cost_closes_the_dispute(database: Database) -> None:
    ledger = Books(database, in_force({"budgets": [LIMIT]}))
    job = await billed(ledger, "48.5")

    await ledger.end(job, Status.COMPLETED, "0.02")

    assert await database.read(disputes.unsettled) == []
    await ledger.submit("red", CENT)
    assert (await ledger.windows("organisation/%")).popitem()[1] == (2 * CENT, CENT)


async def test_a_later_cost_far_above_the_estimate_is_disputed_too(database: Database) -> None:
    """A poll without a cost, then a webhook with a disputed one."""
    ledger = Books(database, in_force({"budgets": [LIMIT]}))
    job = (await ledger.submit("red", CENT)).job
    await ledger.accept(job)
    await ledger.end(job.id, Status.COMPLETED)

    for _ in range(2):
        await ledger.end(job.id, Status.COMPLETED, "48.5")

    assert (await ledger.find(job.id)).cost_micros == 4850 * CENT
    assert len(await database.read(disputes.unsettled)) == 1
    assert (await ledger.types()).count("bill.disputed") == 1
    assert await ledger.broken() == []


async def test_a_correction_does_not_book_an_invalid_amount(database: Database) -> None:
    ledger = Books(database, in_force({"budgets": [LIMIT]}))
    job = await billed(ledger, "0.02")

    await ledger.end(job, Status.COMPLETED, "NaN")

    assert (await ledger.find(job)).cost_micros == 2 * CENT
