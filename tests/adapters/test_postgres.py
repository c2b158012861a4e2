"""What only the PostgreSQL database promises: replicas, repeats, and connections that get lost."""

import asyncio
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from functools import partial

import psycopg
import pytest

from gateway.adapters.postgres import PostgresDatabase
from gateway.domain.errors import StorageFailed, UnusableDatabase
from gateway.ports import Transaction
from tests.fakes.postgres import PostgresServer

PATIENCE = 20

_COLLIDE = "DO 'BEGIN RAISE EXCEPTION USING ERRCODE = ''40001''; END'"


@pytest.fixture
async def database(empty_postgres_url: str) -> AsyncIterator[PostgresDatabase]:
    database = await PostgresDatabase.open(empty_postgres_url)
    await database.write(
        lambda tx: tx.execute(
            "CREATE TABLE notes (id BIGINT PRIMARY KEY, body TEXT, CHECK (length(body) < 100))"
        )
    )
    yield database
    await database.close()


def insert(tx: Transaction, number: int, body: str = "") -> int:
    return tx.execute("INSERT INTO notes (id, body) VALUES (:id, :body)", id=number, body=body)


def update(tx: Transaction, number: int, body: str) -> int:
    return tx.execute("UPDATE notes SET body = :body WHERE id = :id", id=number, body=body)


def numbers(tx: Transaction) -> list[int]:
    return [row["id"] for row in tx.fetch("SELECT id FROM notes ORDER BY id")]


def setting(name: str) -> Callable[[Transaction], str]:
    def act(tx: Transaction) -> str:
        row = tx.fetchrow("SELECT current_setting(:name) AS value", name=name)
        assert row is not None
        value: str = row["value"]
        return value

    return act


def cut_connections(server: PostgresServer) -> None:
    """End every session but the administrator's, as a restart or a failover would."""
    server.execute(
        """
        SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE application_name = 'video-gateway'
        """
    )


async def test_a_server_that_may_lose_commits_is_refused(
    pg_server: PostgresServer, empty_postgres_url: str
) -> None:
    with psycopg.connect(empty_postgres_url, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off'.encode())

    with pytest.raises(UnusableDatabase, match=r"synchronous_commit=off .* turn it on"):
        await PostgresDatabase.open(empty_postgres_url)


async def test_a_server_that_does_not_sync_is_told_to_the_operator(
    database: PostgresDatabase,
) -> None:
    assert ["fsync=off" in warning for warning in database.warnings] == [True]


async def test_a_database_that_can_not_hold_every_text_is_refused(
    pg_server: PostgresServer,
) -> None:
    pg_server.execute(
        "CREATE DATABASE narrow TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C' STRATEGY file_copy"
    )
    try:
        with pytest.raises(UnusableDatabase, match="encoded in LATIN1; make one in UTF8"):
            await PostgresDatabase.open(pg_server.url("narrow"))
    finally:
        pg_server.drop("narrow")


async def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(UnusableDatabase, match="can't connect to PostgreSQL") as refused:
        await PostgresDatabase.open("postgresql://gateway:hunter2@127.0.0.1:1/gateway")

    assert "hunter2" not in str(refused.value)


async def test_a_url_that_is_none_is_refused_without_repeating_it() -> None:
    with pytest.raises(UnusableDatabase, match="not a PostgreSQL URL") as refused:
        await PostgresDatabase.open("postgresql://u:hunter2@host:port/db?nonsense=1")

    assert "hunter2" not in str(refused.value)
    assert refused.value.__suppress_context__  # libpq's own words may quote it


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("application_name", "video-gateway"),
        ("statement_timeout", "15s"),
        ("lock_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("client_encoding", "UTF8"),
    ],
)
async def test_every_connection_has_limits_and_a_name(
    database: PostgresDatabase, name: str, value: str
) -> None:
    assert await database.read(setting(name)) == value


async def test_an_act_that_met_another_is_run_again(database: PostgresDatabase) -> None:
    runs: list[int] = []

    def act(tx: Transaction) -> int:
        runs.append(1)
        insert(tx, len(runs))
        if len(runs) < 3:
            tx.execute(_COLLIDE)
        return len(runs)

    assert await database.write(act) == 3
    assert await database.read(numbers) == [3]


async def test_an_act_that_swallowed_a_collision_is_run_again_too(
    database: PostgresDatabase,
) -> None:
    runs: list[int] = []

    def act(tx: Transaction) -> None:
        runs.append(1)
        try:
            if len(runs) < 2:
                tx.execute(_COLLIDE)
        except StorageFailed as error:
            raise LookupError("hidden") from error

    await database.write(act)

    assert len(runs) == 2


