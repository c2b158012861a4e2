"""Store the attempts to submit a job."""

from collections.abc import Sequence

from gateway.domain.job import Job
from gateway.ports import Row, Transaction


def start(tx: Transaction, job_id: str, attempt: int, *, now: int) -> None:
    """Record that the job is about to be sent again, before the connection is made.

    The first attempt is recorded by the insertion of the job.
    """
    tx.execute(
        """
        INSERT INTO submit_attempts (job_id, attempt, started_at)
        VALUES (:job_id, :attempt, :now)
        """,
        job_id=job_id,
        attempt=attempt,
        now=now,
    )


def finish(tx: Transaction, job: Job, attempt: int, outcome: str, detail: str | None) -> None:
    """Record the outcome of an attempt: accepted, refused, not_sent or unknown.

    A first attempt that was accepted needs no row: the job has the upstream's id.
    """
    if attempt == 1 and outcome == "accepted":
        return
    tx.execute(
        """
        INSERT INTO submit_attempts (job_id, attempt, started_at, outcome, detail)
        VALUES (:job_id, :attempt, :started_at, :outcome, :detail)
        ON CONFLICT (job_id, attempt) DO UPDATE SET outcome = :outcome, detail = :detail
        """,
        job_id=job.id,
        attempt=attempt,
        started_at=job.created_at,
        outcome=outcome,
        detail=detail,
    )


def of_job(tx: Transaction, job: Job) -> Sequence[Row]:
    """Return every attempt to submit the job, in order, including a first one without a row."""
    rows = tx.fetch(
        """
        SELECT attempt, started_at, outcome, detail FROM submit_attempts
        WHERE job_id = :job_id ORDER BY attempt
        """,
        job_id=job.id,
    )
    if rows and rows[0]["attempt"] == 1:
        return rows
    first = {
        "attempt": 1,
        "started_at": job.created_at,
        "outcome": None if job.upstream_id is None else "accepted",
        "detail": None,
    }
    return [first, *rows]


def last_refused(tx: Transaction, job_id: str) -> bool:
    """Return whether the job's last attempt is recorded as refused or not sent."""
    row = tx.fetchrow(
        """
        SELECT outcome FROM submit_attempts WHERE job_id = :job_id ORDER BY attempt DESC LIMIT 1
        """,
        job_id=job_id,
    )
    return row is not None and row["outcome"] in ("refused", "not_sent")
