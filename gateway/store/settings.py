"""Store single values of the installation, such as secrets created at the first start."""

from collections.abc import Callable

from gateway.ports import Transaction


def obtain(tx: Transaction, name: str, make: Callable[[], str]) -> str:
    """Return the stored value; the first call creates it. Every replica gets the same value."""
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
