"""Refused submits: counted, recorded, limited."""

import random

import pytest

from gateway.domain.errors import Reason, Refused
from gateway.ports import Database
from gateway.services.submission.decide import Decision
from gateway.services.submission.refuse import Refusals
from gateway.store import refusals as store
from gateway.telemetry.bundle import Telemetry
from tests.fakes.clock import FakeClock
from tests.services.books import Books, in_force

NO = Refused(Reason.COST_LIMIT, "too dear", {"limit_usd": "1.00"})


def decision(books: Books) -> Decision:
    return books.opening(1, "red", 10, "ci", "x/one", None).decision


async def kept(database: Database) -> int:
    rows = await database.read(lambda tx: tx.fetch("SELECT id FROM refusals"))
    return len(rows)


async def test_a_refusal_is_recorded_with_its_reason(database: Database) -> None:
    books = Books(database, in_force({}))
    refusals = Refusals(database, books.clock, random.Random(1), Telemetry())

    await refusals.keep(decision(books), NO, "req_1")

    [row] = await database.read(lambda tx: store.latest(tx, 5))
    assert (row.team, row.reason, row.request_id) == ("red", "cost_limit", "req_1")
    assert "limit_usd" in row.decision


async def test_at_most_120_a_minute_are_recorded(database: Database) -> None:
    books = Books(database, in_force({}))
    refusals = Refusals(database, books.clock, random.Random(1), Telemetry())

    for _ in range(130):
        await refusals.keep(decision(books), NO, "req")

    assert await kept(database) == 120


async def test_refusals_count_toward_the_rate_of_a_team(database: Database) -> None:
    live = in_force({"teams": {"red": {"limits": {"requests_per_minute": 2}}}})
    books = Books(database, live)
    refusals = Refusals(database, books.clock, random.Random(1), Telemetry())
    for _ in range(2):
        refusals.admit("red", 2)
        await refusals.keep(decision(books), NO, "req")

    with pytest.raises(Refused) as caught:
        refusals.admit("red", 2)
    await books.clock.advance(31)

    assert caught.value.reason is Reason.RATE_LIMITED
    refusals.admit("red", 2)


def test_a_team_without_a_rate_is_never_refused_for_it(database: Database) -> None:
    Refusals(database, FakeClock(), random.Random(1), Telemetry()).admit("red", None)
