"""Catalogs as last fetched, one row an upstream, so that a restart need not wait for one."""

from dataclasses import dataclass

from gateway.ports import Transaction


@dataclass(frozen=True, slots=True)
class StoredCatalog:
    """`models` is the JSON array of the entries; `fetched_at` epoch ms."""

    upstream: str
    models: str
    fetched_at: int


def all_catalogs(tx: Transaction) -> list[StoredCatalog]:
    """What was kept of every upstream."""
    rows = tx.fetch("SELECT upstream, models, fetched_at FROM catalogs")
    return [StoredCatalog(**dict(row)) for row in rows]


def keep(tx: Transaction, upstream: str, models: str, fetched_at: int) -> None:
    """Replace the upstream's catalog, unless another replica kept a newer one."""
    tx.execute(
        """
        INSERT INTO catalogs (upstream, models, fetched_at)
        VALUES (:upstream, :models, :fetched_at)
        ON CONFLICT (upstream) DO UPDATE
        SET models = excluded.models, fetched_at = excluded.fetched_at
        WHERE catalogs.fetched_at < excluded.fetched_at
        """,
        upstream=upstream,
        models=models,
        fetched_at=fetched_at,
    )
