"""The promises of `gateway.ports.Database`, kept by both databases alike."""

import asyncio
import random
import threading
from collections.abc import Callable
from enum import IntEnum, StrEnum
from functools import partial
from typing import Any

import pytest

from gateway.adapters.database import open_database
from gateway.domain.errors import StorageFailed
from gateway.ports import Transaction
from tests.conftest import OpenDatabase

PATIENCE = 20  # seconds until a test that waits for another thread gives up


@pytest.fixture
async def database(empty_database: OpenDatabase) -> OpenDatabase:
    """A database with two throw-away tables: notes, and purses with a limit."""
    await empty_database.write(_make_tables)
    return empty_database


def _make_tables(tx: Transaction) -> None:
    tx.execute("CREATE TABLE notes (id BIGINT PRIMARY KEY, body TEXT, size BIGINT)")
    tx.execute(
        """
        CREATE TABLE purses (
          id TEXT PRIMARY KEY, spent BIGINT NOT NULL, limit_micros BIGINT NOT NULL
        )
        """
    )


def insert(tx: Transaction, number: int, body: str = "") -> int:
    return tx.execute("INSERT INTO notes (id, body) VALUES (:id, :body)", id=number, body=body)


def numbers(tx: Transaction) -> list[int]:
    return [row["id"] for row in tx.fetch("SELECT id FROM notes ORDER BY id")]


async def test_what_was_written_is_read_next(database: OpenDatabase) -> None:
    await database.write(lambda tx: insert(tx, 1, "one"))

    row = await database.read(lambda tx: tx.fetchrow("SELECT id, body, size FROM notes"))

    assert row == {"id": 1, "body": "one", "size": None}


async def test_an_act_that_returned_is_kept_for_others_to_see(
    database: OpenDatabase, empty_database_url: str
) -> None:
    other = await open_database(empty_database_url, read_only=True)
    try:
        for number in range(20):
            await database.write(partial(insert, number=number))

            assert await other.read(numbers) == list(range(number + 1))
    finally:
        await other.close()


async def test_what_an_act_raises_reaches_its_caller_and_nothing_of_it_stays(
    database: OpenDatabase,
) -> None:
    def act(tx: Transaction) -> None:
        insert(tx, 1)
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        await database.write(act)

    assert await database.read(numbers) == []


async def test_acts_that_fail_among_good_ones_fail_alone(database: OpenDatabase) -> None:
    def act(tx: Transaction, number: int) -> int:
        insert(tx, number)
        if number % 5 == 1:
            raise LookupError(str(number))
        if number % 5 == 2:
            insert(tx, number)  # breaks the primary key
        return number

    results = await asyncio.gather(
        *(database.write(partial(act, number=number)) for number in range(100)),
        return_exceptions=True,
    )

    good = [number for number in range(100) if number % 5 not in {1, 2}]
    assert [result for result in results if isinstance(result, int)] == good
    assert all(isinstance(result, LookupError) for result in results[1::5])
    assert all(isinstance(result, StorageFailed) for result in results[2::5])
    assert await database.read(numbers) == good


async def test_an_act_that_swallows_a_failed_statement_fails_all_the_same(
    database: OpenDatabase,
) -> None:
    def act(tx: Transaction) -> None:
        insert(tx, 1)
        for _ in range(2):
            try:
                insert(tx, 1)
            except StorageFailed:
                continue

    with pytest.raises(StorageFailed):
        await database.write(act)

    assert await database.read(numbers) == []


async def test_no_statement_runs_after_one_that_failed(database: OpenDatabase) -> None:
    later: list[type[BaseException]] = []

    def act(tx: Transaction) -> None:
        try:
            tx.execute("INSERT INTO nowhere (id) VALUES (1)")
        except StorageFailed:
            try:
                insert(tx, 7)
            except StorageFailed as error:
                later.append(type(error))
            raise

    with pytest.raises(StorageFailed):
        await database.write(act)

    assert later == [StorageFailed]
    assert await database.read(numbers) == []


async def test_acts_do_not_see_each_other_half_done(database: OpenDatabase) -> None:
    """Each act moves a unit from one row to the other; every act finds the whole."""
    await database.write(lambda tx: insert(tx, 1))
    await database.write(lambda tx: insert(tx, 2))
    await database.write(lambda tx: tx.execute("UPDATE notes SET size = 100"))

    def move(tx: Transaction) -> int:
        tx.execute("UPDATE notes SET size = size - 1 WHERE id = 1")
        tx.execute("UPDATE notes SET size = size + 1 WHERE id = 2")
        return total(tx)

    def total(tx: Transaction) -> int:
        row = tx.fetchrow("SELECT SUM(size) AS total FROM notes")
        assert row is not None
        size: int = row["total"]
        return size

    totals = await asyncio.gather(
        *(
            act
            for _ in range(50)
            for act in (database.write(move), database.read(total))  # side by side
        )
    )

    assert set(totals) == {200}


