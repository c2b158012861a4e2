"""What workers, the API, a scrape and operators read uses an index on a long history.

The plans are read on both databases, with the statistics that such a history has.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from gateway.domain.job import Status
from gateway.ports import Database, Transaction, Value
from gateway.store import (
    archivals,
    audit,
    counts,
    dedupe,
    deliveries,
    delivery_queries,
    disputes,
    events,
    inbox,
    job_queries,
    jobs,
    limits,
    polling,
    recovery,
    refusals,
)
from gateway.store.delivery_queries import DeliveryFilter
from gateway.store.job_queries import JobFilter
from tests.fakes.transactions import WatchedTransaction
from tests.store import history

ROWS = 20_000
NOW = history.FIRST + history.STEP * ROWS
LARGE = "jobs|deliveries|events|ledger|inbox|assets|refusals|delivery_attempts|fingerprints"

PARTIAL = ("jobs_open_by_team", "deliveries_undelivered", "deliveries_leased", "disputes_open")

Act = Callable[[Transaction], Any]


def of_jobs(wanted: JobFilter) -> Act:
    return lambda tx: job_queries.page(tx, wanted, 100)


def of_deliveries(wanted: DeliveryFilter) -> Act:
    return lambda tx: delivery_queries.page(tx, wanted, 100)


READS: dict[str, Act] = {
    **{f"jobs {one.value}": of_jobs(JobFilter(status=one)) for one in Status},
    **{
        f"jobs {one.value} of a team": of_jobs(JobFilter(team="team-1", status=one))
        for one in Status
    },
    "jobs": of_jobs(JobFilter()),
    "the second page of jobs": of_jobs(JobFilter(before=(NOW, "x"))),
    "the second page of failed jobs": of_jobs(JobFilter(status=Status.FAILED, before=(NOW, "x"))),
    "jobs of a team": of_jobs(JobFilter(team="team-1")),
    "deliveries": of_deliveries(DeliveryFilter()),
    **{
        f"{state} deliveries": of_deliveries(DeliveryFilter(state=state))
        for state in delivery_queries.STATES
    },
    "deliveries of an endpoint": of_deliveries(DeliveryFilter(endpoint="hook-5")),
    "dead deliveries of an endpoint": of_deliveries(DeliveryFilter(state="dead", endpoint="h")),
    "deliveries of a job": lambda tx: delivery_queries.of_job(tx, "x"),
    "open jobs": counts.open_jobs,
    "undelivered": counts.undelivered,
    "disputes": disputes.unsettled,
    "disabled endpoints": events.disabled_endpoints,
    "refusals": lambda tx: refusals.latest(tx, 100),
    "the audit trail": lambda tx: audit.latest(tx, 100),
    "due lanes": lambda tx: deliveries.due_lanes(tx, now=NOW, at_once=4, limit=5000),
    "due polls": lambda tx: polling.poll_due(tx, now=NOW),
    "upstreams with due polls": lambda tx: polling.upstreams_due(tx, now=NOW),
    "orphans": lambda tx: recovery.orphans(tx, now=NOW),
    "unresolved jobs": lambda tx: recovery.unresolved(tx, "main", since=NOW),
    "upstreams of unresolved jobs": recovery.upstreams_of_unresolved,
    "open jobs of a team": lambda tx: limits.open_jobs(tx, "team-1"),
    "a job by its token": lambda tx: jobs.find_by_token(tx, "t1"),
    "an overdue webhook": lambda tx: inbox.overdue(tx, before=NOW),
}
WRITES: dict[str, Act] = {
    "leases of jobs at start": lambda tx: recovery.void_leases(tx, now=NOW),
    "leases of deliveries at start": lambda tx: deliveries.void_leases(tx, now=NOW),
    "leases of archivals at start": lambda tx: archivals.void_leases(tx, now=NOW),
    "a lease of polls": lambda tx: polling.lease_polls(
        tx, now=NOW, until=NOW, token="t", limit=50, upstream="main"
    ),
    "a replay": lambda tx: delivery_queries.replay_dead(
        tx, since=NOW, endpoint=None, now=NOW, limit=50
    ),
    "delivered deliveries": lambda tx: deliveries.forget_delivered(tx, before=0, limit=50),
    "receipts": lambda tx: inbox.forget(tx, before=0, limit=50),
    "old refusals": lambda tx: refusals.forget(tx, before=0, limit=50),
    "old idempotency keys": lambda tx: dedupe.forget_old_keys(tx, before=0, limit=50),
}


class _Plans:
    """Asks for the plan of each statement."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self.found: dict[str, str] = {}

    def explain(self, sql: str, params: Mapping[str, Value]) -> None:
        how = "EXPLAIN" if self._tx.skip_locked else "EXPLAIN QUERY PLAN"
        rows = self._tx.fetch(f"{how} {sql}", **params)
        text = "\n".join(str(value) for row in rows for value in row.values())
        self.found[" ".join(sql.split())] = text


