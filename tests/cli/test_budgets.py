"""`video-gateway budgets show` and `doctor` on a database that has seen money."""

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
    """A configuration whose database holds three cents and has spent two."""
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


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, words)
    return result.exit_code, result.output


def test_the_standing_of_every_budget_is_shown(spent: Path) -> None:
    code, told = run("budgets", "show", "--config", str(spent))

    assert code == 0
    rows = [line.split() for line in told.splitlines()]
    assert rows[0] == ["BUDGET", "LIMIT", "SPENT", "RESERVED", "AVAILABLE", "RESETS"]
    assert ["organisation/total", "1000.00", "0.02", "0.03", "999.95", "never"] in rows
    assert ["team/red/total", "0.50", "0.02", "0.03", "0.45", "never"] in rows


def test_one_team_is_shown_with_the_organisation_and_no_other(spent: Path) -> None:
    _, told = run("budgets", "show", "blue", "--config", str(spent))

    assert "organisation/total" in told
    assert "team/red" not in told
    assert "account/red" not in told


def test_an_unknown_team_is_refused_with_the_known_ones(spent: Path) -> None:
    code, told = run("budgets", "show", "green", "--config", str(spent))

    assert code == 2
    assert "blue, red" in told


def test_the_doctor_is_content_with_sound_books(spent: Path) -> None:
    code, told = run("doctor", "--config", str(spent))

    assert code == 0, told
    assert "rules hold" in told


async def test_the_doctor_names_the_difference_and_exits_1(spent: Path, sqlite_url: str) -> None:
    database = await open_database(sqlite_url)
    await database.write(
        lambda tx: tx.execute("UPDATE windows SET spent = 1 WHERE budget_id = 'team/red/total'")
    )
    await database.close()

    code, told = await asyncio.to_thread(run, "doctor", "--config", str(spent))

    assert code == 1
    assert "team/red/total@0: " in told
    assert "spent 1, spent_sum 20000" in told


async def test_the_doctor_does_not_call_books_sound_that_it_could_not_read(
    spent: Path, sqlite_url: str
) -> None:
    database = await open_database(sqlite_url)
    latest = bundled()[-1]
    await database.write(
        lambda tx: tx.execute("DELETE FROM migrations WHERE number = :number", number=latest.number)
    )
    await database.close()

    code, told = await asyncio.to_thread(run, "doctor", "--config", str(spent))

    assert code == 1
    assert f"nothing was checked: {latest.label} is not in the database yet" in told
    assert "rules hold" not in told