async def test_a_read_act_sees_one_snapshot(database: OpenDatabase) -> None:
    looked, written = threading.Event(), threading.Event()

    def look_twice(tx: Transaction) -> tuple[list[int], list[int]]:
        before = numbers(tx)
        looked.set()
        assert written.wait(PATIENCE)
        return before, numbers(tx)

    reading = asyncio.create_task(database.read(look_twice))
    assert await asyncio.to_thread(looked.wait, PATIENCE)
    await database.write(lambda tx: insert(tx, 1))
    written.set()

    assert await reading == ([], [])
    assert await database.read(numbers) == [1]


async def test_a_write_in_a_read_act_raises_and_writes_nothing(database: OpenDatabase) -> None:
    with pytest.raises(StorageFailed):
        await database.read(lambda tx: insert(tx, 1))

    assert await database.read(numbers) == []


async def test_a_read_act_that_fails_spoils_no_other(database: OpenDatabase) -> None:
    await database.write(lambda tx: insert(tx, 1))

    results = await asyncio.gather(
        *(
            database.read(numbers if number % 3 else lambda tx: insert(tx, 2))
            for number in range(30)
        ),
        return_exceptions=True,
    )

    assert all(isinstance(result, StorageFailed) for result in results[::3])
    assert [result for result in results if isinstance(result, list)] == [[1]] * 20


async def test_a_transaction_is_of_no_use_after_its_act(database: OpenDatabase) -> None:
    kept: list[Transaction] = []
    await database.write(kept.append)

    with pytest.raises(RuntimeError, match="ended with its act"):
        insert(kept[0], 1)

    assert await database.read(numbers) == []


@pytest.mark.parametrize(
    "sql",
    [
        "COMMIT",
        "rollback",
        "BEGIN",
        "SAVEPOINT mine",
        "RELEASE act",
        "END",
        "-- a comment\n COMMIT",
        "/* another */ commit",
        "VACUUM",
    ],
)
async def test_an_act_can_not_control_its_transaction(database: OpenDatabase, sql: str) -> None:
    def act(tx: Transaction) -> None:
        insert(tx, 1)
        tx.execute(sql)

    with pytest.raises(ValueError, match="can't control its transaction"):
        await database.write(act)

    assert await database.read(numbers) == []


async def test_a_coroutine_function_is_no_act(database: OpenDatabase) -> None:
    async def act(tx: Transaction) -> None:
        insert(tx, 1)

    with pytest.raises(TypeError, match="plain function"):
        _ = await database.write(act)

    assert await database.read(numbers) == []


async def test_stop_iteration_from_an_act_is_told_and_hangs_nobody(database: OpenDatabase) -> None:
    def act(tx: Transaction) -> Any:
        return next(iter(tx.fetch("SELECT id FROM notes")))

    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(database.write(act), PATIENCE)


class Colour(StrEnum):
    RED = "red"


class Size(IntEnum):
    LARGE = 2**40


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("", ""),
        ("naïve 🎬 :name %s 'quoted' \\ \n", "naïve 🎬 :name %s 'quoted' \\ \n"),
        (None, None),
        (Colour.RED, "red"),
    ],
)
async def test_text_comes_back_as_it_went_in(
    database: OpenDatabase, value: str | None, kept: str | None
) -> None:
    await database.write(
        lambda tx: tx.execute("INSERT INTO notes (id, body) VALUES (1, :body)", body=value)
    )

    row = await database.read(lambda tx: tx.fetchrow("SELECT body FROM notes"))

    assert row == {"body": kept}
    assert row is not None
    assert type(row["body"]) is type(kept)


@pytest.mark.parametrize("value", [0, 1, -1, 2**31, 2**63 - 1, -(2**63), Size.LARGE])
async def test_ints_are_whole_and_64_bits_wide(database: OpenDatabase, value: int) -> None:
    await database.write(
        lambda tx: tx.execute("INSERT INTO notes (id, size) VALUES (1, :size)", size=value)
    )

    row = await database.read(
        lambda tx: tx.fetchrow("SELECT size FROM notes WHERE size = :size", size=value)
    )

    assert row == {"size": int(value)}
    assert row is not None
    assert type(row["size"]) is int


