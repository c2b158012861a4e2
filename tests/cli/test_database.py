"""Tests of how a command opens the configured database."""

from pathlib import Path

import pytest

from gateway.cli.database import read_database, write_database
from gateway.config.loader import load
from gateway.config.schema import Config
from gateway.domain.errors import GatewayError
from gateway.ports import Database
from gateway.store.migrate import bundled, pending
from tests.cli.programs import configuration


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load(configuration(tmp_path), {}).config


def test_writing_migrates_the_database_first(config: Config) -> None:
    assert write_database(config, lambda database: pending(database, bundled())) == ()


def test_reading_changes_nothing(config: Config, tmp_path: Path) -> None:
    async def delete(database: Database) -> None:
        await database.write(lambda tx: tx.execute("DELETE FROM migrations"))

    write_database(config, lambda database: pending(database, bundled()))
    with pytest.raises(GatewayError):
        read_database(config, delete)

    assert read_database(config, lambda database: pending(database, bundled())) == ()
