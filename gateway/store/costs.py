"""What kinds of video have really cost: raises an estimate that proved too low."""

from gateway.ports import Transaction


def worst_case(tx: Transaction, profile: str) -> int | None:
    """The dearest actual cost of the kind, in micro-dollars; None if none was seen."""
    row = tx.fetchrow(
        "SELECT dearest_micros FROM actual_costs WHERE profile = :profile", profile=profile
    )
    return None if row is None else int(row["dearest_micros"])


def remember(tx: Transaction, profile: str, micros: int, *, now: int) -> None:
    """Take in what one job cost."""
    tx.execute(
        """
        INSERT INTO actual_costs (profile, dearest_micros, jobs, at)
        VALUES (:profile, :micros, 1, :now)
        ON CONFLICT (profile) DO UPDATE
        SET jobs = actual_costs.jobs + 1,
            at = excluded.at,
            dearest_micros = CASE
              WHEN excluded.dearest_micros > actual_costs.dearest_micros
              THEN excluded.dearest_micros ELSE actual_costs.dearest_micros END
        """,
        profile=profile,
        micros=micros,
        now=now,
    )
