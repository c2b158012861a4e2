"""`video-gateway keys`: on the database itself, or through the gateway that runs."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from gateway.cli.main import app
from gateway.domain.team import hash_key
from gateway.sandbox import Sandbox
from tests.cli.programs import configuration, free_port
from tests.harness import RunningGateway, running_gateway

KEY = re.compile(r"vg_[A-Za-z0-9]{40}\n")


def keys(*words: str, stdin: str | None = None, **environ: str) -> Result:
    return CliRunner().invoke(app, ["keys", *words], input=stdin, env=environ)


@pytest.fixture
def offline(tmp_path: Path) -> Path:
    """A configuration whose gateway does not run."""
    server = f"{{listen: '127.0.0.1:0', admin_listen: '127.0.0.1:{free_port()}'}}"
    return configuration(tmp_path, server=server)


def test_create_prints_the_key_alone_so_that_it_can_be_captured(offline: Path) -> None:
    made = keys("create", "growth", "ci", "--config", str(offline))

    assert made.exit_code == 0
    assert KEY.fullmatch(made.stdout)


def test_the_key_itself_is_kept_nowhere(offline: Path) -> None:
    secret = keys("create", "growth", "ci", "--config", str(offline)).stdout.strip()

    written = b"".join(path.read_bytes() for path in offline.parent.glob("gateway.db*"))

    assert secret.encode() not in written
    assert hash_key(secret).encode() in written


def test_list_shows_what_was_made_and_revoked_and_never_a_secret(offline: Path) -> None:
    secret = keys("create", "growth", "ci", "--config", str(offline)).stdout.strip()
    keys("create", "growth", "laptop", "--config", str(offline))
    revoked = keys("revoke", "growth", "ci", "--config", str(offline))

    listed = keys("list", "--config", str(offline)).stdout

    assert revoked.stdout == "revoked growth/ci\n"
    assert re.search(
        r"^growth +ci +\d{4}-\d\d-\d\d \d\d:\d\d +\d{4}-\d\d-\d\d", listed, re.MULTILINE
    )
    assert re.search(r"^growth +laptop +\d{4}-\d\d-\d\d \d\d:\d\d$", listed, re.MULTILINE)
    assert secret not in listed
    assert hash_key(secret) not in listed


def test_keys_of_the_file_are_listed_as_such(offline: Path) -> None:
    teams = f"{{growth: {{keys: [{{name: build, hash: '{hash_key('vg_x')}'}}]}}}}"
    config = configuration(offline.parent, teams=teams)

    listed = keys("list", "--config", str(config)).stdout

    assert re.search(r"^growth +build +in the file$", listed, re.MULTILINE)


def test_hash_prints_what_the_file_wants(offline: Path) -> None:
    typed = keys("hash", "vg_secret")
    piped = keys("hash", stdin="vg_secret\n")

    assert typed.stdout == piped.stdout == f"{hash_key('vg_secret')}\n"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", piped.stdout)


def test_an_empty_key_has_no_hash() -> None:
    result = keys("hash", stdin="\n")

    assert result.exit_code == 2
    assert result.stdout == ""


@pytest.fixture
async def gateway(sqlite_url: str) -> AsyncIterator[RunningGateway]:
    sandbox = await Sandbox.start()
    try:
        async with running_gateway(sandbox, sqlite_url) as running:
            yield running
    finally:
        await sandbox.close()


@pytest.fixture
def online(tmp_path: Path, gateway: RunningGateway) -> Path:
    """The configuration of the gateway that runs, as far as the command line needs it."""
    admin = gateway.admin_url.removeprefix("http://")
    return configuration(
        tmp_path,
        server=f"{{listen: '127.0.0.1:0', admin_listen: '{admin}'}}",
        database="{url: 'sqlite:////nobody/can/open/this.db'}",
    )


async def test_a_running_gateway_knows_the_key_at_once_and_forgets_it_at_once(
    gateway: RunningGateway, online: Path
) -> None:
    options = ("--config", str(online), "--admin-token", gateway.admin_token)
    made = await asyncio.to_thread(
        keys,
        "create",
        "growth",
        "laptop",
        *options,
    )
    bearer = {"Authorization": f"Bearer {made.stdout.strip()}"}
    known = await gateway.get("/videos/gen-vid-1-x", team=None, headers=bearer)
    await asyncio.to_thread(
        keys,
        "revoke",
        "growth",
        "laptop",
        *options,
    )
    forgotten = await gateway.get("/videos/gen-vid-1-x", team=None, headers=bearer)

    assert known.reason == "job_not_found"
    assert (forgotten.status, forgotten.reason) == (401, "revoked_key")


async def test_list_asks_the_running_gateway(gateway: RunningGateway, online: Path) -> None:
    options = ("--config", str(online), "--admin-token", gateway.admin_token)
    await asyncio.to_thread(
        keys,
        "create",
        "growth",
        "laptop",
        *options,
    )

    listed = await asyncio.to_thread(
        keys, "list", "--config", str(online), VIDEO_GATEWAY_ADMIN_TOKEN=gateway.admin_token
    )

    assert re.search(r"^growth +laptop +\d{4}", listed.stdout, re.MULTILINE)


async def test_a_gateway_that_asks_for_a_token_gets_it(tmp_path: Path, sqlite_url: str) -> None:
    tokens = {"admin": {"tokens": [{"name": "ops", "hash": hash_key("an-admin-token")}]}}
    sandbox = await Sandbox.start()
    try:
        async with running_gateway(sandbox, sqlite_url, tokens) as running:
            admin = running.admin_url.removeprefix("http://")
            config = configuration(
                tmp_path, server=f"{{listen: '127.0.0.1:0', admin_listen: '{admin}'}}"
            )
            words = ("create", "growth", "laptop", "--config", str(config))
            without = await asyncio.to_thread(keys, *words)
            with_it = await asyncio.to_thread(
                keys, *words, VIDEO_GATEWAY_ADMIN_TOKEN="an-admin-token"
            )
    finally:
        await sandbox.close()

    assert without.exit_code == 1
    assert "admin.tokens" in str(without.exception)
    assert KEY.fullmatch(with_it.stdout)