async def test_an_act_that_always_meets_another_is_given_up(database: PostgresDatabase) -> None:
    runs: list[int] = []

    def act(tx: Transaction) -> None:
        runs.append(1)
        tx.execute(_COLLIDE)

    with pytest.raises(StorageFailed, match="after 10 serialization conflicts"):
        await database.write(act)

    assert len(runs) == 10


async def test_a_deadlock_costs_a_repeat_and_nothing_else(database: PostgresDatabase) -> None:
    for number in (1, 2):
        await database.write(partial(insert, number=number))
    both_hold_one = threading.Barrier(2, timeout=PATIENCE)
    runs: list[str] = []

    def act(tx: Transaction, first: int, second: int, body: str) -> None:
        runs.append(body)
        update(tx, first, body)
        if runs.count(body) == 1:
            both_hold_one.wait()
        update(tx, second, body)

    await asyncio.gather(
        database.write(partial(act, first=1, second=2, body="there")),
        database.write(partial(act, first=2, second=1, body="back")),
    )

    assert len(runs) == 3
    rows = await database.read(lambda tx: tx.fetch("SELECT DISTINCT body FROM notes"))
    assert len(rows) == 1  # the later one wrote both


async def test_connections_that_died_while_nobody_used_them_cost_nothing(
    database: PostgresDatabase, pg_server: PostgresServer
) -> None:
    await asyncio.gather(*(database.read(numbers) for _ in range(50)))
    cut_connections(pg_server)

    done = await asyncio.gather(*(database.write(partial(insert, number=n)) for n in range(20)))

    assert done == [1] * 20


async def test_a_connection_lost_in_an_act_denies_it_and_is_never_used_again(
    database: PostgresDatabase, pg_server: PostgresServer
) -> None:
    def act(tx: Transaction) -> None:
        insert(tx, 1)
        cut_connections(pg_server)
        insert(tx, 2)

    with pytest.raises(StorageFailed, match="terminating connection"):
        await database.write(act)

    assert await database.write(lambda tx: insert(tx, 3)) == 1
    assert await database.read(numbers) == [3]


async def test_a_connection_lost_at_commit_is_not_called_committed(
    database: PostgresDatabase, pg_server: PostgresServer
) -> None:
    def act(tx: Transaction) -> None:
        insert(tx, 1)
        cut_connections(pg_server)

    with pytest.raises(StorageFailed, match="may not have committed"):
        await database.write(act)

    assert await database.read(numbers) == []


async def test_what_a_row_holds_is_in_no_error(database: PostgresDatabase) -> None:
    """PostgreSQL's DETAIL quotes the whole failing row, prompts and all."""
    secret = "a prompt that a team wants kept nowhere " * 5

    with pytest.raises(StorageFailed, match="violates check constraint") as failed:
        await database.write(lambda tx: insert(tx, 1, secret))

    assert "prompt" not in "".join(traceback.format_exception(failed.value))


async def test_an_act_that_waited_too_long_is_not_run(empty_postgres_url: str) -> None:
    database = await PostgresDatabase.open(empty_postgres_url, connections=1, wait_limit=0.01)
    begun, release, ran = threading.Event(), threading.Event(), list[int]()

    def hold(tx: Transaction) -> bool:
        begun.set()
        return release.wait(PATIENCE)

    try:
        holding = asyncio.create_task(database.write(hold))
        assert await asyncio.to_thread(begun.wait, PATIENCE)
        late = asyncio.create_task(database.write(lambda tx: ran.append(1)))
        await asyncio.sleep(0.05)
        release.set()

        assert await holding
        with pytest.raises(StorageFailed, match="busy too long"):
            await late
    finally:
        await database.close()

    assert ran == []


async def test_replicas_together_never_exceed_a_limit(
    database: PostgresDatabase, empty_postgres_url: str
) -> None:
    await database.write(
        lambda tx: tx.execute(
            "CREATE TABLE purses (id TEXT PRIMARY KEY, spent BIGINT, limit_micros BIGINT)"
        )
    )
    await database.write(lambda tx: tx.execute("INSERT INTO purses VALUES ('p', 0, 50)"))
    other = await PostgresDatabase.open(empty_postgres_url)

    def reserve(tx: Transaction) -> int:
        return tx.execute(
            """
            UPDATE purses SET spent = spent + :estimate
            WHERE id = 'p' AND spent + :estimate <= limit_micros
            """,
            estimate=1,
        )

    try:
        held = await asyncio.gather(
            *(replica.write(reserve) for _ in range(200) for replica in (database, other))
        )
    finally:
        await other.close()

    assert sum(held) == 50
    purse = await database.read(lambda tx: tx.fetchrow("SELECT spent FROM purses"))
    assert purse == {"spent": 50}
