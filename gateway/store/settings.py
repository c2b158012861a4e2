"""Single values of the installation: secrets made at first start."""

from collections.abc import Callable

from gateway.ports import Transaction


def obtain(tx: Transaction, name: str, make: Callable[[], str]) -> str:
    """The stored value; made and stored at the first call, the same for every replica after."""
    row = tx.fetchrow("SELECT value FROM settings WHERE name = :name", name=name)
    if row is not None:
        return str(row["value"])
    tx.execute(
        "INSERT INTO settings (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING",
        name=name,
        value=make(),
    )
    row = tx.fetchrow("SELECT value FROM settings WHERE name = :name", name=name)
    return str(row["value"]) if row is not None else ""
