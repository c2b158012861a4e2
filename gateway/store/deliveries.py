"""Store deliveries: claim them by lane with a lease, and record the result of each attempt.

A claim moves `next_attempt_at` to the end of the lease, so the delivery becomes due again when the
lease expires. A crashed process therefore loses nothing, and one index finds everything due.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.delivery import AttemptOutcome
from gateway.domain.event import Event
from gateway.domain.sealed_url import UrlUnreadable, open_url
from gateway.domain.units import from_epoch_ms
from gateway.ports import Row, Transaction


@dataclass(frozen=True, slots=True)
class Lease:
    """A delivery that this holder may send until the lease expires; `token` fences its writes."""

    id: str
    token: str
    until: int
    endpoint: str
    lane: str
    url: str | None
    attempts: int  # made so far
    schedule_from: int  # how many of them were made before the last replay
    event: Event
    request_id: str | None  # of the event's job
    traceparent: str | None


def due_lanes(tx: Transaction, *, now: int, at_once: int, limit: int) -> Sequence[str]:
    """Return lanes with a due delivery and fewer than `at_once` leased, longest waiting first.

    The query skips from lane to lane in the index, so its cost does not grow with the backlog.
    """
    rows = tx.fetch(
        """
        WITH RECURSIVE owed (lane) AS (
          SELECT MIN(lane) FROM deliveries WHERE state = 'pending'
          UNION ALL
          SELECT (SELECT MIN(d.lane) FROM deliveries d
                  WHERE d.state = 'pending' AND d.lane > owed.lane)
          FROM owed WHERE owed.lane IS NOT NULL
        )
        SELECT found.lane FROM (
          SELECT owed.lane AS lane,
                 (SELECT MIN(d.next_attempt_at) FROM deliveries d
                  WHERE d.state = 'pending' AND d.lane = owed.lane) AS due,
                 (SELECT COUNT(*) FROM deliveries d
                  WHERE d.lane = owed.lane AND d.lease_token IS NOT NULL
                    AND d.lease_until > :now) AS held
          FROM owed WHERE owed.lane IS NOT NULL
        ) found
        WHERE found.due <= :now AND found.held < :at_once
        ORDER BY found.due
        LIMIT :limit
        """,
        now=now,
        at_once=at_once,
        limit=limit,
    )
    return [row["lane"] for row in rows]


def claim(
    tx: Transaction, lane: str, *, now: int, until: int, token: str, at_once: int, limit: int
) -> list[Lease]:
    """Lease up to `limit` due deliveries of a lane, with at most `at_once` leased in total.

    The transaction locks the lane's row, so that replicas count one after another. `token` must be
    new for each call.
    """
    tx.execute(
        """
        INSERT INTO lanes (lane, claimed_at) VALUES (:lane, :now)
        ON CONFLICT (lane) DO UPDATE SET claimed_at = :now
        """,
        lane=lane,
        now=now,
    )
    held = tx.fetchrow(
        """
        SELECT COUNT(*) AS held FROM deliveries
        WHERE lane = :lane AND lease_token IS NOT NULL AND lease_until > :now
        """,
        lane=lane,
        now=now,
    )
    room = min(limit, at_once - (0 if held is None else held["held"]))
    if room <= 0:
        return []
    tx.execute(
        f"""
        UPDATE deliveries
        SET lease_token = :token, lease_until = :until, next_attempt_at = :until
        WHERE id IN (
          SELECT id FROM deliveries
          WHERE state = 'pending' AND lane = :lane AND next_attempt_at <= :now
          ORDER BY next_attempt_at
          LIMIT :room
          {tx.skip_locked}
        )
        """,
        token=token,
        until=until,
        lane=lane,
        now=now,
        room=room,
    )
    rows = tx.fetch(
        """
        SELECT d.id AS delivery_id, d.lease_token, d.lease_until, d.endpoint, d.lane, d.url,
               d.attempts, d.schedule_from, e.id, e.type, e.created_at, e.team, e.job_id,
               e.idempotency_key, e.body, j.request_id, j.traceparent, j.callback_key
        FROM deliveries d
        JOIN events e ON e.id = d.event_id
        LEFT JOIN jobs j ON j.id = e.job_id
        WHERE d.lane = :lane AND d.lease_token = :token
        ORDER BY d.created_at, d.id
        """,
        lane=lane,
        token=token,
    )
    return [_lease(row) for row in rows]


def delivered(tx: Transaction, lease: Lease, *, now: int) -> bool:
    """Mark the delivery as delivered; False if the lease was lost."""
    return _end(tx, lease, "delivered", now)


def dead(tx: Transaction, lease: Lease, *, now: int) -> bool:
    """Dead-letter the delivery; False if the lease was lost."""
    return _end(tx, lease, "dead", now)


def retry(tx: Transaction, lease: Lease, *, at: int) -> bool:
    """Schedule the next attempt and release the lease; False if the lease was lost."""
    return tx.changed(
        """
        UPDATE deliveries
        SET attempts = attempts + 1, next_attempt_at = :at,
            lease_token = NULL, lease_until = NULL
        WHERE id = :id AND lease_token = :token AND state = 'pending'
        """,
        id=lease.id,
        token=lease.token,
        at=at,
    )


def note(tx: Transaction, lease: Lease, outcome: AttemptOutcome, *, now: int) -> None:
    """Record an attempt; call it only if the lease was not lost."""
    tx.execute(
        """
        INSERT INTO delivery_attempts (
          delivery_id, attempt, at, status, latency_ms, error, detail, answer
        ) VALUES (:id, :attempt, :at, :status, :latency_ms, :error, :detail, :answer)
        """,
        id=lease.id,
        attempt=lease.attempts + 1,
        at=now,
        status=outcome.status,
        latency_ms=outcome.latency_ms,
        error=None if outcome.error is None else outcome.error.value,
        detail=outcome.detail,
        answer=outcome.answer,
    )


def dead_letter(tx: Transaction, endpoint: str, *, now: int) -> int:
    """Dead-letter an endpoint's pending deliveries that are not leased; return how many."""
    return tx.execute(
        """
        UPDATE deliveries
        SET state = 'dead', ended_at = :now, next_attempt_at = NULL,
            lease_token = NULL, lease_until = NULL
        WHERE endpoint = :endpoint AND state = 'pending'
          AND (lease_token IS NULL OR lease_until <= :now)
        """,
        endpoint=endpoint,
        now=now,
    )