@pytest.mark.parametrize("value", [1.0, True, b"bytes", 2**63, -(2**63) - 1, object()])
async def test_other_values_are_refused_before_they_are_sent(
    database: OpenDatabase, value: Any
) -> None:
    with pytest.raises(TypeError, match="parameter size must be text, a 64-bit int or None"):
        await database.write(
            lambda tx: tx.execute("INSERT INTO notes (id, size) VALUES (1, :size)", size=value)
        )

    assert await database.read(numbers) == []


@pytest.mark.parametrize("value", ["a\0b", "lone \ud800 surrogate"])
async def test_text_that_one_of_them_can_not_keep_is_refused_by_both(
    database: OpenDatabase, value: str
) -> None:
    with pytest.raises(ValueError, match=r"NUL|surrogate"):
        await database.write(lambda tx: insert(tx, 1, value))

    assert await database.read(numbers) == []


@pytest.mark.parametrize(
    ("sql", "params", "value"),
    [
        ("SELECT SUM(size) AS value FROM notes", {}, 6),
        ("SELECT count(*) AS value FROM notes WHERE size >= :least", {"least": 2}, 2),
        ("SELECT :left + :right AS value", {"left": 2 * 10**9, "right": 2 * 10**9}, 4 * 10**9),
        ("SELECT :left * 1000000 AS value", {"left": 10_000}, 10**10),
        ("SELECT size > 2 AS value FROM notes WHERE id = 3", {}, 1),
        ("SELECT COALESCE(:given, size) AS value FROM notes WHERE id = 2", {"given": None}, 2),
        ("SELECT COALESCE(:given, size) AS value FROM notes WHERE id = 2", {"given": 9}, 9),
        ("SELECT COALESCE(SUM(size), 0) AS value FROM notes WHERE id > 99", {}, 0),
        ("SELECT CASE WHEN :n < 5 THEN :n ELSE 7 END AS value", {"n": 3}, 3),
        ("SELECT body AS value FROM notes WHERE body LIKE 'x%' LIMIT :n", {"n": 1}, "x%y"),
        ("SELECT ':not_one' AS value -- nor :this, 100 %", {}, ":not_one"),
        ("SELECT MIN(id) AS value FROM notes WHERE id IN (:a, :b)", {"a": 3, "b": 2}, 2),
    ],
)  # fmt: skip
async def test_one_sql_text_means_the_same_on_both(
    database: OpenDatabase, sql: str, params: dict[str, int | None], value: object
) -> None:
    def fill(tx: Transaction) -> None:
        for number in (1, 2, 3):
            insert(tx, number, "x%y")
        tx.execute("UPDATE notes SET size = id")

    await database.write(fill)

    row = await database.read(lambda tx: tx.fetchrow(sql, **params))

    assert row == {"value": value}
    assert row is not None
    assert type(row["value"]) is type(value)


@pytest.mark.parametrize("sql", ["SELECT 1.5 AS value", "SELECT AVG(id) AS value FROM notes"])
async def test_a_fraction_can_not_be_read(database: OpenDatabase, sql: str) -> None:
    await database.write(lambda tx: insert(tx, 1))
    await database.write(lambda tx: insert(tx, 2))

    with pytest.raises(TypeError, match="text, an int or None"):
        await database.read(lambda tx: tx.fetch(sql))


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("UPDATE notes SET size = 1", 3),
        ("UPDATE notes SET size = 1 WHERE id = 99", 0),
        ("DELETE FROM notes WHERE id < 3", 2),
        ("INSERT INTO notes (id) VALUES (1) ON CONFLICT DO NOTHING", 0),
        ("INSERT INTO notes (id) VALUES (9) ON CONFLICT (id) DO NOTHING", 1),
        ("UPDATE notes SET size = 1 WHERE id > 1 RETURNING id", 2),
        ("CREATE TABLE more (id BIGINT)", 0),
    ],
)
async def test_execute_tells_how_many_rows_it_touched(
    database: OpenDatabase, sql: str, count: int
) -> None:
    for number in (1, 2, 3):
        await database.write(partial(insert, number=number))

    assert await database.write(lambda tx: tx.execute(sql)) == count


async def test_fetch_returns_what_a_write_returns(database: OpenDatabase) -> None:
    sql = "INSERT INTO notes (id) VALUES (:id) ON CONFLICT DO NOTHING RETURNING id"

    assert await database.write(lambda tx: tx.fetchrow(sql, id=5)) == {"id": 5}
    assert await database.write(lambda tx: tx.fetchrow(sql, id=5)) is None
    assert await database.read(numbers) == [5]


