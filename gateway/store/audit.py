"""Store the audit trail: records are appended and never changed."""

from collections.abc import Sequence

from gateway.domain.audit import AuditedAct, AuditEntry, Link, Record, chained
from gateway.domain.errors import StorageFailed
from gateway.ports import Row, Transaction

_COLUMNS = "number, at, act, subject, made_by, origin, details, previous, hash"


def append(tx: Transaction, entry: AuditEntry) -> Record:
    """Append one record to the chain. Call it last in a transaction: it blocks other appends.

    Raises:
        StorageFailed: the head row is missing; the transaction must not commit.

    """
    row = tx.fetchrow(
        "UPDATE audit_head SET number = number + 1 WHERE id = 1 RETURNING number, hash"
    )
    if row is None:
        raise StorageFailed("the audit trail's head row is missing; run `audit verify`")
    record = chained(entry, Link(row["number"] - 1, row["hash"]))
    tx.execute(
        f"""
        INSERT INTO audit ({_COLUMNS}) VALUES (
          :number, :at, :act, :subject, :made_by, :origin, :details, :previous, :hash
        )
        """,
        number=record.number,
        at=entry.at,
        act=entry.act,
        subject=entry.subject,
        made_by=entry.made_by,
        origin=entry.origin,
        details=entry.details,
        previous=record.previous,
        hash=record.hash,
    )
    tx.execute("UPDATE audit_head SET hash = :hash WHERE id = 1", hash=record.hash)
    return record


def head(tx: Transaction) -> Link | None:
    """Return the link of the last record from the head row; None if that row is missing."""
    row = tx.fetchrow("SELECT number, hash FROM audit_head WHERE id = 1")
    return None if row is None else Link(row["number"], row["hash"])


def find(tx: Transaction, number: int) -> Record | None:
    """Return one record."""
    row = tx.fetchrow(f"SELECT {_COLUMNS} FROM audit WHERE number = :number", number=number)
    return None if row is None else _record(row)


def after(tx: Transaction, number: int, limit: int) -> Sequence[Record]:
    """Return the records after `number`, oldest first."""
    rows = tx.fetch(
        f"SELECT {_COLUMNS} FROM audit WHERE number > :number ORDER BY number LIMIT :limit",
        number=number,
        limit=limit,
    )
    return [_record(row) for row in rows]


def latest(tx: Transaction, limit: int) -> Sequence[Record]:
    """Return the newest records, newest first."""
    rows = tx.fetch(f"SELECT {_COLUMNS} FROM audit ORDER BY number DESC LIMIT :limit", limit=limit)
    return [_record(row) for row in rows]


def last_of(tx: Transaction, *acts: AuditedAct) -> Record | None:
    """Return the newest record of any of these acts."""
    newest: Record | None = None
    for act in acts:
        row = tx.fetchrow(
            f"SELECT {_COLUMNS} FROM audit WHERE act = :act ORDER BY number DESC LIMIT 1",
            act=act.value,
        )
        if row is not None and (newest is None or row["number"] > newest.number):
            newest = _record(row)
    return newest


def _record(row: Row) -> Record:
    entry = AuditEntry(
        at=row["at"],
        act=row["act"],
        subject=row["subject"],
        made_by=row["made_by"],
        origin=row["origin"],
        details=row["details"],
    )
    return Record(entry, row["number"], row["previous"], row["hash"])
