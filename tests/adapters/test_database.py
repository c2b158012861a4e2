import sys
from pathlib import Path

import pytest

from gateway.adapters.database import open_database
from gateway.adapters.postgres import PostgresDatabase
from gateway.adapters.sqlite import SqliteDatabase
from gateway.domain.errors import UnusableDatabase


async def test_three_slashes_name_a_file_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    database = await open_database("sqlite:///var/gateway.db")
    await database.close()

    assert isinstance(database, SqliteDatabase)
    assert (tmp_path / "var" / "gateway.db").is_file()


async def test_four_slashes_name_a_file_from_the_root(tmp_path: Path) -> None:
    database = await open_database(f"sqlite:///{tmp_path}/gateway.db")
    await database.close()

    assert (tmp_path / "gateway.db").is_file()


async def test_a_postgresql_url_opens_postgresql(postgres_url: str) -> None:
    database = await open_database(postgres_url)
    await database.close()

    assert isinstance(database, PostgresDatabase)


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite:///:memory:"])
async def test_a_sqlite_url_must_name_a_file(url: str) -> None:
    with pytest.raises(UnusableDatabase, match="must name a file"):
        await open_database(url)


async def test_another_scheme_is_refused_without_repeating_its_password() -> None:
    with pytest.raises(UnusableDatabase, match="not mysql:") as refused:
        await open_database("mysql://root:hunter2@host/db")

    assert "hunter2" not in str(refused.value)


async def test_a_missing_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gateway.adapters.postgres")
    monkeypatch.setitem(sys.modules, "psycopg", None)  # as if it were not there

    with pytest.raises(UnusableDatabase, match=r"pip install 'video-gateway\[postgres\]'"):
        await open_database("postgresql://localhost/gateway")
