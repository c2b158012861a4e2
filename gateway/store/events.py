"""Store events, callback subscriptions and deliveries: the outbox."""

from collections.abc import Sequence

from gateway.domain.delivery import lane_of
from gateway.domain.event import Event
from gateway.domain.units import epoch_ms, from_epoch_ms
from gateway.ports import Row, Transaction


def add(tx: Transaction, event: Event) -> bool:
    """Store an event; False if its job already has a terminal event."""
    return tx.changed(
        """
        INSERT INTO events (id, type, created_at, team, job_id, idempotency_key, body)
        VALUES (:id, :type, :created_at, :team, :job_id, :idempotency_key, :body)
        ON CONFLICT DO NOTHING
        """,
        id=event.id,
        type=event.type,
        created_at=epoch_ms(event.created_at),
        team=event.team,
        job_id=event.job_id,
        idempotency_key=event.idempotency_key,
        body=event.body.decode(),
    )


def subscribe(tx: Transaction, job_id: str, url: str, *, now: int) -> None:
    """Subscribe a client's `callback_url` to the job's terminal event; repeats have no effect."""
    tx.execute(
        """
        INSERT INTO subscriptions (job_id, url, created_at) VALUES (:job_id, :url, :now)
        ON CONFLICT DO NOTHING
        """,
        job_id=job_id,
        url=url,
        now=now,
    )


def subscribed(tx: Transaction, job_id: str) -> Sequence[str]:
    """Return the callback URLs of a job."""
    rows = tx.fetch(
        "SELECT url FROM subscriptions WHERE job_id = :job_id ORDER BY created_at, url",
        job_id=job_id,
    )
    return [row["url"] for row in rows]


def owe(
    tx: Transaction, delivery_id: str, event: Event, endpoint: str, url: str | None, *, now: int
) -> None:
    """Create a delivery of the event to one endpoint, due now."""
    tx.execute(
        """
        INSERT INTO deliveries (
          id, event_id, endpoint, lane, url, state, attempts, schedule_from, created_at,
          next_attempt_at
        ) VALUES (:id, :event_id, :endpoint, :lane, :url, 'pending', 0, 0, :now, :now)
        """,
        id=delivery_id,
        event_id=event.id,
        endpoint=endpoint,
        lane=lane_of(endpoint, url, event.team),
        url=url,
        now=now,
    )


def disabled_endpoints(tx: Transaction) -> set[str]:
    """Return the names of disabled endpoints."""
    rows = tx.fetch("SELECT name FROM endpoints WHERE disabled_at IS NOT NULL")
    return {row["name"] for row in rows}


def of_job(tx: Transaction, job_id: str) -> Event | None:
    """Return the job's terminal event; None while the job is open."""
    row = tx.fetchrow(
        """
        SELECT id, type, created_at, team, job_id, idempotency_key, body FROM events
        WHERE job_id = :job_id
        """,
        job_id=job_id,
    )
    return None if row is None else _event(row)


def find(tx: Transaction, event_id: str) -> Event | None:
    """Return one event."""
    row = tx.fetchrow(
        """
        SELECT id, type, created_at, team, job_id, idempotency_key, body FROM events
        WHERE id = :id
        """,
        id=event_id,
    )
    return None if row is None else _event(row)


def _event(row: Row) -> Event:
    return Event(
        id=row["id"],
        type=row["type"],
        created_at=from_epoch_ms(row["created_at"]),
        team=row["team"],
        job_id=row["job_id"],
        idempotency_key=row["idempotency_key"],
        body=row["body"].encode(),
    )
