"""Store received webhooks, expected webhooks, and whether an upstream's webhooks work."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.ports import Transaction

_HEARD_EVERY = 60_000  # milliseconds; updating an upstream's row at every event would contend


@dataclass(frozen=True, slots=True)
class Receipt:
    """A verified webhook event about a known job."""

    upstream: str
    upstream_id: str
    job_id: str
    type: str
    idempotency_key: str
    body_sha256: str
    received_at: int
    raw_cost: str | None


def take(tx: Transaction, receipt: Receipt) -> bool:
    """Record a received event; False if it is a duplicate.

    Events are duplicates if their signed bytes are equal, or if they have the same idempotency key.
    The key alone is not enough, because its header is not signed.
    """
    return tx.changed(
        """
        INSERT INTO inbox (
          upstream, body_sha256, upstream_id, idempotency_key, job_id, type, raw_cost,
          received_at
        ) VALUES (
          :upstream, :body_sha256, :upstream_id, :idempotency_key, :job_id, :type, :raw_cost,
          :received_at
        )
        ON CONFLICT DO NOTHING
        """,
        upstream=receipt.upstream,
        body_sha256=receipt.body_sha256,
        upstream_id=receipt.upstream_id,
        idempotency_key=receipt.idempotency_key,
        job_id=receipt.job_id,
        type=receipt.type,
        raw_cost=receipt.raw_cost,
        received_at=receipt.received_at,
    )


def of_job(tx: Transaction, job_id: str) -> Sequence[Receipt]:
    """Return the received events about a job, in order of arrival."""
    rows = tx.fetch(
        """
        SELECT upstream, upstream_id, job_id, type, idempotency_key, body_sha256, received_at,
               raw_cost
        FROM inbox WHERE job_id = :job_id ORDER BY received_at, body_sha256
        """,
        job_id=job_id,
    )
    return [Receipt(**dict(row)) for row in rows]


def forget(tx: Transaction, *, before: int, limit: int) -> int:
    """Delete up to `limit` receipts from before `before`; return how many."""
    return tx.execute(
        """
        DELETE FROM inbox WHERE (upstream, body_sha256) IN (
          SELECT upstream, body_sha256 FROM inbox WHERE received_at < :before LIMIT :limit
        )
        """,
        before=before,
        limit=limit,
    )


def note_received(tx: Transaction, upstream: str, *, now: int) -> None:
    """Record that a verified webhook arrived: the upstream's webhooks work."""
    row = tx.fetchrow(
        "SELECT heard_at, missed_at FROM webhook_health WHERE upstream = :upstream",
        upstream=upstream,
    )
    if row is not None and row["heard_at"] is not None:
        fresh = now - row["heard_at"] < _HEARD_EVERY
        if fresh and (row["missed_at"] is None or row["missed_at"] < row["heard_at"]):
            return
    tx.execute(
        """
        INSERT INTO webhook_health (upstream, heard_at) VALUES (:upstream, :now)
        ON CONFLICT (upstream) DO UPDATE SET heard_at = :now
        """,
        upstream=upstream,
        now=now,
    )


def missed(tx: Transaction, upstream: str, *, now: int) -> None:
    """Record that a poll found a job's end and no webhook arrived."""
    tx.execute(
        """
        INSERT INTO webhook_health (upstream, missed_at) VALUES (:upstream, :now)
        ON CONFLICT (upstream) DO UPDATE SET missed_at = :now
        """,
        upstream=upstream,
        now=now,
    )


def working(tx: Transaction, upstream: str) -> bool:
    """Return whether a verified webhook arrived and none was missed since."""
    row = tx.fetchrow(
        """
        SELECT upstream FROM webhook_health
        WHERE upstream = :upstream AND heard_at IS NOT NULL
          AND (missed_at IS NULL OR missed_at < heard_at)
        """,
        upstream=upstream,
    )
    return row is not None


def expect(tx: Transaction, job_id: str, upstream: str, *, now: int) -> None:
    """Expect the job's webhook, because a poll found the job's end first."""
    tx.execute(
        """
        INSERT INTO awaited_webhooks (job_id, upstream, since) VALUES (:job_id, :upstream, :now)
        ON CONFLICT DO NOTHING
        """,
        job_id=job_id,
        upstream=upstream,
        now=now,
    )


def arrived(tx: Transaction, job_id: str) -> None:
    """Stop expecting the job's webhook, because it arrived."""
    tx.execute("DELETE FROM awaited_webhooks WHERE job_id = :job_id", job_id=job_id)


@dataclass(frozen=True, slots=True)
class Awaited:
    """An expected webhook that did not arrive."""

    job_id: str
    upstream: str


def overdue(tx: Transaction, *, before: int) -> bool:
    """Return whether any webhook has been expected since `before` or longer."""
    row = tx.fetchrow(
        "SELECT job_id FROM awaited_webhooks WHERE since <= :before LIMIT 1", before=before
    )
    return row is not None


def give_up(tx: Transaction, *, before: int, limit: int) -> Sequence[Awaited]:
    """Delete up to `limit` webhooks expected since `before` or longer, and return them once."""
    rows = tx.fetch(
        f"""
        DELETE FROM awaited_webhooks WHERE job_id IN (
          SELECT job_id FROM awaited_webhooks WHERE since <= :before
          ORDER BY since LIMIT :limit {tx.skip_locked}
        )
        RETURNING job_id, upstream
        """,
        before=before,
        limit=limit,
    )
    return [Awaited(row["job_id"], row["upstream"]) for row in rows]
