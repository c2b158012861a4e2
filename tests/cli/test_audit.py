"""Tests of `video-gateway audit`."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gateway.adapters.database import open_database
from gateway.cli.main import app
from gateway.domain.audit import Actor, AuditedAct
from gateway.ports import Transaction
from gateway.services import audit
from tests.fakes.clock import FakeClock

Run = Callable[..., Any]

CONFIG = """
database: {{url: "{url}"}}
upstreams: {{main: {{base_url: "https://up.example/api/v1", api_key: sk-or-1234567890}}}}
teams: {{red: {{}}}}
"""


def write(url: str, act: Callable[[Transaction], object]) -> None:
    async def run() -> None:
        database = await open_database(url)
        try:
            await database.write(act)
        finally:
            await database.close()

    asyncio.run(run())


@pytest.fixture
def run(sqlite_url: str, tmp_path: Path) -> Run:
    """Return a function that runs a command on a database with three records."""
    config = tmp_path / "gateway.yaml"
    config.write_text(CONFIG.format(url=sqlite_url))

    def fill(tx: Transaction) -> None:
        now = FakeClock().now()
        ops = Actor("ops", "10.0.0.1")
        audit.record(tx, AuditedAct.KEY_CREATED, ops, "red/ci", now, hash="sha256:00")
        audit.record(
            tx, AuditedAct.CONFIG_RELOADED, ops, "v2", now, changes=["a: 1 -> 2", "b\x1b[2J"]
        )
        audit.record(tx, AuditedAct.KEY_REVOKED, ops, "red/ci", now)

    write(sqlite_url, fill)
    return lambda *arguments: CliRunner().invoke(
        app, ["audit", *arguments, "--config", str(config)]
    )


def test_list_prints_the_newest_record_first_with_actor_time_and_origin(
    run: Run,
) -> None:
    lines = run("list").output.splitlines()

    assert lines[0].split() == [
        *("3", "2026-11-22", "12:00:00", "key.revoked", "red/ci", "by", "ops", "(10.0.0.1)"),
    ]
    assert "        changes: a: 1 -> 2" in lines
    assert "        hash: sha256:00" in lines
    assert "\x1b" not in "".join(lines), "control characters of a record reach the terminal"


def test_list_prints_json_lines(run: Run) -> None:
    (line,) = run("list", "--json", "--limit", "1").output.splitlines()

    record = json.loads(line)
    assert record["number"] == 3
    assert record["act"] == "key.revoked"
    assert record["at"] == "2026-11-22T12:00:00.000+00:00"
    assert re.fullmatch(r"[0-9a-f]{64}", record["hash"])


def test_verify_accepts_an_intact_trail_and_prints_its_last_record(run: Run) -> None:
    result = run("verify")

    assert result.exit_code == 0
    assert re.fullmatch(r"ok: 3 records, chain intact; the last is 3:[0-9a-f]{64}\n", result.output)


def test_verify_detects_a_removed_record(run: Run, sqlite_url: str) -> None:
    write(sqlite_url, lambda tx: tx.execute("DELETE FROM audit WHERE number = 2"))

    result = run("verify")

    assert result.exit_code == 1
    assert "- record 3: record 2 is missing before it" in result.output


def test_verify_detects_that_an_expected_record_is_missing(run: Run) -> None:
    expected = run("verify").output.rsplit(" ", 1)[1].strip()
    assert run("verify", "--still-has", expected).exit_code == 0

    other = f"2:{expected.partition(':')[2]}"
    result = run("verify", "--still-has", other)

    assert result.exit_code == 1
    assert "record 2: it has another hash" in result.output


@pytest.mark.parametrize("text", ["3", "3:abc", "x:" + "0" * 64])
def test_still_has_rejects_anything_but_number_and_hash(run: Run, text: str) -> None:
    assert run("verify", "--still-has", text).exit_code == 2
