"""Store when jobs are polled, and lease the polls that are due."""

from dataclasses import dataclass

from gateway.domain.job import Job
from gateway.ports import Transaction
from gateway.store.job_rows import COLUMNS, read_job


@dataclass(frozen=True, slots=True)
class PollLease:
    """A job that this holder may poll until the lease expires; `token` fences its writes."""

    job: Job
    token: str
    polls: int
    missing_since: int | None = None
    """Since when the upstream does not know the job, in epoch milliseconds."""


def poll_due(tx: Transaction, *, now: int) -> bool:
    """Return whether any poll is due and not leased."""
    row = tx.fetchrow(
        """
        SELECT id FROM jobs
        WHERE next_poll_at <= :now AND (lease_until IS NULL OR lease_until <= :now)
        LIMIT 1
        """,
        now=now,
    )
    return row is not None


def upstreams_due(tx: Transaction, *, now: int) -> list[str]:
    """Return every upstream, configured or not, with a poll that is due and not leased.

    The empty string keeps SQLite from reading the whole index of upstreams to find distinct ones.
    """
    rows = tx.fetch(
        """
        SELECT DISTINCT upstream || '' AS upstream FROM jobs
        WHERE next_poll_at <= :now AND (lease_until IS NULL OR lease_until <= :now)
        """,
        now=now,
    )
    return sorted(row["upstream"] for row in rows)


def lease_polls(
    tx: Transaction,
    *,
    now: int,
    until: int,
    token: str,
    limit: int,
    upstream: str | None = None,
) -> list[PollLease]:
    """Lease up to `limit` jobs, of one upstream or any, whose poll is due and not leased."""
    of_one = "" if upstream is None else "AND upstream = :upstream"
    named = {} if upstream is None else {"upstream": upstream}
    rows = tx.fetch(
        f"""
        UPDATE jobs SET lease_token = :token, lease_until = :until
        WHERE id IN (
          SELECT id FROM jobs
          WHERE next_poll_at <= :now AND (lease_until IS NULL OR lease_until <= :now) {of_one}
          ORDER BY next_poll_at
          LIMIT :limit
          {tx.skip_locked}
        )
        RETURNING {COLUMNS}, polls, missing_since
        """,
        now=now,
        until=until,
        token=token,
        limit=limit,
        **named,
    )
    return [PollLease(read_job(row), token, row["polls"], row["missing_since"]) for row in rows]


def reschedule(tx: Transaction, lease: PollLease, *, next_poll_at: int) -> bool:
    """Schedule the next poll and release the lease; False if the lease was lost."""
    return tx.changed(
        """
        UPDATE jobs
        SET next_poll_at = :next_poll_at, polls = polls + 1,
            lease_token = NULL, lease_until = NULL
        WHERE id = :id AND lease_token = :token AND next_poll_at IS NOT NULL
        """,
        id=lease.job.id,
        token=lease.token,
        next_poll_at=next_poll_at,
    )


def mark_missing(tx: Transaction, job_id: str, *, now: int) -> None:
    """Record since when the upstream does not know the job."""
    tx.execute(
        "UPDATE jobs SET missing_since = :now WHERE id = :id AND missing_since IS NULL",
        id=job_id,
        now=now,
    )


def mark_found(tx: Transaction, job_id: str) -> None:
    """Record that the upstream knows the job."""
    tx.execute("UPDATE jobs SET missing_since = NULL WHERE id = :id", id=job_id)


def poll_soon(tx: Transaction, job_id: str, *, now: int) -> None:
    """Make the next poll due now, after a hint; a job without a scheduled poll stays unchanged."""
    tx.execute(
        """
        UPDATE jobs SET next_poll_at = :now
        WHERE id = :id AND next_poll_at IS NOT NULL AND next_poll_at > :now
        """,
        id=job_id,
        now=now,
    )
