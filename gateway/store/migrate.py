"""The schema, brought up to date: numbered SQL files, each run once, in order, under a lock."""

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

# Any number, as long as every version of the gateway takes the same: "VGmigrat" in ASCII.
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

# What a `;` may hide in: a string, a quoted name, a comment. Not `$$`: SQLite has no such thing.
_TOKEN = re.compile(
    r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/ | ; | [^'"\-/;]+ | .""",
    re.DOTALL | re.VERBOSE,
)


class SchemaRefused(GatewayError):
    """The database's schema is not one this version of the gateway can work with."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered change of the schema; never edited after it was released."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """The checksum of the text, the same whatever line endings a checkout gave it."""
        return hashlib.sha256(self.sql.replace("\r\n", "\n").encode()).hexdigest()

    @property
    def label(self) -> str:
        """The file's name without its ending: `0001_jobs`."""
        return f"{self.number:04d}_{self.name}"


def bundled() -> tuple[Migration, ...]:
    """The migrations that came with this version of the gateway, in order.

    Raises:
        ValueError: two have one number, a number is missing, or there are none.

    """
    found: list[Migration] = []
    for file in resources.files("gateway.store").joinpath("migrations").iterdir():
        if match := _NAME.fullmatch(file.name):
            text = file.read_text(encoding="utf-8")
            found.append(Migration(int(match[1]), match[2], text))
    found.sort(key=lambda migration: migration.number)
    if not found or [one.number for one in found] != list(range(1, len(found) + 1)):
        raise ValueError(f"migrations must be 0001, 0002, ...: {[one.label for one in found]}")
    return tuple(found)


async def migrate(
    database: Database, migrations: Sequence[Migration], clock: Clock
) -> tuple[Migration, ...]:
    """Bring the schema up to date; the migrations that were run now.

    Any number of processes may do this at once: each migration is one transaction under a lock,
    and a process that comes second finds the row of the first. A migration that fails leaves
    nothing; those before it stay.

    Raises:
        SchemaRefused: the database is newer than this code, or a migration was changed after it
            had been run.
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
    """The migrations that `migrate` would run now; changes nothing.

    Raises:
        SchemaRefused: as `migrate`.

    """
    return await database.read(partial(_pending, migrations=migrations))


def statements(sql: str) -> Iterator[str]:
    """The statements of a file, without the comments between them.

    A statement ends at a `;` outside of strings, quoted names and comments. Triggers and
    functions, whose bodies hold one, are not for files that two databases share.
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
    """Run one migration; False if another process has done so meanwhile."""
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
    """The numbers that have been run, after making sure that they are ours."""
    known = {migration.number: migration for migration in migrations}
    rows = tx.fetch("SELECT number, name, sha256 FROM migrations ORDER BY number")
    for row in rows:
        label = f"{row['number']:04d}_{row['name']}"
        migration = known.get(row["number"])
        if migration is None:
            raise SchemaRefused(
                f"the database is newer than this gateway: it has migration {label}, which this "
                "version does not know. Run a version at least as new as the one that made it"
            )
        if migration.sha256 != row["sha256"]:
            raise SchemaRefused(
                f"migration {label} was changed after it had been run on this database. Restore "
                "the file as it was released, and put the change into a new migration"
            )
    done = frozenset(row["number"] for row in rows)
    for migration in migrations[: len(rows)]:
        if migration.number not in done:
            raise SchemaRefused(
                f"migration {migration.label} was never run on this database, though later ones "
                "were. Restore the database from a back-up: its schema can't be trusted"
            )
    return done


def _shared(tx: Transaction) -> bool:
    """Whether other processes may write at the same time: where rows can be locked by others."""
    return bool(tx.skip_locked)


def _lock(tx: Transaction) -> None:
    """Let one process migrate at a time, until its transaction ends."""
    if not _shared(tx):
        return  # one process owns the file, and its acts run one after another
    # A replica may wait here while another changes a large table; that has its own limits.
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
