"""Open the database that a URL names, and refuse one that can't be used."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gateway.domain.errors import StorageFailed, UnusableDatabase
from gateway.ports import Database

if TYPE_CHECKING:
    from gateway.adapters.postgres import PostgresDatabase
    from gateway.adapters.sqlite import SqliteDatabase

_SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgres://")


class OpenedDatabase(Database, Protocol):
    """A database with warnings for operators."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings in plain words; empty if there are none."""


async def open_database(
    url: str,
    *,
    read_only: bool = False,
    on_failure: Callable[[StorageFailed], None] | None = None,
) -> "SqliteDatabase | PostgresDatabase":
    """Open the database that `database.url` of the configuration names.

    `sqlite:///relative`, `sqlite:////absolute` or `postgresql://user:pass@host/db`. `read_only`
    reads a SQLite file without locking it. `on_failure` is called once if a SQLite database must
    stop for good; PostgreSQL handles failures of its disk itself.

    Raises:
        UnusableDatabase: it can't be opened or trusted, or the URL names no database.

    """
    if url.startswith(_SQLITE):
        return await _open_sqlite(url, read_only=read_only, on_failure=on_failure)
    if url.startswith(_POSTGRES):
        return await _open_postgres(url)
    scheme = url.partition(":")[0]  # the rest may hold a password
    raise UnusableDatabase(
        f"database.url must begin with {_SQLITE} or {_POSTGRES[0]}, not {scheme}:"
    )


async def _open_sqlite(
    url: str, *, read_only: bool, on_failure: Callable[[StorageFailed], None] | None
) -> "SqliteDatabase":
    from gateway.adapters.sqlite import SqliteDatabase

    name = url.removeprefix(_SQLITE)
    if name in {"", ":memory:"}:
        raise UnusableDatabase(f"database.url must name a file after {_SQLITE}")
    return await SqliteDatabase.open(Path(name), read_only=read_only, on_failure=on_failure)


async def _open_postgres(url: str) -> "PostgresDatabase":
    try:
        # psycopg is needed on PostgreSQL only.
        from gateway.adapters.postgres import PostgresDatabase
    except ImportError as error:
        raise UnusableDatabase(
            "PostgreSQL needs the packages psycopg and psycopg-pool: "
            f"pip install 'video-gateway[postgres]' ({error})"
        ) from error
    return await PostgresDatabase.open(url)
