"""Query the reservations and costs of jobs, for budgets that come into force."""

from dataclasses import dataclass

from gateway.ports import Transaction

_OPEN = "status IN ('submitting', 'unknown', 'pending', 'in_progress')"


@dataclass(frozen=True, slots=True)
class Spending:
    """One job's estimate and cost, in micro-dollars."""

    job_id: str
    team: str
    key: str
    model: str
    slug: str | None
    estimate: int
    cost: int | None
    """None: the job is open and reserves its estimate."""
    raw_cost: str | None


def lock_open_jobs(tx: Transaction, *, since: int) -> None:
    """Lock the open jobs submitted since `since`, so that none ends before the transaction."""
    tx.execute(
        f"UPDATE jobs SET announced = announced WHERE created_at >= :since AND {_OPEN}",
        since=since,
    )


def without_entry(tx: Transaction, window: str, *, since: int, team: str | None) -> list[Spending]:
    """Return the open and the paid jobs since `since` that have no entry in the window.

    Version 0.1 carried a period's spending as one sum, which contains the jobs ended by then.
    """
    rows = tx.fetch(
        f"""
        SELECT id, team, key_name, model, canonical_slug, estimate_micros, raw_cost,
               CASE WHEN {_OPEN} THEN NULL ELSE cost_micros END AS cost
        FROM jobs j
        WHERE created_at >= :since AND (team = :team OR :everyone = 1)
          AND (cost_micros IS NOT NULL OR {_OPEN})
          AND NOT EXISTS (
            SELECT 1 FROM ledger l
            WHERE l.window_id = :window AND l.job_id = j.id AND l.kind IN ('reserve', 'carry'))
          AND NOT EXISTS (
            SELECT 1 FROM ledger l
            WHERE l.window_id = :window AND l.job_id = '' AND l.kind = 'carry'
              AND l.at >= j.ended_at)
        ORDER BY created_at, id
        """,
        since=since,
        window=window,
        team=team,
        everyone=int(team is None),
    )
    return [
        Spending(
            r["id"],
            r["team"],
            r["key_name"],
            r["model"],
            r["canonical_slug"],
            r["estimate_micros"],
            r["cost"],
            r["raw_cost"],
        )
        for r in rows
    ]
