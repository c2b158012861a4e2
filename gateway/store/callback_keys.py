"""Store the keys of callback URLs whose path and query must not be readable in the database."""

from gateway.ports import Transaction


def obtain(tx: Transaction, job_id: str, fresh: str) -> str:
    """Return the job's key; without one, `fresh` becomes its key."""
    row = tx.fetchrow(
        """
        UPDATE jobs SET callback_key = COALESCE(callback_key, :fresh) WHERE id = :id
        RETURNING callback_key
        """,
        id=job_id,
        fresh=fresh,
    )
    return fresh if row is None else str(row["callback_key"])


def delete_unused(tx: Transaction, job_id: str) -> bool:
    """Delete the key of an ended job without pending deliveries to callbacks."""
    return tx.changed(
        """
        UPDATE jobs SET callback_key = NULL
        WHERE id = :id AND callback_key IS NOT NULL AND ended_at IS NOT NULL
          AND NOT EXISTS (
            SELECT 1 FROM events e JOIN deliveries d ON d.event_id = e.id
            WHERE e.job_id = :id AND d.url IS NOT NULL AND d.state = 'pending'
          )
        """,
        id=job_id,
    )


def has_key(tx: Transaction, job_id: str) -> bool:
    """Return whether the job has a key."""
    row = tx.fetchrow("SELECT callback_key FROM jobs WHERE id = :id", id=job_id)
    return row is not None and row["callback_key"] is not None
