"""`video-gateway keys create | list | revoke | hash`"""

import random
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from gateway.adapters.clock import SystemClock
from gateway.cli.admin import AdminApi, GatewayNotRunning
from gateway.cli.database import write_database
from gateway.cli.options import AdminToken, ConfigPath, current_actor, load_or_exit
from gateway.cli.times import format_seconds
from gateway.config.live import Live
from gateway.config.loader import Loaded
from gateway.domain.team import hash_key
from gateway.ports import Database
from gateway.services.access.api_keys import Keyring

keys = typer.Typer(help="API keys of teams.", no_args_is_help=True)

T = TypeVar("T")

Team = Annotated[str, typer.Argument(help="A team in the configuration.")]
Name = Annotated[str, typer.Argument(help="Name of the key, e.g. ci.")]


@keys.command()
def create(
    team: Team, name: Name, config: ConfigPath = None, admin_token: AdminToken = None
) -> None:
    """Create a key and print it. It can't be shown again: only its hash is stored."""
    loaded = load_or_exit(config)
    try:
        created = AdminApi(loaded.config, admin_token).call(
            "POST", "/keys", {"team": team, "name": name}
        )
        secret = created["key"]
    except GatewayNotRunning:
        secret = _offline(
            loaded, lambda keyring: keyring.create(team, name, current_actor())
        ).secret
    print(secret)


@keys.command("list")
def listing(config: ConfigPath = None, admin_token: AdminToken = None) -> None:
    """List the keys in the configuration and in the database, without secrets."""
    loaded = load_or_exit(config)
    try:
        stored = AdminApi(loaded.config, admin_token).call("GET", "/keys")["data"]
        rows = [
            _row(key["team"], key["name"], key["created_at"], key["revoked_at"]) for key in stored
        ]
    except GatewayNotRunning:
        rows = [
            _row(
                key.team,
                key.name,
                key.created_at // 1000,
                None if key.revoked_at is None else key.revoked_at // 1000,
            )
            for key in _offline(loaded, Keyring.stored)
        ]
    for team, settings in loaded.config.teams.items():
        rows += [(team, key.name, "in the file", "") for key in settings.keys]
    print(f"{'TEAM':20} {'NAME':24} {'CREATED':16} REVOKED")
    for row in sorted(rows):
        print(f"{row[0]:20} {row[1]:24} {row[2]:16} {row[3]}".rstrip())


@keys.command()
def revoke(
    team: Team, name: Name, config: ConfigPath = None, admin_token: AdminToken = None
) -> None:
    """Revoke a key in the database; every replica rejects it within a second."""
    loaded = load_or_exit(config)
    try:
        AdminApi(loaded.config, admin_token).call("DELETE", f"/keys/{team}/{name}")
    except GatewayNotRunning:
        _offline(loaded, lambda keyring: keyring.revoke(team, name, current_actor()))
    print(f"revoked {team}/{name}")


@keys.command("hash")
def hashing(
    key: Annotated[
        str | None, typer.Argument(help="The key. Without it, the key is read from standard input.")
    ] = None,
) -> None:
    """Print the hash of a key, for `teams.<name>.keys` or `admin.tokens` in the configuration."""
    secret = (key if key is not None else sys.stdin.readline()).strip()
    if not secret:
        raise typer.BadParameter("the key is empty")
    print(hash_key(secret))


def _offline(loaded: Loaded, operation: Callable[[Keyring], Awaitable[T]]) -> T:
    """Run the operation on the database itself, without a gateway."""

    async def run(database: Database) -> T:
        live = Live(loaded.config, loaded.version)
        return await operation(Keyring(database, SystemClock(), random.SystemRandom(), live))

    return write_database(loaded.config, run)


def _row(
    team: str, name: str, created_at: int, revoked_at: int | None
) -> tuple[str, str, str, str]:
    return team, name, format_seconds(created_at), format_seconds(revoked_at)