def void_leases(tx: Transaction, *, now: int) -> None:
    """End every lease. Only for the start of a process that is the database's only user."""
    tx.execute(
        """
        UPDATE deliveries SET next_attempt_at = :now, lease_token = NULL, lease_until = NULL
        WHERE lease_token IS NOT NULL AND state = 'pending'
        """,
        now=now,
    )


def forget_delivered(tx: Transaction, *, before: int, limit: int) -> int:
    """Delete up to `limit` deliveries, with attempts, that were delivered before `before`."""
    rows = tx.fetch(
        f"""
        SELECT id FROM deliveries WHERE state = 'delivered' AND ended_at < :before
        ORDER BY ended_at LIMIT :limit {tx.skip_locked}
        """,
        before=before,
        limit=limit,
    )
    for row in rows:
        tx.execute("DELETE FROM delivery_attempts WHERE delivery_id = :id", id=row["id"])
        tx.execute("DELETE FROM deliveries WHERE id = :id", id=row["id"])
    return len(rows)


def forget_lanes(tx: Transaction, *, before: int, limit: int) -> int:
    """Delete up to `limit` lanes without a claim since `before`; return how many."""
    return tx.execute(
        f"""
        DELETE FROM lanes WHERE lane IN (
          SELECT lane FROM lanes WHERE claimed_at < :before LIMIT :limit {tx.skip_locked}
        )
        """,
        before=before,
        limit=limit,
    )


def _end(tx: Transaction, lease: Lease, state: str, now: int) -> bool:
    return tx.changed(
        """
        UPDATE deliveries
        SET state = :state, attempts = attempts + 1, ended_at = :now, next_attempt_at = NULL,
            lease_token = NULL, lease_until = NULL
        WHERE id = :id AND lease_token = :token AND state = 'pending'
        """,
        id=lease.id,
        token=lease.token,
        state=state,
        now=now,
    )


def _lease(row: Row) -> Lease:
    return Lease(
        id=row["delivery_id"],
        token=row["lease_token"],
        until=row["lease_until"],
        endpoint=row["endpoint"],
        lane=row["lane"],
        url=_readable(row),
        attempts=row["attempts"],
        schedule_from=row["schedule_from"],
        event=Event(
            id=row["id"],
            type=row["type"],
            created_at=from_epoch_ms(row["created_at"]),
            team=row["team"],
            job_id=row["job_id"],
            idempotency_key=row["idempotency_key"],
            body=row["body"].encode(),
        ),
        request_id=row["request_id"],
        traceparent=row["traceparent"],
    )


def _readable(row: Row) -> str | None:
    """Return the client's URL; one that can't be read stays sealed, and no attempt accepts it."""
    if row["url"] is None:
        return None
    try:
        return open_url(row["url"], row["callback_key"], row["job_id"] or "")
    except UrlUnreadable:
        return str(row["url"])
