"""Store the claims of jobs on fingerprints and idempotency keys: one row per claim."""

from dataclasses import dataclass

from gateway.domain.errors import StorageFailed
from gateway.domain.job import JobId
from gateway.ports import Transaction

# The holder may release its claim between our INSERT and SELECT (READ COMMITTED in PostgreSQL).
_TRIES = 5


def claim(tx: Transaction, team: str, fingerprint: str, job_id: str) -> JobId | None:
    """Claim the fingerprint for this job; return the id of the job that already holds it, or None.

    Raises:
        StorageFailed: the claim changed between every insert and read; nothing was claimed.

    """
    for _ in range(_TRIES):
        claimed = tx.execute(
            """
            INSERT INTO fingerprints (team, fingerprint, job_id)
            VALUES (:team, :fingerprint, :job_id)
            ON CONFLICT (team, fingerprint) DO NOTHING
            """,
            team=team,
            fingerprint=fingerprint,
            job_id=job_id,
        )
        if claimed:
            return None
        row = tx.fetchrow(
            "SELECT job_id FROM fingerprints WHERE team = :team AND fingerprint = :fingerprint",
            team=team,
            fingerprint=fingerprint,
        )
        if row is not None:
            return JobId(row["job_id"])
    raise StorageFailed("the claim of a fingerprint changed during every attempt")


def take_over(tx: Transaction, team: str, fingerprint: str, old: str, new: str) -> bool:
    """Move the claim from job `old` to job `new`; False if `old` no longer holds it."""
    return tx.changed(
        """
        UPDATE fingerprints SET job_id = :new
        WHERE team = :team AND fingerprint = :fingerprint AND job_id = :old
        """,
        team=team,
        fingerprint=fingerprint,
        old=old,
        new=new,
    )


def release(tx: Transaction, job_id: str) -> None:
    """Release the job's fingerprint, so that the next identical request creates a new job."""
    tx.execute("DELETE FROM fingerprints WHERE job_id = :job_id", job_id=job_id)


@dataclass(frozen=True, slots=True)
class KeyClaim:
    """The first use of an idempotency key."""

    fingerprint: str
    job_id: JobId
    created_at: int


def claim_key(
    tx: Transaction, team: str, key_hash: str, fingerprint: str, job_id: str, *, now: int
) -> KeyClaim | None:
    """Claim an idempotency key for this job; return its earlier use, or None.

    Raises:
        StorageFailed: as `claim`.

    """
    for _ in range(_TRIES):
        claimed = tx.execute(
            """
            INSERT INTO idempotency_keys (team, key_hash, fingerprint, job_id, created_at)
            VALUES (:team, :key_hash, :fingerprint, :job_id, :now)
            ON CONFLICT (team, key_hash) DO NOTHING
            """,
            team=team,
            key_hash=key_hash,
            fingerprint=fingerprint,
            job_id=job_id,
            now=now,
        )
        if claimed:
            return None
        row = tx.fetchrow(
            """
            SELECT fingerprint, job_id, created_at FROM idempotency_keys
            WHERE team = :team AND key_hash = :key_hash
            """,
            team=team,
            key_hash=key_hash,
        )
        if row is not None:
            return KeyClaim(row["fingerprint"], JobId(row["job_id"]), row["created_at"])
    raise StorageFailed("the claim of an idempotency key changed during every attempt")


def drop_key(tx: Transaction, team: str, key_hash: str, job_id: str) -> None:
    """Delete an idempotency key that this job holds."""
    tx.execute(
        """
        DELETE FROM idempotency_keys
        WHERE team = :team AND key_hash = :key_hash AND job_id = :job_id
        """,
        team=team,
        key_hash=key_hash,
        job_id=job_id,
    )


def move_keys(tx: Transaction, old: str, new: str) -> None:
    """Point the idempotency keys of job `old` to job `new`, which the request joined."""
    tx.execute(
        "UPDATE idempotency_keys SET job_id = :new WHERE job_id = :old",
        old=old,
        new=new,
    )


def release_keys(tx: Transaction, job_id: str) -> None:
    """Delete every idempotency key of a refused job, so that the client may retry."""
    tx.execute("DELETE FROM idempotency_keys WHERE job_id = :job_id", job_id=job_id)


def forget_old_keys(tx: Transaction, *, before: int, limit: int) -> int:
    """Delete up to `limit` idempotency keys from before `before`; return how many."""
    return tx.execute(
        """
        DELETE FROM idempotency_keys WHERE (team, key_hash) IN (
          SELECT team, key_hash FROM idempotency_keys WHERE created_at < :before LIMIT :limit
        )
        """,
        before=before,
        limit=limit,
    )
