"""Settings of an installation."""

import asyncio
import itertools

from gateway.ports import Database, Transaction
from gateway.store import settings


async def test_a_setting_is_created_once_for_every_replica(database: Database) -> None:
    numbers = itertools.count()

    def act(tx: Transaction) -> str:
        return settings.obtain(tx, "secret", lambda: f"number {next(numbers)}")

    values = await asyncio.gather(*(database.write(act) for _ in range(20)))

    assert len(set(values)) == 1
    assert await database.write(lambda tx: settings.obtain(tx, "other", lambda: "x")) == "x"
