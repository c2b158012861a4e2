"""Store the decision records of refused requests."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.ports import Transaction


@dataclass(frozen=True, slots=True)
class RefusalRecord:
    """One refused submit. `decision` is the record as JSON, without any part of a prompt."""

    id: str
    at: int
    team: str
    key_name: str
    model: str
    reason: str
    decision: str
    request_id: str


def add(tx: Transaction, refusal: RefusalRecord) -> None:
    """Store one refusal."""
    tx.execute(
        """
        INSERT INTO refusals (id, at, team, key_name, model, reason, decision, request_id)
        VALUES (:id, :at, :team, :key_name, :model, :reason, :decision, :request_id)
        """,
        id=refusal.id,
        at=refusal.at,
        team=refusal.team,
        key_name=refusal.key_name,
        model=refusal.model,
        reason=refusal.reason,
        decision=refusal.decision,
        request_id=refusal.request_id,
    )


def latest(tx: Transaction, limit: int) -> Sequence[RefusalRecord]:
    """Return the newest refusals, newest first."""
    rows = tx.fetch(
        """
        SELECT id, at, team, key_name, model, reason, decision, request_id
        FROM refusals ORDER BY at DESC LIMIT :limit
        """,
        limit=limit,
    )
    return [RefusalRecord(**dict(row)) for row in rows]


def forget(tx: Transaction, *, before: int, limit: int) -> int:
    """Delete up to `limit` refusals from before `before`; return how many."""
    return tx.execute(
        """
        DELETE FROM refusals
        WHERE id IN (SELECT id FROM refusals WHERE at < :before LIMIT :limit)
        """,
        before=before,
        limit=limit,
    )