@pytest.fixture
async def long_history(database: Database) -> Database:
    await history.fill(database, ROWS)

    def analyze(tx: Transaction) -> None:
        if tx.skip_locked:
            for table in LARGE.split("|"):
                tx.execute(f"ANALYZE {table}")

    await database.write(analyze)
    return database


async def plans_of(database: Database, act: Act) -> dict[str, str]:
    def explained(tx: Transaction) -> dict[str, str]:
        plans = _Plans(tx)
        act(WatchedTransaction(tx, plans.explain))
        return plans.found

    return await database.write(explained)


def reads_everything(sql: str, plan: str) -> list[str]:
    """Return the lines of a plan that read a large table, or a whole index of it, to its end."""
    return [line for line in plan.splitlines() if _is_scan(sql, line)]


def _is_scan(sql: str, line: str) -> bool:
    if "Seq Scan on" in line:
        return line.split("Seq Scan on ")[1].split()[0] in LARGE.split("|")
    words = line.split()
    if words[:1] != ["SCAN"] or "CONSTANT" in words:
        return False
    in_order = "LIMIT" in sql and "USING" in words and "DISTINCT" not in sql
    partial = any(name in line for name in PARTIAL)
    small = words[1] in {"endpoints", "archivals", "asset_removals", "found", "owed"}
    return not (in_order or partial or small)


async def test_every_statement_uses_an_index(long_history: Database) -> None:
    found: dict[str, list[str]] = {}
    for name, act in {**READS, **WRITES}.items():
        for sql, plan in (await plans_of(long_history, act)).items():
            if lines := reads_everything(sql, plan):
                found[name] = lines

    assert found == {}


@pytest.mark.parametrize(
    ("act", "index"),
    [
        (of_jobs(JobFilter(status=Status.CANCELLED)), "jobs_ended_badly"),
        (of_jobs(JobFilter(status=Status.EXPIRED)), "jobs_ended_badly"),
        (of_jobs(JobFilter(status=Status.IN_PROGRESS)), "jobs_open_by_team"),
        (of_deliveries(DeliveryFilter(state="pending")), "deliveries_undelivered"),
        (of_deliveries(DeliveryFilter(state="dead")), "deliveries_dead"),
    ],
)
async def test_what_is_rare_is_not_searched_for_among_everything(
    long_history: Database, act: Act, index: str
) -> None:
    """In the order of time, a rare status of a million jobs took up to seven seconds."""
    (plan,) = (await plans_of(long_history, act)).values()

    assert index in plan or "jobs_undecided" in plan or "deliveries_due" in plan, plan


def test_a_scan_is_detected() -> None:
    sql = "SELECT DISTINCT upstream FROM jobs"

    assert reads_everything(sql, "SCAN jobs USING INDEX jobs_by_upstream_id")
    assert reads_everything(sql, "  ->  Seq Scan on jobs  (cost=0.00..1 rows=1)")
