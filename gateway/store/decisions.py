"""Store what the decisions of many jobs have in common: once a day, shared by these jobs."""

from gateway.ports import Transaction


def keep(tx: Transaction, record_id: str, record: str, *, now: int) -> None:
    """Store a record; one that is there already stays."""
    tx.execute(
        """
        INSERT INTO decisions (id, record, made_at) VALUES (:id, :record, :now)
        ON CONFLICT DO NOTHING
        """,
        id=record_id,
        record=record,
        now=now,
    )


def find(tx: Transaction, record_id: str) -> str | None:
    """Return a record; None if it is not stored."""
    row = tx.fetchrow("SELECT record FROM decisions WHERE id = :id", id=record_id)
    return None if row is None else str(row["record"])
