"""Store costs above the catalog's price by price profile; they raise later estimates.

A raise expires 30 days after the last job that cost more, or after 20 jobs that did not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from gateway.ports import Transaction

LIFETIME = timedelta(days=30)
RIGHT_BILLS = 20
_LIFETIME_MS = int(LIFETIME.total_seconds() * 1000)


@dataclass(frozen=True, slots=True)
class LearnedCost:
    """One raise. `micros` in micro-dollars, `raised_at` in epoch ms."""

    profile: str
    team: str
    micros: int
    raised_at: int
    right_bills: int


def learned(tx: Transaction, profile: str, *, now: int, team: str | None = None) -> int | None:
    """Return the highest unexpired cost of the profile; None if there is none.

    `team` restricts it to the costs of that team.
    """
    row = tx.fetchrow(
        """
        SELECT MAX(micros) AS micros FROM learned_costs
        WHERE profile = :profile AND raised_at > :since AND (:anyone = 1 OR team = :team)
        """,
        profile=profile,
        since=now - _LIFETIME_MS,
        team=team,
        anyone=int(team is None),
    )
    return None if row is None or row["micros"] is None else int(row["micros"])


def learn(
    tx: Transaction, profile: str, team: str, micros: int, catalog_micros: int, *, now: int
) -> None:
    """Record one job's cost beside the catalog's price for it."""
    if micros > catalog_micros:
        _raise(tx, profile, team, micros, now)
        return
    tx.execute(
        "UPDATE learned_costs SET right_bills = right_bills + 1 WHERE profile = :profile",
        profile=profile,
    )
    tx.execute(
        "DELETE FROM learned_costs WHERE profile = :profile AND right_bills >= :enough",
        profile=profile,
        enough=RIGHT_BILLS,
    )


def _raise(tx: Transaction, profile: str, team: str, micros: int, now: int) -> None:
    tx.execute(
        """
        INSERT INTO learned_costs (profile, team, micros, raised_at, right_bills)
        VALUES (:profile, :team, :micros, :now, 0)
        ON CONFLICT (profile, team) DO UPDATE
        SET micros = CASE
              WHEN learned_costs.micros > excluded.micros AND learned_costs.raised_at > :since
              THEN learned_costs.micros ELSE excluded.micros END,
            raised_at = excluded.raised_at,
            right_bills = 0
        """,
        profile=profile,
        team=team,
        micros=micros,
        now=now,
        since=now - _LIFETIME_MS,
    )


def listing(tx: Transaction) -> Sequence[LearnedCost]:
    """Return every raise, by profile and team."""
    rows = tx.fetch(
        """
        SELECT profile, team, micros, raised_at, right_bills FROM learned_costs
        ORDER BY profile, team
        """
    )
    return [LearnedCost(**dict(row)) for row in rows]


def reset(tx: Transaction, model: str | None) -> int:
    """Delete the raises of one model, or all of them; return how many."""
    return tx.execute(
        "DELETE FROM learned_costs WHERE :everything = 1 OR profile LIKE :like",
        everything=int(model is None),
        like=f"%|{model}|%",
    )


def forget(tx: Transaction, *, before: int, limit: int) -> int:
    """Delete raises from before `before`; return how many."""
    return tx.execute(
        """
        DELETE FROM learned_costs
        WHERE (profile, team) IN (
          SELECT profile, team FROM learned_costs WHERE raised_at < :before LIMIT :limit)
        """,
        before=before,
        limit=limit,
    )
