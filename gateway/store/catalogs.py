"""Store the last fetched catalog of each upstream, and the changes between catalogs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.catalog import CatalogChange
from gateway.ports import Row, Transaction


@dataclass(frozen=True, slots=True)
class StoredCatalog:
    """One upstream's catalog. `models` is a JSON array of entries; `fetched_at` is epoch ms."""

    upstream: str
    models: str
    fetched_at: int


def all_catalogs(tx: Transaction) -> list[StoredCatalog]:
    """Return the stored catalog of every upstream."""
    rows = tx.fetch("SELECT upstream, models, fetched_at FROM catalogs")
    return [StoredCatalog(**dict(row)) for row in rows]


def keep(
    tx: Transaction,
    upstream: str,
    models: str,
    fetched_at: int,
    changed: Sequence[CatalogChange] = (),
) -> None:
    """Replace the upstream's catalog, unless a newer one is stored, and record the changes."""
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
    for number, change in enumerate(changed):
        tx.execute(
            """
            INSERT INTO catalog_changes (
              upstream, at, number, kind, model, field, before_value, after_value
            ) VALUES (:upstream, :at, :number, :kind, :model, :field, :before, :after)
            ON CONFLICT DO NOTHING
            """,
            upstream=upstream,
            at=fetched_at,
            number=number,
            kind=change.kind,
            model=change.model,
            field=change.field,
            before=json.dumps(change.before, default=str),
            after=json.dumps(change.after, default=str),
        )


def latest_changes(tx: Transaction, limit: int) -> Sequence[Row]:
    """Return catalog changes, newest first."""
    return tx.fetch(
        """
        SELECT upstream, at, kind, model, field, before_value, after_value
        FROM catalog_changes ORDER BY at DESC, upstream, number LIMIT :limit
        """,
        limit=limit,
    )
