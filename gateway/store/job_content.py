"""Store whether the upstream still has the video of a job."""

from gateway.ports import Transaction


def lose(tx: Transaction, job_id: str) -> bool:
    """Record that the job's video is permanently gone; False if that is already recorded."""
    return tx.changed(
        """
        UPDATE jobs SET content_gone = 1, version = version + 1
        WHERE id = :id AND content_gone = 0
        """,
        id=job_id,
    )


def regain(tx: Transaction, job_id: str) -> bool:
    """Record that the job's video is available again; False if it was not recorded as gone."""
    return tx.changed(
        """
        UPDATE jobs SET content_gone = 0, version = version + 1
        WHERE id = :id AND content_gone = 1
        """,
        id=job_id,
    )


def mark_missing(tx: Transaction, job_id: str, *, now: int) -> None:
    """Record since when the upstream does not have the job's video."""
    tx.execute(
        """
        UPDATE jobs SET content_missing_since = :now, version = version + 1
        WHERE id = :id AND content_missing_since IS NULL
        """,
        id=job_id,
        now=now,
    )


def mark_found(tx: Transaction, job_id: str) -> None:
    """Record that the upstream has the job's video."""
    tx.execute(
        """
        UPDATE jobs SET content_missing_since = NULL, version = version + 1
        WHERE id = :id AND content_missing_since IS NOT NULL
        """,
        id=job_id,
    )
