"""Store API keys that operators created at run time, by hash. Revoked keys stay as a record."""

from dataclasses import dataclass

from gateway.ports import Transaction


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One API key. The key itself is shown once, at creation, and never stored."""

    hash: str
    team: str
    name: str
    created_at: int
    created_by: str
    revoked_at: int | None


def all_keys(tx: Transaction) -> list[StoredKey]:
    """Return every key, including revoked ones, in the order of creation."""
    rows = tx.fetch(
        """
        SELECT hash, team, name, created_at, created_by, revoked_at FROM keys
        ORDER BY created_at, team, name
        """
    )
    return [StoredKey(**dict(row)) for row in rows]


def add(tx: Transaction, key: StoredKey) -> bool:
    """Store a new key; False if the team has an active key of this name."""
    return tx.changed(
        """
        INSERT INTO keys (hash, team, name, created_at, created_by)
        VALUES (:hash, :team, :name, :created_at, :created_by)
        ON CONFLICT DO NOTHING
        """,
        hash=key.hash,
        team=key.team,
        name=key.name,
        created_at=key.created_at,
        created_by=key.created_by,
    )


def revoke(tx: Transaction, team: str, name: str, *, now: int) -> bool:
    """Revoke the team's active key of this name; False if there is none."""
    return tx.changed(
        """
        UPDATE keys SET revoked_at = :now
        WHERE team = :team AND name = :name AND revoked_at IS NULL
        """,
        team=team,
        name=name,
        now=now,
    )
