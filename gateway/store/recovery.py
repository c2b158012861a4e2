"""Find the jobs that a crash or a lost answer left undecided."""

from gateway.domain.job import Job, JobId
from gateway.ports import Transaction
from gateway.store.job_rows import COLUMNS, UNDECIDED, read_job


def orphans(tx: Transaction, *, now: int) -> list[JobId]:
    """Return the jobs that are `submitting` although their lease expired."""
    rows = tx.fetch(
        f"""
        SELECT id FROM jobs
        WHERE {UNDECIDED} AND status = 'submitting' AND lease_until <= :now
        """,
        now=now,
    )
    return [JobId(row["id"]) for row in rows]


def unresolved(tx: Transaction, upstream: str, *, since: int) -> list[Job]:
    """Return one upstream's jobs that have been `unknown` since `since` or earlier."""
    rows = tx.fetch(
        f"""
        SELECT {COLUMNS} FROM jobs
        WHERE {UNDECIDED} AND status = 'unknown'
          AND upstream = :upstream AND unknown_since <= :since
        """,
        upstream=upstream,
        since=since,
    )
    return [read_job(row) for row in rows]


def upstreams_of_unresolved(tx: Transaction) -> set[str]:
    """Return every upstream, configured or not, that has an `unknown` job."""
    rows = tx.fetch(f"SELECT DISTINCT upstream FROM jobs WHERE {UNDECIDED} AND status = 'unknown'")
    return {row["upstream"] for row in rows}


def void_leases(tx: Transaction, *, now: int) -> None:
    """End every lease. Only for the start of a process that is the database's only user.

    Two statements, because a leased job either is being submitted or is polled, and each kind has
    a partial index.
    """
    for leased in (UNDECIDED, "next_poll_at IS NOT NULL"):
        tx.execute(
            f"UPDATE jobs SET lease_until = :now WHERE {leased} AND lease_until > :now", now=now
        )
