"""`video-gateway keys create | list | revoke | hash`"""

import asyncio
import random
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer

from gateway.adapters.clock import SystemClock
from gateway.adapters.database import open_database
from gateway.cli.admin import AdminApi, NoGateway
from gateway.cli.options import AdminToken, ConfigPath, loaded, person
from gateway.config.live import Live
from gateway.config.loader import Loaded
from gateway.domain.team import hash_key
from gateway.services.access.api_keys import Keyring
from gateway.store.migrate import bundled, migrate

keys = typer.Typer(help="Bearer keys of teams.", no_args_is_help=True)

T = TypeVar("T")

Team = Annotated[str, typer.Argument(help="A team of the configuration.")]
Name = Annotated[str, typer.Argument(help="What the key is called, e.g. ci.")]


@keys.command()
def create(
    team: Team, name: Name, config: ConfigPath = None, admin_token: AdminToken = None
) -> None:
    """Make a key and print it; it is shown this once, and only its hash is stored."""
    found = loaded(config)
    try:
        made = AdminApi(found.config, admin_token).call(
            "POST", "/keys", {"team": team, "name": name}
        )
        secret = made["key"]
    except NoGateway:
        secret = _offline(found, lambda ring: ring.create(team, name, person())).secret
    print(secret)


@keys.command("list")
def listing(config: ConfigPath = None, admin_token: AdminToken = None) -> None:
    """List the keys of the configuration and of the database; never a secret."""
    found = loaded(config)
    try:
        stored = AdminApi(found.config, admin_token).call("GET", "/keys")["data"]
        rows = [
            (k["team"], k["name"], _day(k["created_at"]), _day(k["revoked_at"])) for k in stored
        ]
    except NoGateway:
        rows = [
            (
                k.team,
                k.name,
                _day(k.created_at // 1000),
                _day(k.revoked_at and k.revoked_at // 1000),
            )
            for k in _offline(found, Keyring.stored)
        ]
    for team, settings in found.config.teams.items():
        rows += [(team, key.name, "in the file", "") for key in settings.keys]
    print(f"{'TEAM':20} {'NAME':24} {'MADE':16} REVOKED")
    for row in sorted(rows):
        print(f"{row[0]:20} {row[1]:24} {row[2]:16} {row[3]}".rstrip())


@keys.command()
def revoke(
    team: Team, name: Name, config: ConfigPath = None, admin_token: AdminToken = None
) -> None:
    """Revoke a key of the database; within a second it stops on every replica."""
    found = loaded(config)
    try:
        AdminApi(found.config, admin_token).call("DELETE", f"/keys/{team}/{name}")
    except NoGateway:
        _offline(found, lambda ring: ring.revoke(team, name, person()))
    print(f"revoked {team}/{name}")


@keys.command("hash")
def hashing(
    key: Annotated[
        str | None, typer.Argument(help="The key; left out, it is read from standard input.")
    ] = None,
) -> None:
    """Print the hash of a key, for `teams.<name>.keys` or `admin.tokens` in the configuration."""
    secret = (key if key is not None else sys.stdin.readline()).strip()
    if not secret:
        raise typer.BadParameter("the key is empty")
    print(hash_key(secret))


def _offline(found: Loaded, act: Callable[[Keyring], Awaitable[T]]) -> T:
    """Do it on the database itself, where no gateway runs (or a PostgreSQL that several share)."""

    async def run() -> T:
        database = await open_database(found.config.database.url.get_secret_value())
        try:
            await migrate(database, bundled(), SystemClock())
            live = Live(found.config, found.version)
            ring = Keyring(database, SystemClock(), random.SystemRandom(), live)
            return await act(ring)
        finally:
            await database.close()

    return asyncio.run(run())


def _day(seconds: int | None) -> str:
    return "" if not seconds else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
