"""Budgets are brought into force at start and after a reload, without a request."""

from datetime import timedelta
from typing import Any

import structlog

from gateway.config.live import Live
from gateway.domain.job import Status
from gateway.ports import Database
from gateway.store import budgets as registry
from gateway.telemetry.bundle import Telemetry
from gateway.workers.budgets import BudgetKeeper
from tests.services.books import Books, in_force

DAY: dict[str, Any] = {"period": "day", "limit_usd": 10}


def keeper(ledger: Books, live: Live) -> BudgetKeeper:
    return BudgetKeeper(ledger.database, ledger.clock, live, Telemetry())


async def paid(ledger: Books) -> None:
    job = (await ledger.submit("red", 50_000)).job
    await ledger.accept(job)
    await ledger.end(job.id, Status.COMPLETED, "0.05")


async def test_a_budget_that_a_reload_adds_shows_what_was_spent(database: Database) -> None:
    ledger = Books(database, in_force({}))
    budgets = keeper(ledger, ledger.live)
    await budgets.step()
    await paid(ledger)
    ledger.live.replace(in_force({"budgets": [DAY]}).config, "2")

    await budgets.step()

    assert list((await ledger.windows("organisation/%")).values()) == [(50_000, 0)]


async def test_a_budget_that_nobody_has_in_force_is_forgotten_after_some_days(
    database: Database,
) -> None:
    ledger = Books(database, in_force({"budgets": [DAY]}))
    budgets = keeper(ledger, ledger.live)
    await budgets.step()
    ledger.live.replace(in_force({}).config, "2")
    await ledger.clock.advance(timedelta(days=2).total_seconds())
    await budgets.step()
    assert set(await database.read(lambda tx: registry.registered(tx, "red"))) == {
        "organisation/day"
    }

    await ledger.clock.advance(timedelta(days=2).total_seconds())
    await budgets.step()

    assert await database.read(lambda tx: registry.registered(tx, "red")) == {}


async def test_a_budget_that_stays_in_force_is_never_forgotten(database: Database) -> None:
    ledger = Books(database, in_force({"budgets": [DAY]}))
    budgets = keeper(ledger, ledger.live)
    for _ in range(8):
        await budgets.step()
        await ledger.clock.advance(timedelta(days=1).total_seconds())

    assert set(await database.read(lambda tx: registry.registered(tx, "red"))) == {
        "organisation/day"
    }


async def test_a_window_that_a_wrong_clock_opened_is_reported(database: Database) -> None:
    ledger = Books(database, in_force({"budgets": [DAY]}))
    ledger.clock.jump(timedelta(days=400).total_seconds())
    await paid(ledger)
    ledger.clock.jump(-timedelta(days=400).total_seconds())

    with structlog.testing.capture_logs() as logs:
        await keeper(ledger, ledger.live).step()

    ahead = [line["window"] for line in logs if line["event"] == "budget.window_ahead"]
    assert len(ahead) == 1
    assert ahead[0].startswith("organisation/day@")
