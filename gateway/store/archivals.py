"""Store the queue of outputs to fetch into the archive; workers claim rows with a lease."""

from dataclasses import dataclass

from gateway.ports import Transaction


@dataclass(frozen=True, slots=True)
class Archival:
    """An output that this holder may fetch until the lease expires; `token` fences its writes."""

    job_id: str
    output: int
    attempts: int
    give_up_at: int
    token: str


def plan(tx: Transaction, job_id: str, output: int, *, now: int, give_up_at: int) -> None:
    """Queue an output; it is due immediately."""
    tx.execute(
        """
        INSERT INTO archivals (job_id, output, due_at, attempts, give_up_at)
        VALUES (:job_id, :output, :now, 0, :give_up_at) ON CONFLICT DO NOTHING
        """,
        job_id=job_id,
        output=output,
        now=now,
        give_up_at=give_up_at,
    )


def due(tx: Transaction, *, now: int) -> bool:
    """Return whether any output is due and not leased."""
    row = tx.fetchrow(
        """
        SELECT job_id FROM archivals
        WHERE due_at <= :now AND (lease_until IS NULL OR lease_until <= :now) LIMIT 1
        """,
        now=now,
    )
    return row is not None


def lease(tx: Transaction, *, now: int, until: int, token: str, limit: int) -> list[Archival]:
    """Lease up to `limit` outputs that are due and not leased."""
    rows = tx.fetch(
        f"""
        UPDATE archivals SET lease_token = :token, lease_until = :until
        WHERE (job_id, output) IN (
          SELECT job_id, output FROM archivals
          WHERE due_at <= :now AND (lease_until IS NULL OR lease_until <= :now)
          ORDER BY due_at
          LIMIT :limit
          {tx.skip_locked}
        )
        RETURNING job_id, output, attempts, give_up_at
        """,
        now=now,
        until=until,
        token=token,
        limit=limit,
    )
    return [Archival(**dict(row), token=token) for row in rows]


def renew(tx: Transaction, held: Archival, *, until: int) -> bool:
    """Extend the lease; False if it was lost."""
    return tx.changed(
        """
        UPDATE archivals SET lease_until = :until
        WHERE job_id = :job_id AND output = :output AND lease_token = :token
        """,
        job_id=held.job_id,
        output=held.output,
        token=held.token,
        until=until,
    )


def put_off(tx: Transaction, held: Archival, *, due_at: int) -> bool:
    """Schedule the next attempt and release the lease; False if the lease was lost."""
    return tx.changed(
        """
        UPDATE archivals
        SET due_at = :due_at, attempts = attempts + 1, lease_token = NULL, lease_until = NULL
        WHERE job_id = :job_id AND output = :output AND lease_token = :token
        """,
        job_id=held.job_id,
        output=held.output,
        token=held.token,
        due_at=due_at,
    )


def drop(tx: Transaction, held: Archival) -> bool:
    """Remove a leased output from the queue; False if the lease was lost or it was fetched."""
    return tx.changed(
        """
        DELETE FROM archivals
        WHERE job_id = :job_id AND output = :output AND lease_token = :token
        """,
        job_id=held.job_id,
        output=held.output,
        token=held.token,
    )


def settle(tx: Transaction, job_id: str, output: int | None = None) -> None:
    """Remove one output of a job, or all of them, from the queue, also if they are leased."""
    if output is None:
        tx.execute("DELETE FROM archivals WHERE job_id = :job_id", job_id=job_id)
    else:
        tx.execute(
            "DELETE FROM archivals WHERE job_id = :job_id AND output = :output",
            job_id=job_id,
            output=output,
        )


def waiting(tx: Transaction, job_id: str) -> list[int]:
    """Return the outputs of a job that are still queued."""
    rows = tx.fetch(
        "SELECT output FROM archivals WHERE job_id = :job_id ORDER BY output", job_id=job_id
    )
    return [row["output"] for row in rows]


def void_leases(tx: Transaction, *, now: int) -> None:
    """End every lease. Only for the start of a process that is the database's only user."""
    tx.execute("UPDATE archivals SET lease_until = :now WHERE lease_until > :now", now=now)
