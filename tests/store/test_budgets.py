"""Budgets that are in force on any replica."""

from gateway.domain.budget import Budget, Period
from gateway.domain.units import Micros
from gateway.ports import Database
from gateway.store import budgets

ALL = Budget(Period.MONTH, Micros(100))
RED = Budget(Period.DAY, Micros(50), team="red", models=("x/*",), key="ci")
BLUE = Budget(Period.DAY, Micros(50), team="blue")


async def test_a_team_is_counted_by_its_own_budgets_and_the_organisations(
    database: Database,
) -> None:
    for budget in (ALL, RED, BLUE):
        await database.write(lambda tx, b=budget: budgets.register(tx, b, now=1))  # type: ignore[misc]

    assert await database.read(lambda tx: budgets.registered(tx, "red")) == {
        ALL.id: ALL,
        RED.id: RED,
    }
    assert await database.read(lambda tx: budgets.find(tx, BLUE.id)) == BLUE


async def test_a_new_limit_replaces_the_earlier_one(database: Database) -> None:
    lower = Budget(Period.DAY, Micros(20), team="blue")
    await database.write(lambda tx: budgets.register(tx, BLUE, now=1))
    await database.write(lambda tx: budgets.register(tx, lower, now=2))

    assert await database.read(lambda tx: budgets.find(tx, BLUE.id)) == lower


async def test_a_budget_that_nobody_registers_any_more_is_forgotten(database: Database) -> None:
    await database.write(lambda tx: budgets.register(tx, RED, now=1))
    await database.write(lambda tx: budgets.register(tx, BLUE, now=9))

    assert await database.write(lambda tx: budgets.forget(tx, before=5, limit=10)) == 1
    assert await database.read(lambda tx: budgets.find(tx, RED.id)) is None
