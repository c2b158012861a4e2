"""A scrape's statements read only unfinished rows, so finished rows cost nothing."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest

from gateway.ports import Database, Transaction
from gateway.store import counts

JOBS = """
INSERT INTO jobs (
  id, team, key_name, upstream, model, status, version, created_at, estimate_micros, outputs,
  content_gone, zdr, retain, fingerprint, dedupe, profile, token_hash, decision, config_version,
  request_id, announced, polls
)
WITH RECURSIVE numbers (n) AS (
  SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows
)
SELECT 'job-' || n, 'team-' || (n % 7), 'ci', 'main', 'x/one',
       CASE WHEN n % 1000 = 0 THEN 'pending' ELSE 'completed' END, 1, n, 1, 1, 0, 0, 1, 'f' || n,
       'miss', 'p', 't' || n, '{}', '1', 'r', 0, 0
FROM numbers
"""
DELIVERIES = """
INSERT INTO deliveries (id, event_id, endpoint, lane, state, attempts, schedule_from, created_at)
WITH RECURSIVE numbers (n) AS (
  SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows
)
SELECT 'd-' || n, 'e-' || n, 'hook-' || (n % 3), 'hook-' || (n % 3),
       CASE WHEN n % 1000 = 0 THEN 'dead' ELSE 'delivered' END, 1, 0, n
FROM numbers
"""
ROWS = 20_000


@pytest.fixture
async def history(database: Database) -> Database:
    """A database in which nearly every job and delivery is finished."""

    def fill(tx: Transaction) -> None:
        tx.execute(JOBS, rows=ROWS)
        tx.execute(DELIVERIES, rows=ROWS)

    await database.write(fill)
    return database


async def test_only_unfinished_rows_are_counted(history: Database) -> None:
    jobs = await history.read(counts.open_jobs)
    deliveries = await history.read(counts.undelivered)

    assert sum(one.jobs for one in jobs) == ROWS // 1000
    assert {one.status for one in jobs} == {"pending"}
    assert min(one.oldest for one in jobs) == 1000
    assert sum(one.deliveries for one in deliveries) == ROWS // 1000
    assert {one.state for one in deliveries} == {"dead"}


@pytest.mark.parametrize(
    ("act", "index"),
    [(counts.open_jobs, "jobs_open_by_team"), (counts.undelivered, "deliveries_undelivered")],
)
async def test_a_scrape_reads_an_index_of_unfinished_rows(
    history: Database, act: Callable[[Transaction], Any], index: str
) -> None:
    plan = await plan_of(history, statement(act))

    assert index in plan, plan
    assert "Seq Scan" not in plan, plan


def statement(act: Callable[[Transaction], Any]) -> str:
    """Return the single SQL statement in the act's source."""
    (sql,) = re.findall(r'"""\s+(SELECT.*?)"""', inspect.getsource(act), re.DOTALL)
    return str(sql)


async def plan_of(database: Database, sql: str) -> str:
    """Return the database's query plan."""

    def explain(tx: Transaction) -> str:
        if tx.skip_locked:
            tx.execute("ANALYZE jobs")
            tx.execute("ANALYZE deliveries")
            rows = tx.fetch(f"EXPLAIN {sql}")
        else:
            rows = tx.fetch(f"EXPLAIN QUERY PLAN {sql}")
        return "\n".join(str(value) for row in rows for value in row.values())

    return await database.write(explain)
