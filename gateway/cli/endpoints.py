"""`video-gateway endpoints list | test | enable`"""

from typing import Annotated
from urllib.parse import quote

import typer

from gateway.cli.admin import AdminApi
from gateway.cli.options import AdminToken, ConfigPath, load_or_exit

endpoints = typer.Typer(
    help="Webhook endpoints and their health. Needs a running gateway.", no_args_is_help=True
)

Name = Annotated[
    str,
    typer.Argument(
        help="The endpoint: render-farm, or team/growth/render-farm if several share that name."
    ),
]


@endpoints.command("list")
def listing(config: ConfigPath = None, admin_token: AdminToken = None) -> None:
    """List every endpoint with its state and its pending and dead deliveries."""
    rows = AdminApi(load_or_exit(config).config, admin_token).call("GET", "/endpoints")["data"]
    print(f"{'ENDPOINT':40} {'STATE':20} {'PENDING':>8} {'DEAD':>6}  ORIGIN")
    for row in rows:
        print(
            f"{row['endpoint']:40} {_state(row):20} {row['pending']:>8} {row['dead']:>6}"
            f"  {row.get('origin', '')}".rstrip()
        )


@endpoints.command("test")
def ping(name: Name, config: ConfigPath = None, admin_token: AdminToken = None) -> None:
    """Send a signed ping and print the result; exit 1 if the endpoint does not accept it."""
    api = AdminApi(load_or_exit(config).config, admin_token)
    answer = api.call("POST", f"/endpoints/{quote(name)}/test")
    result = answer["error"] if answer["status"] is None else f"status {answer['status']}"
    verdict = "accepted the ping" if answer["delivered"] else "did not accept the ping"
    print(f"{answer['endpoint']} {verdict}: {result}, {answer['latency_ms']} ms")
    for part in ("detail", "answer"):
        if answer[part]:
            print(f"  {part}: {answer[part]}")
    if not answer["delivered"]:
        raise typer.Exit(1)


@endpoints.command()
def enable(name: Name, config: ConfigPath = None, admin_token: AdminToken = None) -> None:
    """Resume deliveries to a disabled endpoint. Its dead deliveries stay dead."""
    api = AdminApi(load_or_exit(config).config, admin_token)
    answer = api.call("POST", f"/endpoints/{quote(name)}/enable")
    print(
        f"{answer['endpoint']} is enabled; to send its dead deliveries again, run"
        " `video-gateway deliveries replay-dead`"
    )


def _state(row: dict[str, object]) -> str:
    if row["disabled"]:
        return f"disabled: {row['disabled_because']}"
    if row["endpoint"] == "callback":
        return "set by clients"
    if not row["configured"]:
        return "not configured"
    return "ok" if row["failing_since"] is None else "failing"
