"""`video-gateway costs list | reset`: learned costs that raise estimates."""

import json
from typing import Annotated

import typer

from gateway.cli.admin import AdminApi
from gateway.cli.options import AdminToken, ConfigPath, load_or_exit
from gateway.cli.times import format_seconds

costs = typer.Typer(
    help="Costs learned from bills above the catalog's price; they raise estimates.",
    no_args_is_help=True,
)


@costs.command("list")
def listing(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")] = False,
    config: ConfigPath = None,
    admin_token: AdminToken = None,
) -> None:
    """List what raises estimates: kind of request, team that paid, cost, when it expires.

    Example: video-gateway costs list
    """
    rows = AdminApi(load_or_exit(config).config, admin_token).call("GET", "/costs")["data"]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'COST USD':>12}  {'RAISED':16}  {'RIGHT BILLS':>11}  {'TEAM':16} KIND")
    for row in rows:
        raised = format_seconds(row["raised_at"])
        print(
            f"{row['cost_usd']:>12}  {raised:16}  {row['right_bills']:>11}"
            f"  {row['team']:16} {row['profile']}"
        )


@costs.command()
def reset(
    reason: Annotated[str, typer.Option(help="Why; kept in the audit trail.")],
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    config: ConfigPath = None,
    admin_token: AdminToken = None,
) -> None:
    """Forget learned costs: estimates are the catalog's prices again.

    Example: video-gateway costs reset --model google/veo-3.1 --reason "price was corrected"
    """
    body = {"reason": reason} if model is None else {"model": model, "reason": reason}
    done = AdminApi(load_or_exit(config).config, admin_token).call("POST", "/costs/reset", body)
    print(f"{done['removed']} learned costs forgotten")
