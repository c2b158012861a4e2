"""`video-gateway budgets show`"""

import asyncio
from datetime import UTC
from typing import Annotated

import typer

from gateway.adapters.clock import SystemClock
from gateway.adapters.database import open_database
from gateway.cli.options import ConfigPath, loaded
from gateway.config.live import InForce, Live
from gateway.domain.budget import Headroom
from gateway.domain.units import usd_text
from gateway.services.money.standing import BudgetStanding, standing

budgets = typer.Typer(help="Where the budgets stand.", no_args_is_help=True)

Team = Annotated[str | None, typer.Argument(help="Only this team's, and the organisation's.")]


@budgets.callback()
def _group() -> None:
    """Keeps `show` a word of its own while it is the only one."""


@budgets.command()
def show(team: Team = None, config: ConfigPath = None) -> None:
    """Print limit, spent, reserved, available and reset of every budget, in dollars and UTC."""
    found = loaded(config)
    if team is not None and team not in found.config.teams:
        raise typer.BadParameter(f"{team} is not one of {', '.join(sorted(found.config.teams))}")
    in_force = Live(found.config, found.version).current
    stands = asyncio.run(_look(found.config.database.url.get_secret_value(), in_force))
    _print(stands, team)


async def _look(url: str, in_force: InForce) -> BudgetStanding:
    database = await open_database(url, read_only=True)
    try:
        return await standing(database, in_force, SystemClock().now())
    finally:
        await database.close()


def _print(stands: BudgetStanding, team: str | None) -> None:
    rows = [("BUDGET", "LIMIT", "SPENT", "RESERVED", "AVAILABLE", "RESETS")]
    rows += [_row(r) for r in stands.rooms if team is None or r.budget.team in (None, team)]
    rows += [
        (f"account/{a.team} (month)", "-", usd_text(a.spent), usd_text(a.reserved), "-", "-")
        for a in stands.accounts
        if team in (None, a.team)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        money = (text.rjust(width) for text, width in zip(row[1:5], widths[1:5], strict=True))
        print(f"{row[0].ljust(widths[0])}  {'  '.join(money)}  {row[5]}".rstrip())


def _row(room: Headroom) -> tuple[str, str, str, str, str, str]:
    resets = room.resets_at
    return (
        room.budget.id,
        usd_text(room.budget.limit_micros),
        usd_text(room.spent),
        usd_text(room.reserved),
        usd_text(room.available),
        "never" if resets is None else resets.astimezone(UTC).strftime("%Y-%m-%d %H:%M"),
    )
