"""A team's rate and its open jobs, held exactly, as acts (docs/api.md, Errors: 429)."""

from dataclasses import dataclass

from gateway.domain.errors import Reason, Refused
from gateway.ports import Transaction
from gateway.store import limits

_JOB_ENDS_IN = 15  # seconds we ask a client to wait for one of its jobs to end; nobody knows better


@dataclass(frozen=True, slots=True)
class TrafficLimits:
    """None: no bound."""

    requests_per_minute: int | None = None
    concurrent_jobs: int | None = None


def admit(tx: Transaction, team: str, job_id: str, bounds: TrafficLimits, *, now: int) -> None:
    """Count this job toward the team's limits, if they have room.

    Exact over any number of replicas: who counts holds the team's row. What joins another job is
    never counted, so that a client's retry always gets its job.

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
        # The moment when enough of the last minute's submits are a minute old.
        frees_at = hits[len(hits) - limit] + limits.RATE_WINDOW_MS
        wait = max(1, -((now - frees_at) // 1000))
        raise Refused(
            Reason.RATE_LIMITED,
            f"Team {team} may submit {limit} jobs a minute and has; try again in {wait} s.",
            {"limit": limit, "taken": len(hits), "per": "60 s"},
            retry_after=wait,
        )
    limits.hit(tx, team, job_id, now=now)


def _admit_job(tx: Transaction, team: str, limit: int) -> None:
    running = limits.open_jobs(tx, team)
    if running >= limit:
        raise Refused(
            Reason.TOO_MANY_JOBS,
            f"Team {team} may have {limit} jobs running and has {running}; wait for one to end.",
            {"limit": limit, "running": running},
            retry_after=_JOB_ENDS_IN,
        )
