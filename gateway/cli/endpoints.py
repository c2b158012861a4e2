"""`video-gateway endpoints list | test | enable`"""

from typing import Annotated
from urllib.parse import quote

import typer

from gateway.cli.admin import AdminApi
from gateway.cli.options import AdminToken, ConfigPath, loaded

endpoints = typer.Typer(
    help="Subscribers and how they fare; asks the running gateway.", no_args_is_help=True
)

Name = Annotated[
    str,
    typer.Argument(help="Its name: render-farm, or team/growth/render-farm where several have it."),
]


@endpoints.command("list")
def listing(config: ConfigPath = None, admin_token: AdminToken = None) -> None:
    """List every subscriber: what it is owed, and whether it gets anything."""
    rows = AdminApi(loaded(config).config, admin_token).call("GET", "/endpoints")["data"]
    print(f"{'ENDPOINT':40} {'STATE':20} {'PENDING':>8} {'DEAD':>6}  WHERE")
    for row in rows:
        print(
            f"{row['endpoint']:40} {_state(row):20} {row['pending']:>8} {row['dead']:>6}"
            f"  {row.get('origin', '')}".rstrip()
        )


@endpoints.command("test")
def ping(name: Name, config: ConfigPath = None, admin_token: AdminToken = None) -> None:
    """Send a signed ping and print what came of it; exit 1 if it was not taken."""
    api = AdminApi(loaded(config).config, admin_token)
    answer = api.call("POST", f"/endpoints/{quote(name)}/test")
    said = answer["error"] if answer["status"] is None else f"status {answer['status']}"
    verdict = "took the ping" if answer["delivered"] else "did not take the ping"
    print(f"{answer['endpoint']} {verdict}: {said}, {answer['latency_ms']} ms")
    for part in ("detail", "answer"):
        if answer[part]:
            print(f"  {part}: {answer[part]}")
    if not answer["delivered"]:
        raise typer.Exit(1)


@endpoints.command()
def enable(name: Name, config: ConfigPath = None, admin_token: AdminToken = None) -> None:
    """Let events flow again to one that was disabled."""
    api = AdminApi(loaded(config).config, admin_token)
    answer = api.call("POST", f"/endpoints/{quote(name)}/enable")
    print(f"{answer['endpoint']} gets events again; what was given up: deliveries replay-dead")


def _state(row: dict[str, object]) -> str:
    if row["disabled"]:
        return f"disabled: {row['disabled_because']}"
    if row["endpoint"] == "callback":
        return "clients' own"
    if not row["configured"]:
        return "not configured"
    return "ok" if row["failing_since"] is None else "failing"
