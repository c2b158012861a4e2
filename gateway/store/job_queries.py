"""Query jobs for operators: list them, and show their decision records."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.job import Job, Status
from gateway.ports import Row, Transaction, Value
from gateway.store import jobs


@dataclass(frozen=True, slots=True)
class JobFilter:
    """A filter on jobs; None matches all. `since` is in epoch ms, of their submission."""

    team: str | None = None
    status: Status | None = None
    since: int | None = None
    before: tuple[int, str] | None = None  # last row of the previous page: created_at, id


_OPEN = frozenset(status for status in Status if not status.terminal)

# Each must equal the WHERE text of an index (jobs_open_by_team, jobs_ended_badly), so that a rare
# status is not searched for among all jobs.
_KINDS = {
    **dict.fromkeys(_OPEN, "status IN ('submitting', 'unknown', 'pending', 'in_progress')"),
    **dict.fromkeys(
        (Status.FAILED, Status.CANCELLED, Status.EXPIRED),
        "status IN ('failed', 'cancelled', 'expired')",
    ),
}


def page(tx: Transaction, wanted: JobFilter, limit: int) -> Sequence[Job]:
    """Return at most `limit` jobs, newest first."""
    conditions, params = _where(wanted)
    order = "created_at DESC, id DESC"
    if wanted.status in _OPEN:
        # Without an operator SQLite and PostgreSQL may search all jobs in the order of their ids
        # for the few that are open; so they sort the open ones instead.
        order = "+created_at DESC, id DESC"
    return jobs.newest(tx, conditions, params, order=order, limit=limit)


def record(tx: Transaction, job_id: str) -> Row | None:
    """Return the operator-only columns of a job: its decision and its polling."""
    return tx.fetchrow(
        """
        SELECT decision, config_version, dedupe, polls, next_poll_at, unknown_since
        FROM jobs WHERE id = :id
        """,
        id=job_id,
    )


def _where(wanted: JobFilter) -> tuple[str, dict[str, Value]]:
    made = "+created_at" if wanted.status in _OPEN else "created_at"
    conditions, params = [f"{made} >= :since"], dict[str, Value](since=wanted.since or 0)
    if wanted.team is not None:
        conditions.append("team = :team")
        params["team"] = wanted.team
    if wanted.status is not None:
        conditions.append("status = :status")
        params["status"] = wanted.status.value
        if wanted.status in _KINDS:
            conditions.append(_KINDS[wanted.status])
    if wanted.before is not None:
        conditions.append(f"({made}, id) < (:made, :last)")
        params["made"], params["last"] = wanted.before
    return " AND ".join(conditions), params
