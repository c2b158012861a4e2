"""`video-gateway deliveries list | show | replay | replay-dead`"""

import time
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.cli.admin import AdminApi
from gateway.cli.options import AdminToken, ConfigPath, loaded
from gateway.config.values import read_duration

deliveries = typer.Typer(
    help="What subscribers are owed and were sent; asks the running gateway.",
    no_args_is_help=True,
)


Since = Annotated[
    str, typer.Option(help="Of events since then: 24h, 7d, or a moment like 2026-11-22T12:00:00Z.")
]
Endpoint = Annotated[
    str | None, typer.Option(help="Only of this endpoint, e.g. team/growth/render-farm.")
]
Id = Annotated[str, typer.Argument(help="The delivery's id, as `deliveries list` shows it.")]


@deliveries.command("list")
def listing(
    state: Annotated[str | None, typer.Option(help="pending, delivered or dead.")] = None,
    endpoint: Endpoint = None,
    since: Annotated[
        str | None, typer.Option(help="Of events since then: 24h, 7d, or a moment.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 50,
    config: ConfigPath = None,
    admin_token: AdminToken = None,
) -> None:
    """List deliveries, newest first."""
    api = AdminApi(loaded(config).config, admin_token)
    query = {"state": state, "endpoint": endpoint, "since": since and _moment(since)}
    rows = api.rows("/deliveries", {name: value for name, value in query.items() if value}, limit)
    print(f"{'ID':29} {'STATE':10} {'TRIES':>5}  {'MADE':16}  {'NEXT':16}  {'EVENT':28} ENDPOINT")
    for row in rows:
        print(
            f"{row['id']:29} {row['state']:10} {row['attempts_made']:>5}"
            f"  {_time(row['created_at']):16}  {_time(row['next_attempt_at']):16}"
            f"  {row['event']['type']:28} {_where(row)}"
        )


@deliveries.command()
def show(delivery_id: Id, config: ConfigPath = None, admin_token: AdminToken = None) -> None:
    """Show one delivery with every attempt."""
    api = AdminApi(loaded(config).config, admin_token)
    row = api.call("GET", f"/deliveries/{quote(delivery_id, safe='')}")
    event = row["event"]
    facts = {
        "delivery": row["id"],
        "state": row["state"],
        "endpoint": _where(row),
        "event": f"{event['type']} ({event['id']})",
        "job": event["job_id"],
        "team": event["team"],
        "idempotency key": event["idempotency_key"],
        "made": _time(row["created_at"]),
        "next attempt": _time(row["next_attempt_at"]),
        "ended": _time(row["ended_at"]),
    }
    for name, value in facts.items():
        if value:
            print(f"{name:16} {value}")
    for attempt in row["attempts"]:
        _print_attempt(attempt)


@deliveries.command()
def replay(delivery_id: Id, config: ConfigPath = None, admin_token: AdminToken = None) -> None:
    """Send one again now, whatever became of it; the event keeps its idempotency key."""
    api = AdminApi(loaded(config).config, admin_token)
    row = api.call("POST", f"/deliveries/{quote(delivery_id, safe='')}/replay")
    print(f"{row['id']} is due again")


@deliveries.command("replay-dead")
def replay_dead(
    since: Since,
    endpoint: Endpoint = None,
    config: ConfigPath = None,
    admin_token: AdminToken = None,
) -> None:
    """Send again everything that was given up, but for endpoints that are disabled."""
    api = AdminApi(loaded(config).config, admin_token)
    body = {"since": _moment(since)} | ({} if endpoint is None else {"endpoint": endpoint})
    count = api.call("POST", "/deliveries/replay-dead", body)["replayed"]
    print(f"{count} deliver{'y is' if count == 1 else 'ies are'} due again")


def _moment(text: str) -> str:
    """`24h` as the unix seconds of a day ago; anything else goes on as it is."""
    try:
        return str(int(time.time() - read_duration(text).total_seconds()))
    except ValueError:
        return text


def _print_attempt(attempt: dict[str, Any]) -> None:
    said = attempt["error"] or "" if attempt["status"] is None else str(attempt["status"])
    if attempt["status"] is not None and attempt["error"]:
        said += f" ({attempt['error']})"
    print(f"\n#{attempt['attempt']} {_time(attempt['at'])}  {said}  {attempt['latency_ms']} ms")
    for name in ("detail", "answer"):
        if attempt[name]:
            print(f"  {name}: {attempt[name]}")


def _where(row: dict[str, Any]) -> str:
    """The endpoint; of a callback also where it leads."""
    return f"{row['endpoint']} {row['origin']}" if "origin" in row else str(row["endpoint"])


def _time(seconds: int | None) -> str:
    return "" if not seconds else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
