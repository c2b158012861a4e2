"""Databases for every test: fresh SQLite files and databases of a real PostgreSQL server.

`database` is open, with the project's schema, on both kinds in turn; `empty_database` has no
table. `sqlite_url`, `postgres_url` and `database_url` (both in turn) are for tests that start
whole gateways. Where PostgreSQL can't be started, its half of the tests is skipped.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from gateway.adapters.clock import SystemClock
from gateway.adapters.database import open_database
from gateway.adapters.postgres import PostgresDatabase
from gateway.adapters.sqlite import SqliteDatabase
from gateway.store.migrate import bundled, migrate
from tests.fakes.postgres import PostgresServer, running_postgres
from tests.fakes.s3 import S3Server, running_s3

OpenDatabase = SqliteDatabase | PostgresDatabase


@pytest.fixture(scope="session")
def pg_server() -> Iterator[PostgresServer]:
    """One server for each process that runs tests; it starts within a second."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(running_postgres())
        except Exception as error:  # noqa: BLE001 - whatever keeps it from starting, others go on
            pytest.skip(f"PostgreSQL can't be started here: {error}")
        yield server


@pytest.fixture(scope="session")
def postgres_template(pg_server: PostgresServer) -> str:
    """The name of a database that has the schema, to be copied."""
    name = pg_server.create()
    _run(_migrated(pg_server.url(name)))
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that has the schema, to be copied."""
    path = tmp_path_factory.mktemp("template") / "gateway.db"
    _run(_migrated(f"sqlite:///{path}"))
    return path


@pytest.fixture
def postgres_url(pg_server: PostgresServer, postgres_template: str) -> Iterator[str]:
    """A PostgreSQL database of the test's own, with the schema."""
    name = pg_server.create(postgres_template)
    yield pg_server.url(name)
    pg_server.drop(name)


@pytest.fixture
def empty_postgres_url(pg_server: PostgresServer) -> Iterator[str]:
    """A PostgreSQL database of the test's own, without a table."""
    name = pg_server.create()
    yield pg_server.url(name)
    pg_server.drop(name)


@pytest.fixture
def sqlite_url(tmp_path: Path, sqlite_template: Path) -> str:
    """A SQLite file of the test's own, with the schema."""
    path = tmp_path / "gateway.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def empty_sqlite_url(tmp_path: Path) -> str:
    """Where a SQLite file may be made."""
    return f"sqlite:///{tmp_path / 'gateway.db'}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Both kinds in turn, with the schema."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest) -> str:
    """Both kinds in turn, without a table."""
    url: str = request.getfixturevalue(f"empty_{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[OpenDatabase]:
    """An open database of the test's own, with the project's schema."""
    database = await open_database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def empty_database(empty_database_url: str) -> AsyncIterator[OpenDatabase]:
    """An open database of the test's own, without a table."""
    database = await open_database(empty_database_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """One server that speaks S3 for each process that runs tests; it takes a second or two."""
    with running_s3() as server:
        yield server


async def _migrated(url: str) -> None:
    database = await open_database(url)
    try:
        await migrate(database, bundled(), SystemClock())
    finally:
        await database.close()


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end on a loop of its own; the caller's thread may have one that is running."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, work).result()
