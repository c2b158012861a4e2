"""Store the budgets that are in force on any replica."""

import json
from functools import lru_cache

from gateway.domain.budget import Budget, Period
from gateway.domain.units import Micros
from gateway.ports import Row, Transaction


def share(tx: Transaction) -> None:
    """Take a shared lock on the set of budgets until the transaction ends."""
    tx.fetchrow(f"SELECT taken FROM budgets_lock WHERE id = 1 {tx.for_share}")


def lock(tx: Transaction) -> None:
    """Take an exclusive lock on the set of budgets until the transaction ends."""
    tx.execute("UPDATE budgets_lock SET taken = taken + 1 WHERE id = 1")


def registered(tx: Transaction, team: str) -> dict[str, Budget]:
    """Return the budgets that count the team's jobs, by id: its own and the organisation's."""
    rows = tx.fetch(
        f"""
        SELECT {_COLUMNS} FROM budgets WHERE team IS NULL
        UNION ALL
        SELECT {_COLUMNS} FROM budgets WHERE team = :team
        """,
        team=team,
    )
    return {row["id"]: _budget(row) for row in rows}


def find(tx: Transaction, budget_id: str) -> Budget | None:
    """Return the budget if any process registered it recently."""
    row = tx.fetchrow(f"SELECT {_COLUMNS} FROM budgets WHERE id = :id", id=budget_id)
    return None if row is None else _budget(row)


_COLUMNS = "id, period, limit_micros, team, key_name, models"


def register(tx: Transaction, budget: Budget, *, now: int) -> None:
    """Register a budget, so that every replica counts jobs in it."""
    tx.execute(
        """
        INSERT INTO budgets (id, period, limit_micros, team, key_name, models, seen_at)
        VALUES (:id, :period, :limit_micros, :team, :key_name, :models, :now)
        ON CONFLICT (id) DO UPDATE SET limit_micros = :limit_micros, seen_at = :now
        """,
        id=budget.id,
        period=budget.period.value,
        limit_micros=budget.limit_micros,
        team=budget.team,
        key_name=budget.key,
        models=json.dumps(budget.models),
        now=now,
    )


def forget(tx: Transaction, *, before: int, limit: int) -> int:
    """Delete budgets that no process registered since `before`; return how many."""
    return tx.execute(
        """
        DELETE FROM budgets
        WHERE id IN (SELECT id FROM budgets WHERE seen_at < :before LIMIT :limit)
        """,
        before=before,
        limit=limit,
    )


def _budget(row: Row) -> Budget:
    return _built(row["period"], row["limit_micros"], row["team"], row["models"], row["key_name"])


@lru_cache(maxsize=4096)
def _built(period: str, limit: int, team: str | None, models: str, key: str | None) -> Budget:
    """Every submit reads the budgets in force, and they hardly ever change."""
    return Budget(
        period=Period(period),
        limit_micros=Micros(limit),
        team=team,
        models=tuple(json.loads(models)),
        key=key,
    )
