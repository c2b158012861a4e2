"""Open the configured database for one command, run one function on it, and close it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.adapters.clock import SystemClock
from gateway.adapters.database import open_database
from gateway.config.schema import Config
from gateway.ports import Database
from gateway.store.migrate import bundled, migrate

T = TypeVar("T")


def read_database(config: Config, query: Callable[[Database], Awaitable[T]]) -> T:
    """Run `query` on the database, opened read-only; a gateway may be running on it.

    Raises:
        StorageFailed: the database can't be opened or read.

    """

    async def run() -> T:
        database = await open_database(config.database.url.get_secret_value(), read_only=True)
        try:
            return await query(database)
        finally:
            await database.close()

    return asyncio.run(run())


def write_database(config: Config, operation: Callable[[Database], Awaitable[T]]) -> T:
    """Migrate the database to the current schema, then run `operation` on it.

    Raises:
        StorageFailed: the database can't be opened or written, or a gateway has locked it.

    """

    async def run() -> T:
        database = await open_database(config.database.url.get_secret_value())
        try:
            await migrate(database, bundled(), SystemClock())
            return await operation(database)
        finally:
            await database.close()

    return asyncio.run(run())
