"""Costs above the catalog's price raise later estimates until they expire."""

from datetime import timedelta

from gateway.ports import Database, Transaction
from gateway.store import costs

DAY = int(timedelta(days=1).total_seconds() * 1000)
CATALOG = 100


async def learned(database: Database, *, now: int = 1, team: str | None = None) -> int | None:
    return await database.read(lambda tx: costs.learned(tx, "up|m|kind", now=now, team=team))


async def learn(database: Database, micros: int, *, team: str = "red", now: int = 1) -> None:
    await database.write(lambda tx: costs.learn(tx, "up|m|kind", team, micros, CATALOG, now=now))


async def test_the_highest_cost_above_the_catalogs_price_is_stored(database: Database) -> None:
    for micros in (50, 100):
        await learn(database, micros)
    assert await learned(database) is None

    for micros in (150, 190, 170):
        await learn(database, micros)

    assert await learned(database) == 190


async def test_a_raise_expires_after_thirty_days(database: Database) -> None:
    await learn(database, 190)

    assert await learned(database, now=29 * DAY) == 190
    assert await learned(database, now=31 * DAY) is None
    await learn(database, 120, now=31 * DAY)
    assert await learned(database, now=31 * DAY) == 120
    forgotten = await database.write(lambda tx: costs.forget(tx, before=62 * DAY, limit=10))
    assert forgotten == 1


async def test_twenty_costs_within_the_price_end_a_raise_and_a_higher_one_restarts_the_count(
    database: Database,
) -> None:
    await learn(database, 190)
    for _ in range(19):
        await learn(database, 100)
    await learn(database, 130)
    for _ in range(19):
        await learn(database, 100)
    assert await learned(database) == 190

    await learn(database, 100)

    assert await learned(database) is None


async def test_a_teams_own_costs_can_be_queried(database: Database) -> None:
    await learn(database, 190, team="blue")
    await learn(database, 120, team="red")

    assert await learned(database) == 190
    assert await learned(database, team="red") == 120
    assert await learned(database, team="green") is None


async def test_raises_are_listed_and_reset_by_model(database: Database) -> None:
    def act(tx: Transaction) -> tuple[list[str], int, list[str]]:
        for profile in ("up|a/one|k", "up|a/two|k"):
            costs.learn(tx, profile, "red", 190, CATALOG, now=1)
        before = [one.profile for one in costs.listing(tx)]
        return before, costs.reset(tx, "a/one"), [one.profile for one in costs.listing(tx)]

    before, count, after = await database.write(act)

    assert (before, count, after) == (["up|a/one|k", "up|a/two|k"], 1, ["up|a/two|k"])
    assert await database.write(lambda tx: costs.reset(tx, None)) == 1
