"""Every statement of a submit, a poll and crash recovery uses an index.

SQLite silently scans a whole table if a statement does not repeat the WHERE text of a partial
index. The test therefore records every statement and checks its query plan.
"""

import re
import sqlite3
from pathlib import Path

import pytest

from gateway.adapters.sqlite import SqliteDatabase
from gateway.domain.errors import Refused
from gateway.domain.job import Status
from gateway.ports import Database
from gateway.services.submission.rate_limit import TrafficLimits, admit
from gateway.store import dedupe, inbox, jobs, polling, refusals
from gateway.telemetry.bundle import Telemetry
from gateway.workers.crash_recovery import CrashRecovery
from tests.fakes.transactions import WatchedDatabase
from tests.services.books import Books, in_force

# These tables are as small as the configuration, or they are scanned on purpose.
SMALL = {"endpoints", "keys", "settings", "catalogs", "webhook_health", "lanes"}


class Listening(WatchedDatabase):
    """A database that records every statement."""

    def __init__(self, real: Database) -> None:
        super().__init__(real, lambda sql, _: self.heard.add(sql))
        self.heard: set[str] = set()


@pytest.fixture
async def listening(sqlite_url: str) -> Listening:
    return Listening(await SqliteDatabase.open(path_of(sqlite_url)))


def path_of(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def reads_whole(path: Path, sql: str) -> list[str]:
    """Return the tables that a statement scans completely."""
    with sqlite3.connect(path) as connection:
        found = _parameters(sql)
        plan = connection.execute(f"EXPLAIN QUERY PLAN {sql}", dict.fromkeys(found, 1)).fetchall()
    connection.close()
    words = [
        row[3].split() for row in plan if "CONSTANT ROW" not in row[3]
    ]  # rows of a VALUES list
    return [word[1] for word in words if word[0] == "SCAN" and word[1] not in SMALL]


def _parameters(sql: str) -> set[str]:
    return set(re.findall(r":([a-z_][a-z_0-9]*)", sql))


async def test_no_statement_of_a_job_scans_a_whole_table(
    listening: Listening, sqlite_url: str
) -> None:
    budgets = [{"period": "day", "limit_usd": 1, "alerts": [0.1]}]
    books = Books(listening, in_force({"budgets": budgets}))
    now = 10**13
    await listening.read(lambda tx: polling.poll_due(tx, now=now))
    listening.heard.clear()

    accepted = (await books.submit("red", 200_000)).job
    await books.accept(accepted)
    await listening.write(
        lambda tx: polling.lease_polls(tx, now=now, until=now, token="t", limit=5)
    )
    await listening.read(lambda tx: polling.poll_due(tx, now=now))
    await books.end(accepted.id, Status.COMPLETED, "0.20")
    await books.end(accepted.id, Status.COMPLETED, "0.30")
    await books.refuse((await books.submit("red", 1)).job)
    await books.lose((await books.submit("red", 1)).job)
    await books.submit("red", 1)
    with pytest.raises(Refused):
        await books.submit("red", 1_000_000)
    await books.clock.advance(3600)
    recovery = CrashRecovery(listening, books.clock, books.live, books.tracker, Telemetry())
    await recovery.step()
    await books.clock.advance(3600)
    await recovery.step()
    bounds = TrafficLimits(10, 10)
    await listening.write(lambda tx: admit(tx, "red", "job", bounds, now=now))
    await listening.write(lambda tx: dedupe.claim_key(tx, "red", "k", "f", "job", now=now))
    await listening.write(lambda tx: dedupe.release_keys(tx, "job"))
    await listening.write(lambda tx: dedupe.forget_old_keys(tx, before=now, limit=5))
    await listening.write(lambda tx: refusals.forget(tx, before=now, limit=5))
    await listening.read(lambda tx: jobs.find_by_token(tx, "t"))
    await listening.read(lambda tx: inbox.overdue(tx, before=now))
    await listening.close()

    assert len(listening.heard) > 40
    path = path_of(sqlite_url)
    assert {sql: reads_whole(path, sql) for sql in listening.heard if reads_whole(path, sql)} == {}


def test_a_table_scan_is_detected(sqlite_url: str) -> None:
    """The statement that crash recovery ran every two seconds before this test existed."""
    sql = "SELECT id FROM jobs WHERE status = 'submitting' AND lease_until <= :now"

    assert reads_whole(path_of(sqlite_url), sql) == ["jobs"]
