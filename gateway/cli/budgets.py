"""`video-gateway budgets show`"""

from typing import Annotated

import typer

from gateway.adapters.clock import SystemClock
from gateway.cli.database import read_database
from gateway.cli.options import ConfigPath, load_or_exit
from gateway.cli.times import format_time
from gateway.config.live import Live
from gateway.domain.budget import Headroom
from gateway.domain.units import usd_text
from gateway.services.money.standing import BudgetStanding, standing

budgets = typer.Typer(help="Limits and spending of the budgets.", no_args_is_help=True)

Team = Annotated[
    str | None, typer.Argument(help="Show only this team's and the organisation's budgets.")
]


@budgets.callback()
def _group() -> None:
    """Keep `show` a subcommand: typer drops the name of a group's only command."""


@budgets.command()
def show(team: Team = None, config: ConfigPath = None) -> None:
    """Print limit, spent, reserved, available and reset of every budget, in dollars and UTC."""
    loaded = load_or_exit(config)
    if team is not None and team not in loaded.config.teams:
        known = ", ".join(sorted(loaded.config.teams)) or "no teams are configured"
        raise typer.BadParameter(f"unknown team {team!r}; allowed: {known}")
    in_force, now = Live(loaded.config, loaded.version).current, SystemClock().now()
    _print(read_database(loaded.config, lambda db: standing(db, in_force, now)), team)


def _print(standings: BudgetStanding, team: str | None) -> None:
    rows = [("BUDGET", "LIMIT", "SPENT", "RESERVED", "AVAILABLE", "RESETS")]
    rows += [_row(r) for r in standings.rooms if team is None or r.budget.team in (None, team)]
    rows += [
        (f"account/{a.team} (month)", "-", usd_text(a.spent), usd_text(a.reserved), "-", "-")
        for a in standings.accounts
        if team in (None, a.team)
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        money = (text.rjust(width) for text, width in zip(row[1:5], widths[1:5], strict=True))
        print(f"{row[0].ljust(widths[0])}  {'  '.join(money)}  {row[5]}".rstrip())


def _row(headroom: Headroom) -> tuple[str, str, str, str, str, str]:
    resets_at = headroom.resets_at
    return (
        headroom.budget.id,
        usd_text(headroom.budget.limit_micros),
        usd_text(headroom.spent),
        usd_text(headroom.reserved),
        usd_text(headroom.available),
        "never" if resets_at is None else format_time(resets_at),
    )
