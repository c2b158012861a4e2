"""Budgets that come into force count all earlier jobs of their current period."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.errors import Refused
from gateway.domain.job import Status
from gateway.ports import Database, Transaction, Value
from gateway.services.money.coverage import bring_into_force, in_force, keep_in_force, missing
from gateway.store import budgets as registry
from gateway.store import ledger as store
from tests.fakes.transactions import WatchedTransaction
from tests.services.books import Books
from tests.services.books import in_force as configured

CENT = 10_000  # micro-dollars
LIMIT: dict[str, Any] = {"period": "day", "limit_usd": "0.20"}


def books(database: Database, *budgets: dict[str, Any]) -> Books:
    return Books(database, configured({"budgets": list(budgets)}))


def reload(ledger: Books, *budgets: dict[str, Any]) -> None:
    ledger.live.replace(configured({"budgets": list(budgets)}).config, "2")


async def spend(ledger: Books, cents: int, *, team: str = "red", slug: str | None = None) -> None:
    job = (await ledger.submit(team, cents * CENT, slug=slug)).job
    await ledger.accept(job)
    await ledger.end(job.id, Status.COMPLETED, f"{cents / 100:.2f}")


async def bring(ledger: Books) -> None:
    budgets, now = tuple(ledger.live.current.rules.budgets.values()), ledger.clock.now()
    await ledger.database.write(lambda tx: bring_into_force(tx, budgets, now))
    assert await ledger.database.read(lambda tx: in_force(tx, budgets, now))


async def lacking(ledger: Books) -> list[str]:
    budgets, now = tuple(ledger.live.current.rules.budgets.values()), ledger.clock.now()
    found = await ledger.database.read(lambda tx: [missing(tx, b, now) for b in budgets])
    return [job.job_id for jobs in found for job in jobs]


async def test_a_budget_counts_while_it_is_missing_from_the_file(database: Database) -> None:
    ledger = books(database, LIMIT)
    await spend(ledger, 10)
    reload(ledger)
    await spend(ledger, 40)
    reload(ledger, LIMIT)

    with pytest.raises(Refused) as refusal:
        await ledger.submit("red", CENT)

    assert refusal.value.details["spent_usd"] == "0.50"
    assert await ledger.broken() == []


async def test_a_budget_whose_row_was_deleted_counts_the_missed_jobs(database: Database) -> None:
    """After days without the budget on any replica its row is deleted; later it catches up."""
    ledger = books(database, {**LIMIT, "period": "month", "limit_usd": "1.00"})
    await spend(ledger, 10)
    reload(ledger)
    ahead = 2**60
    assert await database.write(lambda tx: registry.forget(tx, before=ahead, limit=10)) == 1
    await spend(ledger, 40)
    running = (await ledger.submit("blue", 5 * CENT)).job
    reload(ledger, {**LIMIT, "period": "month", "limit_usd": "1.00"})
    assert len(await lacking(ledger)) == 2

    await bring(ledger)

    assert (await ledger.windows("organisation/%")).popitem()[1] == (50 * CENT, 5 * CENT)
    assert await lacking(ledger) == []
    await ledger.accept(running)
    await ledger.end(running.id, Status.COMPLETED, "0.03")
    assert (await ledger.windows("organisation/%")).popitem()[1] == (53 * CENT, 0)
    assert await ledger.broken() == []


async def test_a_replica_with_an_older_file_counts_in_the_budgets_of_the_others(
    database: Database,
) -> None:
    new, old = books(database, LIMIT), Books(database, configured({}), first=100)
    await bring(new)
    await spend(old, 15)

    with pytest.raises(Refused) as refusal:
        await new.submit("red", 6 * CENT)

    assert refusal.value.details["spent_usd"] == "0.15"
    assert await lacking(new) == []


async def test_a_budget_of_another_replica_counts_and_does_not_refuse(database: Database) -> None:
    new, old = books(database, LIMIT), books(database)
    await bring(new)

    await spend(old, 50)

    assert (await new.windows("organisation/%")).popitem()[1] == (50 * CENT, 0)
    assert await new.broken() == []


async def test_a_glob_on_the_canonical_slug_counts_earlier_jobs(database: Database) -> None:
    ledger = books(database)
    await spend(ledger, 10, slug="maker/one-20260101")
    await spend(ledger, 20)
    reload(ledger, {**LIMIT, "models": ["maker/one-*"]})

    await bring(ledger)

    assert (await ledger.windows("organisation/%")).popitem()[1] == (10 * CENT, 0)


async def test_a_job_that_ended_before_the_budget_is_corrected_in_it(database: Database) -> None:
    ledger = books(database)
    job = (await ledger.submit("red", 10 * CENT)).job
    await ledger.accept(job)
    await ledger.end(job.id, Status.COMPLETED, "0.10")
    reload(ledger, LIMIT)
    await bring(ledger)

    await ledger.end(job.id, Status.COMPLETED, "0.17")

    assert (await ledger.windows("organisation/%")).popitem()[1] == (17 * CENT, 0)
    assert await ledger.broken() == []


async def test_many_jobs_are_counted_in_few_statements(database: Database) -> None:
    ledger = books(database)
    for _ in range(450):
        await ledger.submit("red", CENT)
    reload(ledger, {**LIMIT, "limit_usd": "100"})
    statements = 0

    def counted(tx: Transaction) -> None:
        nonlocal statements

        def count(sql: str, _params: Mapping[str, Value]) -> None:
            nonlocal statements
            statements += not sql.split()[0].startswith("SELECT")

        budgets = tuple(ledger.live.current.rules.budgets.values())
        bring_into_force(WatchedTransaction(tx, count), budgets, ledger.clock.now())

    await database.write(counted)

    assert (await ledger.windows("organisation/%")).popitem()[1] == (0, 450 * CENT)
    assert statements < 20
    assert await ledger.broken() == []


async def test_a_sum_carried_by_version_0_1_is_not_counted_again(
    database: Database,
) -> None:
    ledger = books(database)
    await spend(ledger, 10)
    reload(ledger, {**LIMIT, "limit_usd": "1"})
    budget = next(iter(ledger.live.current.rules.budgets.values()))
    at = int(ledger.clock.now().timestamp() * 1000)
    start = at - at % 86_400_000

    window = store.window_id(budget.id, start)
    carried = store.LedgerEntry(
        window, "", "carry", 0, 10 * CENT, 0, 0, "carried over", at, None, "spent before"
    )

    def as_version_0_1_did(tx: Transaction) -> None:
        store.open_window(tx, budget.id, start, start + 86_400_000, budget.limit_micros)
        store.append_all(tx, window, [carried])

    await database.write(as_version_0_1_did)
    await ledger.clock.advance(1)
    await spend(ledger, 20)

    await bring(ledger)

    assert (await ledger.windows("organisation/%")).popitem()[1] == (30 * CENT, 0)
    assert await ledger.broken() == []


async def test_a_clock_far_ahead_does_not_block_a_budget(database: Database) -> None:
    ledger = books(database, LIMIT)
    await ledger.clock.advance(timedelta(days=400).total_seconds())
    await ledger.submit("red", 20 * CENT)
    await ledger.clock.advance(-timedelta(days=400).total_seconds())

    await spend(ledger, 10)

    now = ledger.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    name = f"organisation/day@{int(now.timestamp() * 1000)}"
    assert (await ledger.windows("organisation/%"))[name] == (10 * CENT, 0)


async def test_jobs_opened_while_a_budget_comes_into_force_are_all_counted(
    database: Database,
) -> None:
    new, old = books(database, {**LIMIT, "limit_usd": "1000"}), books(database)

    await asyncio.gather(
        *(old.submit("blue", CENT) for _ in range(40)),
        bring(new),
        *(old.submit("red", CENT) for _ in range(40)),
    )

    assert await lacking(new) == []
    assert (await new.windows("organisation/%")).popitem()[1] == (0, 80 * CENT)
    assert await new.broken() == []


async def test_a_renamed_team_keeps_its_spending(database: Database) -> None:
    budget = {"budgets": [LIMIT]}
    ledger = Books(database, configured({"teams": {"red": budget, "blue": {}}}))
    await spend(ledger, 15)
    running = (await ledger.submit("red", 4 * CENT)).job
    await ledger.accept(running)
    renamed = {"teams": {"crimson": {**budget, "was": "red"}, "blue": {}}}
    ledger.live.replace(configured(renamed).config, "2")

    with pytest.raises(Refused) as refusal:
        await ledger.submit("crimson", 2 * CENT)
    await ledger.submit("crimson", CENT)

    details = refusal.value.details
    assert (details["spent_usd"], details["reserved_usd"]) == ("0.15", "0.04")
    await ledger.end(running.id, Status.COMPLETED, "0.04")
    assert (await ledger.windows("team/crimson/%")).popitem()[1] == (19 * CENT, CENT)
    assert await ledger.broken() == []


async def test_a_renamed_key_keeps_its_spending(database: Database) -> None:
    keys = [{"name": "ci", "hash": f"sha256:{'12' * 32}"}]
    renamed = [{"name": "build", "hash": f"sha256:{'12' * 32}", "was": ["ci"]}]

    def team(name: str, keys: list[dict[str, Any]]) -> dict[str, Any]:
        return {"teams": {"red": {"keys": keys, "budgets": [{**LIMIT, "key": name}]}, "blue": {}}}

    ledger = Books(database, configured(team("ci", keys)))
    await spend(ledger, 15)
    ledger.live.replace(configured(team("build", renamed)).config, "2")

    with pytest.raises(Refused) as refusal:
        await ledger.submit("red", 6 * CENT, key="build")

    assert refusal.value.details["spent_usd"] == "0.15"
    await ledger.submit("red", 6 * CENT, key="other")


async def test_a_former_name_added_later_is_counted_at_the_next_step(
    database: Database,
) -> None:
    """The operator renames a team, sees zero spending, and then adds `was`."""
    budget = {"budgets": [LIMIT]}
    ledger = Books(database, configured({"teams": {"red": budget, "blue": {}}}))
    await spend(ledger, 15)
    ledger.live.replace(configured({"teams": {"crimson": budget, "blue": {}}}).config, "2")
    await ledger.submit("crimson", CENT)
    renamed = {"teams": {"crimson": {**budget, "was": "red"}, "blue": {}}}
    ledger.live.replace(configured(renamed).config, "3")

    budgets, now = tuple(ledger.live.current.rules.budgets.values()), ledger.clock.now()
    await ledger.database.write(lambda tx: keep_in_force(tx, budgets, now))

    assert (await ledger.windows("team/crimson/%")).popitem()[1] == (15 * CENT, CENT)
    assert await lacking(ledger) == []
