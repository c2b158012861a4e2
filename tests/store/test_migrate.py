import asyncio
from collections.abc import Sequence

import pytest

from gateway.adapters.database import open_database
from gateway.domain.errors import StorageFailed
from gateway.domain.units import epoch_ms
from gateway.ports import Row
from gateway.store.migrate import Migration, SchemaRefused, bundled, migrate, pending, statements
from tests.conftest import OpenDatabase
from tests.fakes.clock import FakeClock

FIRST = Migration(1, "notes", "CREATE TABLE notes (id BIGINT PRIMARY KEY, body TEXT);\n")
SECOND = Migration(
    2,
    "sizes",
    """
    -- One thought: how large a note is; isn't that nice.
    ALTER TABLE notes ADD COLUMN size BIGINT;
    INSERT INTO notes (id, body, size) VALUES (1, 'a; b -- c', 9);
    CREATE INDEX notes_by_size ON notes (size) WHERE size > 5;
    """,
)
BROKEN = Migration(3, "broken", "CREATE TABLE more (id BIGINT);\nINSERT INTO nowhere VALUES (1);")


async def rows(database: OpenDatabase, sql: str) -> Sequence[Row]:
    return await database.read(lambda tx: tx.fetch(sql))


async def test_migrations_are_run_once_and_recorded(empty_database: OpenDatabase) -> None:
    clock = FakeClock()

    assert await migrate(empty_database, [FIRST, SECOND], clock) == (FIRST, SECOND)
    assert await migrate(empty_database, [FIRST, SECOND], clock) == ()

    assert await rows(empty_database, "SELECT id, body, size FROM notes") == [
        {"id": 1, "body": "a; b -- c", "size": 9}
    ]
    assert await rows(empty_database, "SELECT * FROM migrations ORDER BY number") == [
        {
            "number": one.number,
            "name": one.name,
            "sha256": one.sha256,
            "applied_at": epoch_ms(clock.now()),
        }
        for one in (FIRST, SECOND)
    ]


async def test_later_migrations_run_after_earlier_ones(empty_database: OpenDatabase) -> None:
    await migrate(empty_database, [FIRST], FakeClock())

    assert await migrate(empty_database, [FIRST, SECOND], FakeClock()) == (SECOND,)


async def test_a_failed_migration_is_rolled_back(
    empty_database: OpenDatabase,
) -> None:
    with pytest.raises(StorageFailed):
        await migrate(empty_database, [FIRST, SECOND, BROKEN], FakeClock())

    assert await rows(empty_database, "SELECT number FROM migrations ORDER BY number") == [
        {"number": 1},
        {"number": 2},
    ]
    mended = Migration(3, "mended", "CREATE TABLE more (id BIGINT);")
    assert await migrate(empty_database, [FIRST, SECOND, mended], FakeClock()) == (mended,)


async def test_a_database_newer_than_the_code_is_refused(empty_database: OpenDatabase) -> None:
    await migrate(empty_database, [FIRST, SECOND], FakeClock())

    with pytest.raises(SchemaRefused, match="newer than this gateway: it has migration 0002_sizes"):
        await migrate(empty_database, [FIRST], FakeClock())


async def test_a_migration_changed_after_it_was_run_is_refused(
    empty_database: OpenDatabase,
) -> None:
    await migrate(empty_database, [FIRST], FakeClock())
    changed = Migration(1, "notes", FIRST.sql + "-- better\n")

    with pytest.raises(SchemaRefused, match="0001_notes was changed after it had been run"):
        await migrate(empty_database, [changed, SECOND], FakeClock())

    assert await rows(empty_database, "SELECT number FROM migrations") == [{"number": 1}]


async def test_a_gap_in_the_applied_migrations_is_refused(empty_database: OpenDatabase) -> None:
    await migrate(empty_database, [FIRST, SECOND], FakeClock())
    await empty_database.write(lambda tx: tx.execute("DELETE FROM migrations WHERE number = 1"))

    with pytest.raises(SchemaRefused, match="0001_notes was never run"):
        await migrate(empty_database, [FIRST, SECOND], FakeClock())


async def test_other_line_endings_are_not_a_change(empty_database: OpenDatabase) -> None:
    await migrate(empty_database, [FIRST, SECOND], FakeClock())
    there = Migration(2, "sizes", SECOND.sql.replace("\n", "\r\n"))

    assert await migrate(empty_database, [FIRST, there], FakeClock()) == ()


async def test_pending_returns_what_would_run_and_changes_nothing(
    empty_database: OpenDatabase,
) -> None:
    assert await pending(empty_database, [FIRST, SECOND]) == (FIRST, SECOND)
    await migrate(empty_database, [FIRST], FakeClock())
    assert await pending(empty_database, [FIRST, SECOND]) == (SECOND,)
    assert await pending(empty_database, [FIRST]) == ()
    with pytest.raises(SchemaRefused):
        await pending(empty_database, [SECOND])


async def test_concurrent_migrations_run_each_migration_once(
    empty_database: OpenDatabase,
) -> None:
    done = await asyncio.gather(
        *(migrate(empty_database, [FIRST, SECOND], FakeClock()) for _ in range(8))
    )

    assert sorted(one.number for some in done for one in some) == [1, 2]


async def test_concurrently_starting_replicas_run_each_migration_once(
    empty_postgres_url: str,
) -> None:
    replicas = [await open_database(empty_postgres_url) for _ in range(4)]
    try:
        done = await asyncio.gather(
            *(migrate(replica, [FIRST, SECOND], FakeClock()) for replica in replicas)
        )
    finally:
        for replica in replicas:
            await replica.close()

    assert sorted(one.number for some in done for one in some) == [1, 2]


async def test_the_gateways_migrations_run_on_both_databases(empty_database: OpenDatabase) -> None:
    assert await migrate(empty_database, bundled(), FakeClock()) == bundled()
    assert await pending(empty_database, bundled()) == ()


def test_bundled_migrations_are_numbered_without_a_gap() -> None:
    found = bundled()

    assert [one.number for one in found] == list(range(1, len(found) + 1))
    assert all(list(statements(one.sql)) for one in found)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("", []),
        ("-- nothing; at all\n/* nor; here */ ;;\n", []),
        ("A;\nB;", ["A", "B"]),
        ("A; B", ["A", "B"]),
        ("A 'x;''y' ;\nB", ["A 'x;''y'", "B"]),
        ('A "odd;name" ;', ['A "odd;name"']),
        ("A -- it's; one\nB;", ["A \nB"]),
        ("A /* it's;\n one */ B;", ["A  B"]),
        ("A 1 - 2 / 3;", ["A 1 - 2 / 3"]),
        ("A '-- no comment';", ["A '-- no comment'"]),
        ("A '/* nor';\nB '*/';", ["A '/* nor'", "B '*/'"]),
    ],
)
def test_a_file_is_split_into_its_statements(sql: str, expected: list[str]) -> None:
    assert list(statements(sql)) == expected
