"""Enforce a team's rate and open jobs exactly (docs/api.md, Errors: 429)."""

from dataclasses import dataclass

from gateway.domain.errors import Reason, Refused
from gateway.ports import Transaction
from gateway.store import limits

_JOB_ENDS_IN = 15  # seconds of Retry-After for one of the client's jobs to end; a guess


@dataclass(frozen=True, slots=True)
class TrafficLimits:
    """A team's limits; None means no limit."""

    requests_per_minute: int | None = None
    concurrent_jobs: int | None = None


def admit(tx: Transaction, team: str, job_id: str, bounds: TrafficLimits, *, now: int) -> None:
    """Count this job toward the team's limits, or refuse it.

    It is exact over all replicas, because counting locks the team's row. A submit that joins
    another job is not counted, so that a client's retry always gets its job.

    Raises:
        Refused: RATE_LIMITED or TOO_MANY_JOBS, with Retry-After; the transaction must roll back.

    """
    if bounds == TrafficLimits():
        return
    limits.lock_team(tx, team)
    if bounds.requests_per_minute is not None:
        _admit_rate(tx, team, job_id, bounds.requests_per_minute, now)
    if bounds.concurrent_jobs is not None:
        _admit_job(tx, team, bounds.concurrent_jobs)


def _admit_rate(tx: Transaction, team: str, job_id: str, limit: int, now: int) -> None:
    hits = limits.hits(tx, team, now=now)
    if len(hits) >= limit:
        # The time when enough submits are older than a minute.
        frees_at = hits[len(hits) - limit] + limits.RATE_WINDOW_MS
        wait = max(1, -((now - frees_at) // 1000))
        raise Refused(
            Reason.RATE_LIMITED,
            f"Team {team} has reached its limit of {limit} submits per minute; try again in"
            f" {wait} s.",
            {"limit": limit, "taken": len(hits), "per": "60 s"},
            retry_after=wait,
        )
    limits.hit(tx, team, job_id, now=now)


def _admit_job(tx: Transaction, team: str, limit: int) -> None:
    running = limits.open_jobs(tx, team)
    if running >= limit:
        raise Refused(
            Reason.TOO_MANY_JOBS,
            f"Team {team} may have {limit} running jobs and has {running}; wait for one to end.",
            {"limit": limit, "running": running},
            retry_after=_JOB_ENDS_IN,
        )
