"""Migrate the schema: run numbered SQL files once, in order, under a lock."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources

from gateway.domain.errors import GatewayError
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database, Transaction

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")

# An arbitrary number that every version of the gateway uses: "VGmigrat" in ASCII.
_LOCK = 0x56476D6967726174

_TABLE = """
CREATE TABLE IF NOT EXISTS migrations (
  number BIGINT PRIMARY KEY,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  applied_at BIGINT NOT NULL
)
"""

_END = ";"

# A `;` may be inside a string, a quoted name or a comment. `$$` is left out: SQLite lacks it.
_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | ; | [^'"\-/;]+ | .""",
    re.DOTALL | re.VERBOSE,
)


class SchemaRefused(GatewayError):
    """This version of the gateway cannot work with the database's schema."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered change of the schema. It is never edited after its release."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """The checksum of the text, independent of its line endings."""
        return hashlib.sha256(self.sql.replace("\r\n", "\n").encode()).hexdigest()

    @property
    def label(self) -> str:
        """The file's name without its extension: `0001_jobs`."""
        return f"{self.number:04d}_{self.name}"


def bundled() -> tuple[Migration, ...]:
    """Return the migrations of this version of the gateway, in order.

    Raises:
        ValueError: a number occurs twice or is missing, or there are no migrations.

    """
    found: list[Migration] = []
    for file in resources.files("gateway.store").joinpath("migrations").iterdir():
        if match := _NAME.fullmatch(file.name):
            text = file.read_text(encoding="utf-8")
            found.append(Migration(int(match[1]), match[2], text))
    found.sort(key=lambda migration: migration.number)
    if not found or [one.number for one in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations must be 0001, 0002, ..., not {[one.label for one in found]}")
    return tuple(found)


async def migrate(
    database: Database, migrations: Sequence[Migration], clock: Clock
) -> tuple[Migration, ...]:
    """Run the pending migrations and return them.

    Several processes may call this at once: each migration is one transaction under a lock, and a
    later process finds the row of an earlier one. A failed migration is rolled back; the ones
    before it stay.

    Raises:
        SchemaRefused: the database is newer than this code, or a migration's file changed after
            the migration was run.
        StorageFailed: a migration failed.

    """
    await database.write(partial(_prepare, migrations=migrations))
    applied = [
        migration
        for migration in migrations
        if await database.write(partial(_apply, migration=migration, now=epoch_ms(clock.now())))
    ]
    return tuple(applied)


async def pending(database: Database, migrations: Sequence[Migration]) -> tuple[Migration, ...]:
    """Return the migrations that `migrate` would run; changes nothing.

    Raises:
        SchemaRefused: as `migrate`.

    """
    return await database.read(partial(_pending, migrations=migrations))


def statements(sql: str) -> Iterator[str]:
    """Yield the statements of a file, without comments.

    A statement ends at a `;` outside of strings, quoted names and comments. Triggers and functions,
    whose bodies contain a `;`, are not supported in files for both databases.
    """
    current: list[str] = []
    for token in _TOKEN.findall(sql):
        if token.startswith(("--", "/*")):
            continue
        if token != _END:
            current.append(token)
            continue
        yield from _whole(current)
        current = []
    yield from _whole(current)


def _whole(tokens: Sequence[str]) -> Iterator[str]:
    if statement := "".join(tokens).strip():
        yield statement


def _prepare(tx: Transaction, migrations: Sequence[Migration]) -> None:
    _lock(tx)
    tx.execute(_TABLE)
    _compare(tx, migrations)


def _apply(tx: Transaction, migration: Migration, now: int) -> bool:
    """Run one migration; False if another process has already run it."""
    _lock(tx)
    row = tx.fetchrow("SELECT name FROM migrations WHERE number = :number", number=migration.number)
    if row is not None:
        return False
    for statement in statements(migration.sql):
        tx.execute(statement)
    tx.execute(
        """
        INSERT INTO migrations (number, name, sha256, applied_at)
        VALUES (:number, :name, :sha256, :now)
        """,
        number=migration.number,
        name=migration.name,
        sha256=migration.sha256,
        now=now,
    )
    return True


def _pending(tx: Transaction, migrations: Sequence[Migration]) -> tuple[Migration, ...]:
    if not _has_table(tx):
        return tuple(migrations)
    done = _compare(tx, migrations)
    return tuple(migration for migration in migrations if migration.number not in done)


def _compare(tx: Transaction, migrations: Sequence[Migration]) -> frozenset[int]:
    """Return the numbers of the applied migrations, after comparing them with the files."""
    known = {migration.number: migration for migration in migrations}
    rows = tx.fetch("SELECT number, name, sha256 FROM migrations ORDER BY number")
    for row in rows:
        label = f"{row['number']:04d}_{row['name']}"
        migration = known.get(row["number"])
        if migration is None:
            raise SchemaRefused(
                f"the database is newer than this gateway: it has migration {label}, which this "
                "version does not know. Run a version at least as new as the one that applied it"
            )
        if migration.sha256 != row["sha256"]:
            raise SchemaRefused(
                f"migration {label} was changed after it had been run on this database. Restore "
                "the released file, and put the change into a new migration"
            )
    done = frozenset(row["number"] for row in rows)
    for migration in migrations[: len(rows)]:
        if migration.number not in done:
            raise SchemaRefused(
                f"migration {migration.label} was never run on this database, though later ones "
                "were. Restore the database from a backup: its schema is inconsistent"
            )
    return done


def _shared(tx: Transaction) -> bool:
    """Return whether other processes may write at the same time: the database has row locks."""
    return bool(tx.skip_locked)


def _lock(tx: Transaction) -> None:
    """Take the migration lock until the transaction ends, so that processes take turns."""
    if not _shared(tx):
        return  # one process owns the file and runs its acts one after another
    # A replica may wait here while another one changes a large table, so the limits are higher.
    tx.execute("SET LOCAL lock_timeout = '5min'")
    tx.execute("SET LOCAL statement_timeout = '10min'")
    tx.fetch("SELECT 1 AS locked FROM pg_advisory_xact_lock(:key)", key=_LOCK)


def _has_table(tx: Transaction) -> bool:
    if _shared(tx):
        where = """
            information_schema.tables
            WHERE table_schema = current_schema() AND table_name = 'migrations'
        """
    else:
        where = "sqlite_master WHERE type = 'table' AND name = 'migrations'"
    return tx.fetchrow(f"SELECT 1 AS found FROM {where}") is not None
