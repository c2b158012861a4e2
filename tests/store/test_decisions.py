"""Shared records of decisions."""

from gateway.ports import Database
from gateway.store import decisions


async def test_a_record_is_stored_once_and_found_by_its_id(database: Database) -> None:
    await database.write(lambda tx: decisions.keep(tx, "20261122-a", "first", now=1))
    await database.write(lambda tx: decisions.keep(tx, "20261122-a", "second", now=2))

    assert await database.read(lambda tx: decisions.find(tx, "20261122-a")) == "first"
    assert await database.read(lambda tx: decisions.find(tx, "20261122-b")) is None
