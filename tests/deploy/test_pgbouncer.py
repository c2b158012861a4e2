"""deploy/pgbouncer.ini: the gateway's database works through it, limits and all."""

import asyncio
import configparser
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from gateway.adapters.postgres import PostgresDatabase
from gateway.domain.errors import UnusableDatabase
from gateway.ports import Transaction
from tests.deploy.chart import ROOT
from tests.deploy.programs import program
from tests.deploy.proxies import free_port

FILE = ROOT / "deploy" / "pgbouncer.ini"


def settings() -> configparser.ConfigParser:
    """The file, as PgBouncer reads it."""
    parsed = configparser.ConfigParser(comment_prefixes=(";",), interpolation=None)
    parsed.read(FILE)
    return parsed


@pytest.fixture
def pooled(postgres_url: str) -> Iterator[str]:
    """The URL of the test's database, through a PgBouncer of its own."""
    words = [program("pgbouncer")]
    where = urlsplit(postgres_url)
    host, database = parse_qs(where.query)["host"][0], where.path.strip("/")
    port, folder = free_port(), Path(tempfile.mkdtemp(prefix="gateway-pgbouncer-"))
    changed = settings()
    changed["databases"]["gateway"] = f"host={host} dbname={database} user=postgres"
    # A server of the test's own, which knows no password and no TLS.
    own = {"listen_port": str(port), "auth_type": "any", "server_tls_sslmode": "disable"}
    changed["pgbouncer"].update(own)
    for name in ("auth_file", "server_tls_ca_file"):
        changed.remove_option("pgbouncer", name)
    path = folder / "pgbouncer.ini"
    with path.open("w") as file:
        changed.write(file)
    if os.geteuid() == 0:  # PgBouncer refuses to run as root, and only the server's user finds it
        words += ["--user", Path(host).owner()]
        folder.chmod(0o755)
    process = subprocess.Popen([*words, str(path)], stderr=subprocess.PIPE)
    try:
        yield answering(process, f"postgresql://postgres@127.0.0.1:{port}/gateway")
    finally:
        process.terminate()
        process.communicate()
        shutil.rmtree(folder)


def answering(process: "subprocess.Popen[bytes]", url: str) -> str:
    """The URL, once a connection to it succeeds."""
    for _ in range(100):
        try:
            psycopg.connect(url, autocommit=True, connect_timeout=2).close()
        except psycopg.OperationalError:
            if process.poll() is not None:
                pytest.fail(process.communicate()[1].decode())
            time.sleep(0.05)
        else:
            return url
    process.terminate()
    pytest.fail(f"PgBouncer does not answer: {process.communicate()[1].decode()}")


async def test_acts_of_every_connection_keep_their_limits(pooled: str) -> None:
    database = await PostgresDatabase.open(pooled, connections=4)
    try:

        def limit(tx: Transaction) -> object:
            return tx.fetch("SELECT current_setting('statement_timeout') AS it")[0]["it"]

        found = await asyncio.gather(*(database.write(limit) for _ in range(40)))
    finally:
        await database.close()

    assert set(found) == {"15s"}


async def test_a_statement_may_be_prepared_and_run_often(pooled: str) -> None:
    database = await PostgresDatabase.open(pooled, connections=2)
    try:
        for number in range(30):
            assert await database.read(partial(successor, number)) == number + 1
    finally:
        await database.close()


def successor(number: int, tx: Transaction) -> object:
    return tx.fetch("SELECT :n + 1 AS it", n=number)[0]["it"]


async def test_a_database_that_is_away_is_said_plainly() -> None:
    with pytest.raises(UnusableDatabase, match="can't connect"):
        await PostgresDatabase.open(f"postgresql://postgres@127.0.0.1:{free_port()}/gateway")


def test_sessions_are_pooled_and_there_is_room_for_replicas() -> None:
    pool = settings()["pgbouncer"]

    # The gateway sets limits per session, and each replica opens up to ten connections.
    assert pool["pool_mode"] == "session"
    assert int(pool["default_pool_size"]) >= 6 * 10 + 10
    assert int(pool["client_idle_timeout"]) == 0
