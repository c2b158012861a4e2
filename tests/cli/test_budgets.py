"""Tests of `video-gateway budgets show` and `doctor` on a database with spending."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.adapters.database import open_database
from gateway.cli.main import app
from gateway.domain.job import Status
from gateway.store.migrate import bundled
from tests.services.books import DOCUMENT, Books, in_force

CENT = 10_000
CHANGES = {
    "budgets": [{"period": "total", "limit_usd": 1000}],
    "teams": {"red": {"budgets": [{"period": "total", "limit_usd": "0.50"}]}, "blue": {}},
}


@pytest.fixture
async def spent(sqlite_url: str, tmp_path: Path) -> Path:
    """A configuration whose database has three cents reserved and two spent."""
    database = await open_database(sqlite_url)
    books = Books(database, in_force(CHANGES))
    done = (await books.submit("red", 3 * CENT)).job
    await books.accept(done)
    await books.end(done.id, Status.COMPLETED, "0.02")
    await books.submit("red", 3 * CENT)
    await database.close()
    config = tmp_path / "gateway.yaml"
    config.write_text(json.dumps({**DOCUMENT, **CHANGES, "database": {"url": sqlite_url}}))
    return config


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_show_prints_every_budget(spent: Path) -> None:
    code, output = run("budgets", "show", "--config", str(spent))

    assert code == 0
    rows = [line.split() for line in output.splitlines()]
    assert rows[0] == ["BUDGET", "LIMIT", "SPENT", "RESERVED", "AVAILABLE", "RESETS"]
    assert ["organisation/total", "1000.00", "0.02", "0.03", "999.95", "never"] in rows
    assert ["team/red/total", "0.50", "0.02", "0.03", "0.45", "never"] in rows


def test_show_with_a_team_prints_only_its_and_the_organisations_budgets(spent: Path) -> None:
    _, output = run("budgets", "show", "blue", "--config", str(spent))

    assert "organisation/total" in output
    assert "team/red" not in output
    assert "account/red" not in output


def test_show_rejects_an_unknown_team_and_lists_the_known_ones(spent: Path) -> None:
    code, output = run("budgets", "show", "green", "--config", str(spent))

    assert code == 2
    assert "unknown team 'green'; allowed: blue, red" in output


def test_doctor_passes_a_consistent_ledger(spent: Path) -> None:
    code, output = run("doctor", "--config", str(spent))

    assert code == 0, output
    assert "rules checked, no violation" in output


async def test_doctor_prints_the_difference_and_exits_1(spent: Path, sqlite_url: str) -> None:
    database = await open_database(sqlite_url)
    await database.write(
        lambda tx: tx.execute("UPDATE windows SET spent = 1 WHERE budget_id = 'team/red/total'")
    )
    await database.close()

    code, output = await asyncio.to_thread(run, "doctor", "--config", str(spent))

    assert code == 1
    assert "team/red/total@0: " in output
    assert "spent 1, spent_sum 20000" in output


async def test_doctor_exits_1_when_migrations_are_pending(spent: Path, sqlite_url: str) -> None:
    database = await open_database(sqlite_url)
    latest = bundled()[-1]
    await database.write(
        lambda tx: tx.execute("DELETE FROM migrations WHERE number = :number", number=latest.number)
    )
    await database.close()

    code, output = await asyncio.to_thread(run, "doctor", "--config", str(spent))

    assert code == 1
    assert f"nothing was checked: the database lacks the migrations {latest.label};" in output
    assert "no violation" not in output
