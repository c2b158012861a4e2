"""Tests that `video-gateway doctor` checks the budgets in the configuration."""

import asyncio
from pathlib import Path

from typer.testing import CliRunner

from gateway.adapters.clock import SystemClock
from gateway.adapters.database import open_database
from gateway.cli.main import app
from gateway.ports import Transaction
from gateway.store.migrate import bundled, migrate
from tests.services.books import Books, in_force

RUN = CliRunner()
CONFIG = """
upstreams: {{main: {{base_url: "https://up.example/api/v1", api_key: sk-or-1234567890}}}}
routing: [{{to: main}}]
teams: {{red: {{}}, blue: {{}}}}
budgets: [{{period: month, limit_usd: 10}}]
database: {{url: "sqlite:///{folder}/gateway.db"}}
"""


async def _spend(folder: Path, *, delete_entry: bool) -> None:
    database = await open_database(f"sqlite:///{folder}/gateway.db")
    await migrate(database, bundled(), SystemClock())
    books = Books(database, in_force({"budgets": [{"period": "month", "limit_usd": 10}]}))
    books.clock.jump((SystemClock().now() - books.clock.now()).total_seconds())
    await books.submit("red", 50_000)

    def delete(tx: Transaction) -> None:
        where = "window_id LIKE 'organisation/%'"
        tx.execute(f"DELETE FROM ledger WHERE {where}")
        tx.execute(
            "UPDATE windows SET reserved = 0, estimated = 0, entries = 0 "
            "WHERE id LIKE 'organisation/%'"
        )

    if delete_entry:
        await database.write(delete)
    await database.close()


def _doctor(folder: Path) -> tuple[int, str]:
    path = folder / "gateway.yaml"
    path.write_text(CONFIG.format(folder=folder))
    result = RUN.invoke(app, ["doctor", "--config", str(path)])
    return result.exit_code, result.output


def test_doctor_passes_when_budgets_count_every_job(tmp_path: Path) -> None:
    asyncio.run(_spend(tmp_path, delete_entry=False))

    code, output = _doctor(tmp_path)

    assert (code, output.splitlines()[-1].split(":")[0]) == (0, "ok")


def test_doctor_reports_a_job_that_a_budget_does_not_count(tmp_path: Path) -> None:
    asyncio.run(_spend(tmp_path, delete_entry=True))

    code, output = _doctor(tmp_path)

    assert code == 1
    assert "every job that a budget in force covers is counted in its present window" in output
    assert "budget organisation/month" in output
