"""Query deliveries for operators: list them, show their attempts, replay them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.ports import Row, Transaction, Value

State = str
STATES = ("pending", "delivered", "dead")


@dataclass(frozen=True, slots=True)
class Shown:
    """One delivery with its event. Times are in epoch ms."""

    id: str
    endpoint: str
    url: str | None
    state: State
    attempts: int
    created_at: int
    next_attempt_at: int | None
    ended_at: int | None
    lease_until: int | None
    event_id: str
    event_type: str
    team: str | None
    job_id: str | None
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One HTTP attempt. `answer` holds the first bytes of the response."""

    attempt: int
    at: int
    status: int | None
    latency_ms: int
    error: str | None
    detail: str
    answer: str


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """A filter on deliveries; None matches all. `since` is in epoch ms, of their events."""

    state: State | None = None
    endpoint: str | None = None
    since: int | None = None
    before: tuple[int, str] | None = None  # last row of the previous page: created_at, id


# As constants, because a partial index (deliveries_dead, deliveries_undelivered) is not used for a
# parameter.
_STATES = {
    "pending": "d.state = 'pending' AND d.state <> 'delivered'",
    "delivered": "d.state = 'delivered'",
    "dead": "d.state = 'dead'",
}

_COLUMNS = """
  d.id, d.endpoint, d.url, d.state, d.attempts, d.created_at, d.next_attempt_at, d.ended_at,
  d.lease_until, d.event_id, e.type AS event_type, e.team, e.job_id, e.idempotency_key
"""


def page(tx: Transaction, wanted: DeliveryFilter, limit: int) -> Sequence[Shown]:
    """Return at most `limit` deliveries, newest first."""
    if wanted.endpoint is None or wanted.state is not None:
        return _page(tx, wanted, limit)
    # An endpoint's deliveries are in order for each state.
    found = [one for state in STATES for one in _page(tx, replace(wanted, state=state), limit)]
    return sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)[:limit]


def _page(tx: Transaction, wanted: DeliveryFilter, limit: int) -> Sequence[Shown]:
    conditions, params = _where(wanted)
    # Few are pending: they are sorted, where an index in order holds every delivery.
    made = "+d.created_at" if wanted.state == "pending" else "d.created_at"
    rows = tx.fetch(
        f"""
        SELECT {_COLUMNS} FROM deliveries d JOIN events e ON e.id = d.event_id
        WHERE {conditions}
        ORDER BY {made} DESC, d.id DESC
        LIMIT :limit
        """,
        limit=limit,
        **params,
    )
    return [_shown(row) for row in rows]


def find(tx: Transaction, delivery_id: str) -> Shown | None:
    """Return one delivery."""
    row = tx.fetchrow(
        f"""
        SELECT {_COLUMNS} FROM deliveries d JOIN events e ON e.id = d.event_id
        WHERE d.id = :id
        """,
        id=delivery_id,
    )
    return None if row is None else _shown(row)


def of_job(tx: Transaction, job_id: str) -> Sequence[Shown]:
    """Return the deliveries of a job's terminal event."""
    rows = tx.fetch(
        f"""
        SELECT {_COLUMNS} FROM events e JOIN deliveries d ON d.event_id = e.id
        WHERE e.job_id = :job_id
        ORDER BY d.created_at, d.id
        """,
        job_id=job_id,
    )
    return [_shown(row) for row in rows]


def attempts(tx: Transaction, delivery_id: str) -> Sequence[AttemptRecord]:
    """Return every attempt of one delivery, in order."""
    rows = tx.fetch(
        """
        SELECT attempt, at, status, latency_ms, error, detail, answer FROM delivery_attempts
        WHERE delivery_id = :id ORDER BY attempt
        """,
        id=delivery_id,
    )
    return [AttemptRecord(**dict(row)) for row in rows]


def replay(tx: Transaction, delivery_id: str, *, now: int) -> bool:
    """Make a delivery due now and restart its schedule; False while an attempt is running."""
    return tx.changed(
        """
        UPDATE deliveries
        SET state = 'pending', schedule_from = attempts, next_attempt_at = :now,
            ended_at = NULL, lease_token = NULL, lease_until = NULL
        WHERE id = :id AND (lease_token IS NULL OR lease_until <= :now)
        """,
        id=delivery_id,
        now=now,
    )


def replay_dead(tx: Transaction, *, since: int, endpoint: str | None, now: int, limit: int) -> int:
    """Make up to `limit` dead deliveries of events since `since` due; return how many.

    Deliveries of disabled endpoints are left out, because they would be dead-lettered again. So are
    those to sealed callback URLs, whose keys are deleted.
    """
    condition = "" if endpoint is None else "AND d.endpoint = :endpoint"
    params: dict[str, Value] = {} if endpoint is None else {"endpoint": endpoint}
    return tx.execute(
        f"""
        UPDATE deliveries
        SET state = 'pending', schedule_from = attempts, next_attempt_at = :now, ended_at = NULL
        WHERE id IN (
          SELECT d.id FROM deliveries d
          WHERE d.state = 'dead' AND d.created_at >= :since AND d.ended_at <= :now {condition}
            AND (d.url IS NULL OR d.url NOT LIKE 'sealed+%')
            AND NOT EXISTS (
              SELECT 1 FROM endpoints n WHERE n.name = d.endpoint AND n.disabled_at IS NOT NULL
            )
          ORDER BY d.created_at
          LIMIT :limit
        )
        """,
        now=now,
        since=since,
        limit=limit,
        **params,
    )


def _where(wanted: DeliveryFilter) -> tuple[str, dict[str, Value]]:
    """Return the WHERE conditions, which are constant text, and the parameters with the values."""
    conditions: list[str] = ["1 = 1"]
    params: dict[str, Value] = {}
    if wanted.state is not None:
        conditions.append(_STATES[wanted.state])
    if wanted.endpoint is not None:
        conditions.append("d.endpoint = :endpoint")
        params["endpoint"] = wanted.endpoint
    if wanted.since is not None:
        conditions.append("d.created_at >= :since")
        params["since"] = wanted.since
    if wanted.before is not None:
        conditions.append("(d.created_at, d.id) < (:made, :last)")
        params["made"], params["last"] = wanted.before
    return " AND ".join(conditions), params


def _shown(row: Row) -> Shown:
    return Shown(**dict(row))
