"""`video-gateway jobs list | show | delete-content`"""

import json
from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.adapters.blobs import open_blobs
from gateway.adapters.clock import SystemClock
from gateway.api.admin.jobs import withdrawn_document
from gateway.cli.admin import AdminApi, AdminError, GatewayNotRunning
from gateway.cli.database import write_database
from gateway.cli.job_output import print_job
from gateway.cli.options import AdminToken, ConfigPath, current_actor, load_or_exit
from gateway.cli.times import format_seconds, parse_age
from gateway.config.schema import Config
from gateway.domain.job import Status
from gateway.ports import Database
from gateway.services.content.delete import AssetDeleter
from gateway.services.operations.job_report import brief, job_report
from gateway.store import job_queries
from gateway.store.job_queries import JobFilter
from gateway.telemetry.bundle import Telemetry

jobs = typer.Typer(
    help="Jobs and their videos. Uses the running gateway; if none runs, opens the database.",
    no_args_is_help=True,
)

Id = Annotated[str, typer.Argument(help="The job's id, as clients and `jobs list` show it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@jobs.command("list")
def listing(
    team: Annotated[str | None, typer.Option(help="Only this team's jobs.")] = None,
    status: Annotated[
        Status | None, typer.Option(help="Only this status, e.g. completed or unknown.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Only jobs submitted after this: 24h, 7d, or unix seconds.")
    ] = None,
    limit: Annotated[int, typer.Option(help="Print at most so many jobs.", min=1)] = 50,
    as_json: AsJson = False,
    config: ConfigPath = None,
    admin_token: AdminToken = None,
) -> None:
    """List jobs, newest first."""
    loaded = load_or_exit(config)
    since_seconds = None if since is None else _since(since)
    try:
        query = {"team": team, "status": status and status.value, "since": since_seconds}
        given = {name: str(value) for name, value in query.items() if value is not None}
        rows = AdminApi(loaded.config, admin_token).rows("/jobs", given, limit)
    except GatewayNotRunning:
        wanted = JobFilter(team, status, None if since_seconds is None else since_seconds * 1000)
        stored = write_database(
            loaded.config, lambda db: db.read(lambda tx: job_queries.page(tx, wanted, limit))
        )
        rows = [brief(job) for job in stored]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'ID':40} {'STATUS':12} {'CREATED':16}  {'COST USD':>10}  {'TEAM':16} MODEL")
    for row in rows:
        cost = row.get("cost_usd") or f"~{row['estimate_usd']}"
        print(
            f"{row['id']:40} {row['status']:12} {format_seconds(row['created_at']):16}  {cost:>10}"
            f"  {row['team']:16} {row['model']}"
        )


@jobs.command()
def show(
    job_id: Id, as_json: AsJson = False, config: ConfigPath = None, admin_token: AdminToken = None
) -> None:
    """Show one job: its decision, attempts, money, deliveries and stored videos."""
    loaded = load_or_exit(config)
    try:
        document = AdminApi(loaded.config, admin_token).call("GET", f"/jobs/{quote(job_id, '')}")
    except GatewayNotRunning:
        report = write_database(
            loaded.config, lambda db: db.read(lambda tx: job_report(tx, job_id))
        )
        if report is None:
            raise AdminError(f"Job {job_id} not found") from None
        document = report.document()
    if as_json:
        print(json.dumps(document, indent=2))
    else:
        print_job(document)


@jobs.command("delete-content")
def delete_content(
    job_id: Id,
    why: Annotated[
        str | None, typer.Option(help="Reason, stored with the record of the deletion.")
    ] = None,
    config: ConfigPath = None,
    admin_token: AdminToken = None,
) -> None:
    """Delete a job's stored videos and stop serving them, even if the upstream has a copy."""
    loaded = load_or_exit(config)
    try:
        result = AdminApi(loaded.config, admin_token).call(
            "DELETE", f"/jobs/{quote(job_id, '')}/content", {"why": why} if why else None
        )
    except GatewayNotRunning:
        result = write_database(
            loaded.config, lambda database: _withdraw(loaded.config, database, job_id, why)
        )
    for asset in result["removed"]:
        outcome = "deleted" if asset["deleted"] else "marked for deletion:"
        print(
            f"{outcome} {job_id} index {asset['index']}, {asset['bytes']} bytes,"
            f" in {asset['store']}"
        )
    print(f"{job_id}: the gateway no longer serves its videos")


async def _withdraw(
    config: Config, database: Database, job_id: str, why: str | None
) -> dict[str, Any]:
    blobs = open_blobs(config.content.url, create=False)
    try:
        deleter = AssetDeleter(database, SystemClock(), blobs, Telemetry())
        return withdrawn_document(await deleter.withdraw(job_id, current_actor(), why))
    finally:
        if blobs is not None:
            await blobs.close()


def _since(text: str) -> int:
    """Parse an age such as `24h`, or unix seconds, into unix seconds."""
    try:
        return parse_age(text)
    except ValueError:
        if text.isascii() and text.isdigit():
            return int(text)
    raise typer.BadParameter(
        f"{text!r} is not a time; allowed: 24h, 7d, or unix seconds", param_hint="--since"
    )
