"""A database of version 0.1 is taken over: nothing is lost, miscounted or asked of the operator.

tests/data/version_0.1.sql was dumped from a gateway of that version: two teams, jobs completed,
failed, refused, unknown and still running, budgets per day, month and in total.
"""

from pathlib import Path

import pytest

from gateway.adapters.database import open_database
from gateway.ports import Transaction
from gateway.sandbox import Sandbox
from gateway.services.operations.snapshot import uncounted_jobs
from gateway.store.invariants import violations
from gateway.store.migrate import bundled, migrate, statements
from tests.api.conftest import StartGateway
from tests.fakes.clock import FakeClock
from tests.harness import RunningGateway

DUMP = Path(__file__).parents[1] / "data" / "version_0.1.sql"
BUDGETS = {
    "content": {"mode": "passthrough"},
    "budgets": [{"period": "month", "limit_usd": 10}],
    "teams": {
        "growth": {
            "budgets": [
                {"period": "day", "limit_usd": 1},
                {"period": "total", "limit_usd": 5, "models": ["x-ai/*"]},
            ]
        },
        "rivals": {"retain": False},
    },
}
OLD_SCHEMA = 6  # the last migration of version 0.1


def inserts(table: str | None = None) -> list[str]:
    """The dump's INSERT statements, of one table or of all but the migrations' own."""
    found = [text for text in statements(DUMP.read_text()) if text.startswith("INSERT INTO")]
    if table is not None:
        return [text for text in found if text.startswith(f'INSERT INTO "{table}"')]
    return [text for text in found if not text.startswith('INSERT INTO "migrations"')]


@pytest.fixture
async def old_url(empty_database_url: str) -> str:
    """A database as version 0.1 left it."""
    database = await open_database(empty_database_url)
    await migrate(database, bundled()[:OLD_SCHEMA], FakeClock())

    def act(tx: Transaction) -> None:
        for table in ("audit_head", "settings"):  # the migrations put a row there
            tx.execute(f"DELETE FROM {table}")
        for text in inserts():
            tx.execute(text)

    await database.write(act)
    await database.close()
    return empty_database_url


def test_the_migrations_of_version_01_were_not_edited() -> None:
    released = "".join(inserts("migrations"))
    for migration in bundled()[:OLD_SCHEMA]:
        assert migration.sha256 in released, f"{migration.label} was edited after its release"


async def standings(gateway: RunningGateway) -> dict[str, tuple[str, str]]:
    answer = await gateway.call("GET", f"{gateway.admin_url}/admin/v1/budgets", team=None)
    return {row["budget"]: (row["spent_usd"], row["reserved_usd"]) for row in answer.json["data"]}


async def wrong(gateway: RunningGateway) -> list[object]:
    """What the doctor would say."""
    budgets = gateway.gateway.live.current.rules.budgets.values()
    now = gateway.clock.now()
    return await gateway.database.read(
        lambda tx: [*violations(tx), *uncounted_jobs(tx, budgets, now)]
    )


async def test_jobs_and_money_of_version_01_are_taken_over(
    gateways: StartGateway, sandbox: Sandbox, old_url: str
) -> None:
    gateway = await gateways(sandbox, old_url, BUDGETS)

    jobs = await gateway.database.read(
        lambda tx: list(tx.fetch("SELECT id, team, status FROM jobs ORDER BY id"))
    )
    polled = {
        (row["team"], row["status"]): (
            await gateway.get(f"/videos/{row['id']}", team=row["team"])
        ).json["status"]
        for row in jobs
    }

    assert len(jobs) == 8
    assert polled == {
        ("growth", "completed"): "completed",
        ("growth", "failed"): "failed",
        ("growth", "unknown"): "pending",
        ("growth", "pending"): "pending",
        ("rivals", "completed"): "completed",
        ("rivals", "pending"): "pending",
    }
    assert await standings(gateway) == {
        "organisation/month": ("0.34", "0.60"),
        "team/growth/day": ("0.27", "0.40"),
        "team/growth/total?model=x-ai%2F*": ("0.27", "0.40"),
    }
    assert await wrong(gateway) == []


async def test_budgets_go_on_counting_where_version_01_stopped(
    gateways: StartGateway, sandbox: Sandbox, old_url: str
) -> None:
    gateway = await gateways(sandbox, old_url, BUDGETS)

    answers = [await gateway.submit(prompt=f"new {n}", duration=3) for n in range(4)]

    accepted = [answer for answer in answers if answer.status == 202]
    assert [answer.status for answer in answers[len(accepted) :]].count(402) >= 1
    details = answers[-1].json["error"]["metadata"]["gateway"]
    assert (details["spent_usd"], details["limit_usd"]) == ("0.27", "1.00")
    assert await wrong(gateway) == []


async def test_an_unknown_job_of_version_01_is_settled_when_its_time_is_over(
    clock: FakeClock, gateways: StartGateway, sandbox: Sandbox, old_url: str
) -> None:
    gateway = await gateways(sandbox, old_url, BUDGETS)

    async def settled() -> bool:
        row = await gateway.row("SELECT COUNT(*) AS n FROM jobs WHERE cause = 'assumed'")
        return row["n"] == 1

    await gateway.until(settled)

    assert (await standings(gateway))["team/growth/day"] == ("0.47", "0.20")
    assert await wrong(gateway) == []


async def test_a_budget_that_version_01_did_not_have_counts_its_jobs(
    gateways: StartGateway, sandbox: Sandbox, old_url: str
) -> None:
    changes = {**BUDGETS, "budgets": [{"period": "day", "limit_usd": 2}]}
    gateway = await gateways(sandbox, old_url, changes)

    assert (await standings(gateway))["organisation/day"] == ("0.34", "0.60")
    assert await wrong(gateway) == []
