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


def page(tx: Transaction, wanted: JobFilter, limit: int) -> Sequence[Job]:
    """Return at most `limit` jobs, newest first."""
    conditions, params = _where(wanted)
    rows = tx.fetch(
        f"""
        SELECT id FROM jobs WHERE {conditions}
        ORDER BY created_at DESC, id DESC LIMIT :limit
        """,
        limit=limit,
        **params,
    )
    found = (jobs.find(tx, row["id"]) for row in rows)
    return [job for job in found if job is not None]


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
    conditions, params = ["created_at >= :since"], dict[str, Value](since=wanted.since or 0)
    if wanted.team is not None:
        conditions.append("team = :team")
        params["team"] = wanted.team
    if wanted.status is not None:
        conditions.append("status = :status")
        params["status"] = wanted.status.value
    if wanted.before is not None:
        conditions.append("(created_at, id) < (:made, :last)")
        params["made"], params["last"] = wanted.before
    return " AND ".join(conditions), params
