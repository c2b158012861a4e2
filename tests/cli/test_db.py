"""A backup is a whole database that only its owner can read, and replaces none by accident."""

import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.db import BackupFailed
from gateway.cli.main import app
from tests.cli.programs import configuration


@pytest.fixture
def config(tmp_path: Path, sqlite_url: str) -> Path:
    return configuration(tmp_path, database=f"{{url: '{sqlite_url}'}}")


def backup(config: Path, file: Path, *more: str) -> BaseException | None:
    result = CliRunner().invoke(app, ["db", "backup", str(file), "--config", str(config), *more])
    return result.exception


def tables(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as database:
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {name for (name,) in rows}


def test_a_backup_is_whole_and_its_owner_s_alone(config: Path, tmp_path: Path) -> None:
    file = tmp_path / "copies" / "copy.db"

    assert backup(config, file) is None

    assert {"jobs", "ledger", "migrations"} <= tables(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_an_older_copy_is_replaced_only_when_that_is_asked_for(
    config: Path, tmp_path: Path
) -> None:
    file = tmp_path / "copy.db"
    file.write_text("precious")

    assert isinstance(backup(config, file), BackupFailed)
    assert file.read_text() == "precious"
    assert backup(config, file, "--force") is None
    assert "jobs" in tables(file)


def test_a_database_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "missing.db"
    config = configuration(tmp_path, database=f"{{url: 'sqlite:///{missing}'}}")

    error = backup(config, tmp_path / "copy.db")

    assert str(missing) in str(error)
    assert not missing.exists()
