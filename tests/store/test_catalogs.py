"""Stored catalogs."""

import json

from gateway.domain.catalog import CatalogChange
from gateway.ports import Database, Transaction
from gateway.store import catalogs


async def test_the_newest_catalog_is_kept_in_any_write_order(database: Database) -> None:
    change = CatalogChange("price", "x/one", "pricing_skus", {"duration_seconds": "1"}, None)

    def act(tx: Transaction) -> None:
        catalogs.keep(tx, "main", "[2]", 200, [change])
        catalogs.keep(tx, "main", "[1]", 100)
        catalogs.keep(tx, "other", "[3]", 50)
        catalogs.keep(tx, "main", "[2]", 200, [change])  # another replica, the same fetch

    await database.write(act)

    stored = await database.read(catalogs.all_catalogs)
    assert sorted((c.upstream, c.models, c.fetched_at) for c in stored) == [
        ("main", "[2]", 200),
        ("other", "[3]", 50),
    ]
    (row,) = await database.read(lambda tx: catalogs.latest_changes(tx, 10))
    assert (row["kind"], row["model"], json.loads(row["before_value"])) == (
        "price",
        "x/one",
        {"duration_seconds": "1"},
    )
