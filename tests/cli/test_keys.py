"""Tests of `video-gateway keys`, with and without a running gateway."""

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


def keys(*arguments: str, stdin: str | None = None, **environ: str) -> Result:
    return CliRunner().invoke(app, ["keys", *arguments], input=stdin, env=environ)


@pytest.fixture
def offline(tmp_path: Path) -> Path:
    """A configuration without a running gateway."""
    server = f"{{listen: '127.0.0.1:0', admin_listen: '127.0.0.1:{free_port()}'}}"
    return configuration(tmp_path, server=server)


def test_create_prints_only_the_key(offline: Path) -> None:
    created = keys("create", "growth", "ci", "--config", str(offline))

    assert created.exit_code == 0
    assert KEY.fullmatch(created.stdout)


def test_the_database_contains_only_the_hash_of_a_key(offline: Path) -> None:
    secret = keys("create", "growth", "ci", "--config", str(offline)).stdout.strip()

    written = b"".join(path.read_bytes() for path in offline.parent.glob("gateway.db*"))

    assert secret.encode() not in written
    assert hash_key(secret).encode() in written


def test_list_shows_created_and_revoked_keys_without_secrets(offline: Path) -> None:
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


def test_list_shows_the_keys_of_the_file(offline: Path) -> None:
    teams = f"{{growth: {{keys: [{{name: build, hash: '{hash_key('vg_x')}'}}]}}}}"
    config = configuration(offline.parent, teams=teams)

    listed = keys("list", "--config", str(config)).stdout

    assert re.search(r"^growth +build +in the file$", listed, re.MULTILINE)


def test_hash_prints_the_hash_for_the_file(offline: Path) -> None:
    argument = keys("hash", "vg_secret")
    piped = keys("hash", stdin="vg_secret\n")

    assert argument.stdout == piped.stdout == f"{hash_key('vg_secret')}\n"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", piped.stdout)


def test_hash_rejects_an_empty_key() -> None:
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
    """A configuration with the admin address of the running gateway and no usable database."""
    admin = gateway.admin_url.removeprefix("http://")
    return configuration(
        tmp_path,
        server=f"{{listen: '127.0.0.1:0', admin_listen: '{admin}'}}",
        database="{url: 'sqlite:////nobody/can/open/this.db'}",
    )


async def test_a_running_gateway_accepts_a_new_key_and_rejects_a_revoked_one_at_once(
    gateway: RunningGateway, online: Path
) -> None:
    options = ("--config", str(online), "--admin-token", gateway.admin_token)
    created = await asyncio.to_thread(
        keys,
        "create",
        "growth",
        "laptop",
        *options,
    )
    bearer = {"Authorization": f"Bearer {created.stdout.strip()}"}
    before = await gateway.get("/videos/gen-vid-1-x", team=None, headers=bearer)
    await asyncio.to_thread(
        keys,
        "revoke",
        "growth",
        "laptop",
        *options,
    )
    after = await gateway.get("/videos/gen-vid-1-x", team=None, headers=bearer)

    assert before.reason == "job_not_found"
    assert (after.status, after.reason) == (401, "revoked_key")


async def test_list_uses_the_running_gateway(gateway: RunningGateway, online: Path) -> None:
    options = ("--config", str(online), "--admin-token", gateway.admin_token)
    await asyncio.to_thread(
        keys,
        "create",
        "growth",
        "laptop",
        *options,
    )

    listed = await asyncio.to_thread(keys, "list", *options)

    assert re.search(r"^growth +laptop +\d{4}", listed.stdout, re.MULTILINE)


async def test_commands_send_the_admin_token(tmp_path: Path, sqlite_url: str) -> None:
    tokens = {"admin": {"tokens": [{"name": "ops", "hash": hash_key("an-admin-token")}]}}
    sandbox = await Sandbox.start()
    try:
        async with running_gateway(sandbox, sqlite_url, tokens) as running:
            admin = running.admin_url.removeprefix("http://")
            config = configuration(
                tmp_path, server=f"{{listen: '127.0.0.1:0', admin_listen: '{admin}'}}"
            )
            arguments = ("create", "growth", "laptop", "--config", str(config))
            without = await asyncio.to_thread(keys, *arguments)
            with_it = await asyncio.to_thread(
                keys, *arguments, VIDEO_GATEWAY_ADMIN_TOKEN="an-admin-token"
            )
    finally:
        await sandbox.close()

    assert without.exit_code == 1
    assert "admin.tokens" in str(without.exception)
    assert KEY.fullmatch(with_it.stdout)
