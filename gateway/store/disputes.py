"""Store disputes: costs far above the estimate that an operator must accept or correct."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.ports import Transaction


@dataclass(frozen=True, slots=True)
class Dispute:
    """An open dispute. Money is in micro-dollars, `opened_at` in epoch ms."""

    job_id: str
    team: str
    estimate_micros: int
    cost_micros: int
    opened_at: int


def open_one(
    tx: Transaction, job_id: str, team: str, estimate: int, cost: int, *, now: int
) -> bool:
    """Open the job's dispute or update its cost; False if this cost is already disputed.

    A closed dispute opens again if the upstream reports another disputed cost.
    """
    row = tx.fetchrow(
        """
        INSERT INTO disputes (job_id, team, estimate_micros, cost_micros, opened_at)
        VALUES (:job_id, :team, :estimate, :cost, :now)
        ON CONFLICT (job_id) DO UPDATE
        SET cost_micros = :cost, opened_at = :now, closed_at = NULL, verdict = NULL
        WHERE disputes.cost_micros <> :cost
        RETURNING job_id
        """,
        job_id=job_id,
        team=team,
        estimate=estimate,
        cost=cost,
        now=now,
    )
    return row is not None


def close(tx: Transaction, job_id: str, verdict: str, *, now: int) -> bool:
    """Close the job's dispute; False if none is open."""
    return tx.changed(
        """
        UPDATE disputes SET closed_at = :now, verdict = :verdict
        WHERE job_id = :job_id AND closed_at IS NULL
        """,
        job_id=job_id,
        now=now,
        verdict=verdict,
    )


def is_open(tx: Transaction, job_id: str) -> bool:
    """Return whether the job has an open dispute."""
    row = tx.fetchrow(
        "SELECT job_id FROM disputes WHERE job_id = :job_id AND closed_at IS NULL", job_id=job_id
    )
    return row is not None


def unsettled(tx: Transaction, team: str | None = None) -> Sequence[Dispute]:
    """Return every open dispute of one team or of all teams, oldest first."""
    of_one = "" if team is None else "AND team = :team"
    named = {} if team is None else {"team": team}
    rows = tx.fetch(
        f"""
        SELECT job_id, team, estimate_micros, cost_micros, opened_at FROM disputes
        WHERE closed_at IS NULL {of_one} ORDER BY opened_at, job_id
        """,
        **named,
    )
    return [Dispute(**dict(row)) for row in rows]


def over_limit(tx: Transaction, team: str) -> Dispute | None:
    """Return an open dispute of the team whose job counts in a budget that is above its limit."""
    row = tx.fetchrow(
        """
        SELECT d.job_id, d.team, d.estimate_micros, d.cost_micros, d.opened_at
        FROM disputes d
        JOIN ledger l ON l.job_id = d.job_id
        JOIN windows w ON w.id = l.window_id
        WHERE d.team = :team AND d.closed_at IS NULL AND w.spent + w.reserved > w.limit_micros
        ORDER BY d.opened_at LIMIT 1
        """,
        team=team,
    )
    return None if row is None else Dispute(**dict(row))