async def test_due_rows_are_taken_once_by_many_takers(database: OpenDatabase) -> None:
    for number in range(40):
        await database.write(partial(insert, number=number))

    def take(tx: Transaction, taker: str) -> list[int]:
        rows = tx.fetch(
            f"""
            UPDATE notes SET body = :taker
            WHERE id IN (
              SELECT id FROM notes WHERE body = '' ORDER BY id LIMIT 3 {tx.skip_locked}
            )
            RETURNING id
            """,
            taker=taker,
        )
        return [row["id"] for row in rows]

    taken = await asyncio.gather(*(database.write(partial(take, taker=f"t{n}")) for n in range(30)))

    assert sorted(number for some in taken for number in some) == list(range(40))


async def test_parallel_reservers_never_exceed_the_limit(database: OpenDatabase) -> None:
    await database.write(
        lambda tx: tx.execute("INSERT INTO purses (id, spent, limit_micros) VALUES ('p', 0, 3500)")
    )

    def reserve(tx: Transaction, number: int) -> bool:
        held = tx.execute(
            """
            UPDATE purses SET spent = spent + :estimate
            WHERE id = 'p' AND spent + :estimate <= limit_micros
            """,
            estimate=1000,
        )
        if held:
            insert(tx, number)
        return held == 1

    held = await asyncio.gather(
        *(database.write(partial(reserve, number=number)) for number in range(1000))
    )

    assert sum(held) == 3
    assert len(await database.read(numbers)) == 3
    purse = await database.read(lambda tx: tx.fetchrow("SELECT spent FROM purses"))
    assert purse == {"spent": 3000}


async def test_ten_thousand_acts_at_once_are_all_done(database: OpenDatabase) -> None:
    done = await asyncio.gather(
        *(database.write(partial(insert, number=number)) for number in range(10_000))
    )

    assert done == [1] * 10_000
    assert await database.read(numbers) == list(range(10_000))


async def test_cancelled_callers_leave_nothing_half_done(database: OpenDatabase) -> None:
    """Callers are cancelled at every moment of an act's way; it is whole or it is not there."""
    chance = random.Random(20261122)

    def act(tx: Transaction, number: int) -> None:
        insert(tx, 2 * number)
        insert(tx, 2 * number + 1)

    async def call(number: int) -> bool:
        task = asyncio.create_task(database.write(partial(act, number=number)))
        for _ in range(chance.randrange(12)):
            await asyncio.sleep(0)
        if number % 4 == 0:  # some while the thread is at work, and some not at all
            await asyncio.sleep(chance.random() / 100)
        if number % 10 != 3:
            task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            return False
        return True

    told = await asyncio.gather(*(call(number) for number in range(600)))
    await database.write(lambda tx: insert(tx, 9999))

    kept = set(await database.read(numbers)) - {9999}
    whole = {number // 2 for number in kept}
    assert kept == {row for number in whole for row in (2 * number, 2 * number + 1)}
    assert {number for number, was_told in enumerate(told) if was_told} <= whole
    assert not all(told)


async def test_an_act_whose_caller_has_gone_before_its_turn_is_not_run(
    database: OpenDatabase,
) -> None:
    release, ran = threading.Event(), list[int]()
    act: Callable[[Transaction], object] = lambda tx: release.wait(PATIENCE)  # noqa: E731

    busy = [asyncio.create_task(database.write(act)) for _ in range(30)]
    await asyncio.sleep(0.05)
    late = asyncio.create_task(database.write(lambda tx: ran.append(1)))
    await asyncio.sleep(0)
    late.cancel()
    release.set()
    await asyncio.gather(*busy)
    await database.close()

    assert late.cancelled()
    assert ran == []


async def test_close_finishes_what_was_accepted(
    database: OpenDatabase, empty_database_url: str
) -> None:
    writes = [asyncio.create_task(database.write(partial(insert, number=n))) for n in range(300)]
    await asyncio.sleep(0)  # every task has handed in its act, hardly any is done

    await database.close()

    assert await asyncio.gather(*writes) == [1] * 300
    again = await open_database(empty_database_url)
    try:
        assert await again.read(numbers) == list(range(300))
    finally:
        await again.close()


async def test_a_closed_database_refuses(database: OpenDatabase) -> None:
    await database.close()
    await database.close()

    with pytest.raises(StorageFailed, match="closed"):
        await database.write(lambda tx: insert(tx, 1))
    with pytest.raises(StorageFailed, match="closed"):
        await database.read(numbers)


async def test_closing_goes_on_when_its_caller_is_cancelled(
    database: OpenDatabase, empty_database_url: str
) -> None:
    writing = asyncio.create_task(database.write(lambda tx: insert(tx, 1)))
    await asyncio.sleep(0)
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing

    await database.close()

    assert await writing == 1
    again = await open_database(empty_database_url)  # the file is free, the server answers
    await again.close()
