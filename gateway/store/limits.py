"""Count a team's rate and open jobs exactly across replicas, under the team's row lock."""

from gateway.ports import Transaction

RATE_WINDOW_MS = 60_000


def lock_team(tx: Transaction, team: str) -> None:
    """Lock the team's row until the transaction ends, so that other counts wait."""
    tx.execute(
        """
        INSERT INTO team_locks (team, taken) VALUES (:team, 1)
        ON CONFLICT (team) DO UPDATE SET taken = team_locks.taken + 1
        """,
        team=team,
    )


def hits(tx: Transaction, team: str, *, now: int) -> list[int]:
    """Return the times of the team's submits in the last 60 seconds, oldest first, in epoch ms.

    Another replica's clock may be ahead by some seconds. A time more than a minute ahead comes from
    a clock that was later set back; it is deleted, because it would block the team until then.
    """
    tx.execute(
        "DELETE FROM rate_hits WHERE team = :team AND (at <= :since OR at > :ahead)",
        team=team,
        since=now - RATE_WINDOW_MS,
        ahead=now + RATE_WINDOW_MS,
    )
    rows = tx.fetch("SELECT at FROM rate_hits WHERE team = :team ORDER BY at", team=team)
    return [row["at"] for row in rows]


def recent_hits(tx: Transaction, team: str, *, now: int) -> int:
    """Return the number of the team's submits in the last 60 seconds; changes nothing."""
    row = tx.fetchrow(
        """
        SELECT COUNT(*) AS hits FROM rate_hits
        WHERE team = :team AND at > :since AND at <= :ahead
        """,
        team=team,
        since=now - RATE_WINDOW_MS,
        ahead=now + RATE_WINDOW_MS,
    )
    return 0 if row is None else int(row["hits"])


def hit(tx: Transaction, team: str, job_id: str, *, now: int) -> None:
    """Count one submit."""
    tx.execute(
        "INSERT INTO rate_hits (team, at, job_id) VALUES (:team, :now, :job_id)",
        team=team,
        now=now,
        job_id=job_id,
    )


def open_jobs(tx: Transaction, team: str) -> int:
    """Return the number of the team's open jobs."""
    row = tx.fetchrow(
        """
        SELECT COUNT(*) AS jobs FROM jobs
        WHERE team = :team AND status IN ('submitting', 'unknown', 'pending', 'in_progress')
        """,
        team=team,
    )
    return 0 if row is None else int(row["jobs"])
