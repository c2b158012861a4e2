"""`video-gateway deliveries list | show | replay | replay-dead`"""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.cli.admin import AdminApi
from gateway.cli.options import AdminToken, ConfigPath, load_or_exit
from gateway.cli.times import format_seconds, parse_age

deliveries = typer.Typer(
    help="Webhook deliveries to subscribers. Needs a running gateway.",
    no_args_is_help=True,
)

_SINCE = "Only events after this: an age (24h, 7d) or a time (2026-11-22T12:00:00Z)."

Since = Annotated[str, typer.Option(help=_SINCE)]
Endpoint = Annotated[
    str | None, typer.Option(help="Only this endpoint, e.g. team/growth/render-farm.")
]
Id = Annotated[str, typer.Argument(help="The delivery's id from `deliveries list`.")]


@deliveries.command("list")
def listing(
    state: Annotated[
        str | None, typer.Option(help="Only this state: pending, delivered or dead.")
    ] = None,
    endpoint: Endpoint = None,
    since: Annotated[str | None, typer.Option(help=_SINCE)] = None,
    limit: Annotated[int, typer.Option(help="Print at most so many deliveries.", min=1)] = 50,
    config: ConfigPath = None,
    admin_token: AdminToken = None,
) -> None:
    """List deliveries, newest first."""
    api = AdminApi(load_or_exit(config).config, admin_token)
    query = {"state": state, "endpoint": endpoint, "since": since and _since(since)}
    rows = api.rows("/deliveries", {name: value for name, value in query.items() if value}, limit)
    print(
        f"{'ID':29} {'STATE':10} {'TRIES':>5}  {'CREATED':16}  {'NEXT':16}  {'EVENT':28} ENDPOINT"
    )
    for row in rows:
        print(
            f"{row['id']:29} {row['state']:10} {row['attempts_made']:>5}"
            f"  {format_seconds(row['created_at']):16}  {format_seconds(row['next_attempt_at']):16}"
            f"  {row['event']['type']:28} {_endpoint(row)}"
        )


@deliveries.command()
def show(delivery_id: Id, config: ConfigPath = None, admin_token: AdminToken = None) -> None:
    """Show one delivery with every attempt."""
    api = AdminApi(load_or_exit(config).config, admin_token)
    row = api.call("GET", f"/deliveries/{quote(delivery_id, safe='')}")
    event = row["event"]
    fields = {
        "delivery": row["id"],
        "state": row["state"],
        "endpoint": _endpoint(row),
        "event": f"{event['type']} ({event['id']})",
        "job": event["job_id"],
        "team": event["team"],
        "idempotency key": event["idempotency_key"],
        "created": format_seconds(row["created_at"]),
        "next attempt": format_seconds(row["next_attempt_at"]),
        "ended": format_seconds(row["ended_at"]),
    }
    for name, value in fields.items():
        if value:
            print(f"{name:16} {value}")
    for attempt in row["attempts"]:
        _print_attempt(attempt)


@deliveries.command()
def replay(delivery_id: Id, config: ConfigPath = None, admin_token: AdminToken = None) -> None:
    """Send one delivery again now, in whatever state it is. The idempotency key stays the same."""
    api = AdminApi(load_or_exit(config).config, admin_token)
    row = api.call("POST", f"/deliveries/{quote(delivery_id, safe='')}/replay")
    print(f"{row['id']} is queued for delivery")


@deliveries.command("replay-dead")
def replay_dead(
    since: Since,
    endpoint: Endpoint = None,
    config: ConfigPath = None,
    admin_token: AdminToken = None,
) -> None:
    """Send all dead deliveries again, except those to disabled endpoints."""
    api = AdminApi(load_or_exit(config).config, admin_token)
    body = {"since": _since(since)} | ({} if endpoint is None else {"endpoint": endpoint})
    count = api.call("POST", "/deliveries/replay-dead", body)["replayed"]
    print(f"{count} deliver{'y is' if count == 1 else 'ies are'} queued for delivery")


def _since(text: str) -> str:
    """Convert an age such as `24h` to unix seconds; leave any other text to the admin API."""
    try:
        return str(parse_age(text))
    except ValueError:
        return text


def _print_attempt(attempt: dict[str, Any]) -> None:
    result = attempt["error"] or "" if attempt["status"] is None else str(attempt["status"])
    if attempt["status"] is not None and attempt["error"]:
        result += f" ({attempt['error']})"
    at = format_seconds(attempt["at"])
    print(f"\n#{attempt['attempt']} {at}  {result}  {attempt['latency_ms']} ms")
    for name in ("detail", "answer"):
        if attempt[name]:
            print(f"  {name}: {attempt[name]}")


def _endpoint(row: dict[str, Any]) -> str:
    """Return the endpoint's name; for a client's callback also the origin of its URL."""
    return f"{row['endpoint']} {row['origin']}" if "origin" in row else str(row["endpoint"])
