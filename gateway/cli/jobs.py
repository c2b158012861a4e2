"""`video-gateway jobs list | show | delete-content`"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar
from urllib.parse import quote

import typer

from gateway.adapters.blobs import open_blobs
from gateway.adapters.clock import SystemClock
from gateway.adapters.database import open_database
from gateway.api.admin.jobs import withdrawn_document
from gateway.cli.admin import AdminApi, AdminRefused, NoGateway
from gateway.cli.job_words import moment, print_job
from gateway.cli.options import AdminToken, ConfigPath, loaded, person
from gateway.config.loader import Loaded
from gateway.config.values import read_duration
from gateway.domain.job import Status
from gateway.ports import Database
from gateway.services.content.delete import AssetDeleter
from gateway.services.operations.job_report import brief, job_report
from gateway.store import job_queries
from gateway.store.job_queries import JobFilter
from gateway.store.migrate import bundled, migrate
from gateway.telemetry.bundle import Telemetry

jobs = typer.Typer(
    help="Jobs and their videos; asks the running gateway, or the database where none runs.",
    no_args_is_help=True,
)

T = TypeVar("T")


Id = Annotated[str, typer.Argument(help="The job's id, as clients and `jobs list` show it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of words.")]


@jobs.command("list")
def listing(
    team: Annotated[str | None, typer.Option(help="Only of this team.")] = None,
    status: Annotated[
        Status | None, typer.Option(help="Only in this state, e.g. completed or unknown.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="Submitted since then: 24h, 7d, or unix seconds.")
    ] = None,
    limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 50,
    as_json: AsJson = False,
    config: ConfigPath = None,
    admin_token: AdminToken = None,
) -> None:
    """List jobs, newest first."""
    found = loaded(config)
    from_then = None if since is None else _seconds(since)
    try:
        query = {"team": team, "status": status and status.value, "since": from_then}
        given = {name: str(value) for name, value in query.items() if value is not None}
        rows = AdminApi(found.config, admin_token).rows("/jobs", given, limit)
    except NoGateway:
        wanted = JobFilter(team, status, None if from_then is None else from_then * 1000)
        kept = _offline(found, lambda db: db.read(lambda tx: job_queries.page(tx, wanted, limit)))
        rows = [brief(job) for job in kept]
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    print(f"{'ID':40} {'STATUS':12} {'MADE':16}  {'COST USD':>10}  {'TEAM':16} MODEL")
    for row in rows:
        cost = row.get("cost_usd") or f"~{row['estimate_usd']}"
        print(
            f"{row['id']:40} {row['status']:12} {moment(row['created_at']):16}  {cost:>10}"
            f"  {row['team']:16} {row['model']}"
        )


@jobs.command()
def show(
    job_id: Id, as_json: AsJson = False, config: ConfigPath = None, admin_token: AdminToken = None
) -> None:
    """Show one job: its decision, attempts, money, deliveries and stored videos."""
    found = loaded(config)
    try:
        document = AdminApi(found.config, admin_token).call("GET", f"/jobs/{quote(job_id, '')}")
    except NoGateway:
        kept = _offline(found, lambda database: database.read(lambda tx: job_report(tx, job_id)))
        if kept is None:
            raise AdminRefused(f"Job {job_id} not found") from None
        document = kept.document()
    if as_json:
        print(json.dumps(document, indent=2))
    else:
        print_job(document)


@jobs.command("delete-content")
def delete_content(
    job_id: Id,
    why: Annotated[str | None, typer.Option(help="Kept with the record of the deletion.")] = None,
    config: ConfigPath = None,
    admin_token: AdminToken = None,
) -> None:
    """Delete a job's stored videos, and hand them out no more, whoever else has a copy."""
    found = loaded(config)
    try:
        done = AdminApi(found.config, admin_token).call(
            "DELETE", f"/jobs/{quote(job_id, '')}/content", {"why": why} if why else None
        )
    except NoGateway:
        done = _offline(found, lambda database: _withdraw(found, database, job_id, why))
    for one in done["removed"]:
        word = "deleted" if one["deleted"] else "forgotten; deleted when its store is next tidied:"
        print(f"{word} {job_id} index {one['index']}, {one['bytes']} bytes, in {one['store']}")
    print(f"{job_id}: its videos are handed out no more")


async def _withdraw(
    found: Loaded, database: Database, job_id: str, why: str | None
) -> dict[str, Any]:
    blobs = open_blobs(found.config.content.url, create=False)
    try:
        withdrawer = AssetDeleter(database, SystemClock(), blobs, Telemetry())
        return withdrawn_document(await withdrawer.withdraw(job_id, person(), why))
    finally:
        if blobs is not None:
            await blobs.close()


def _offline(found: Loaded, act: Callable[[Database], Awaitable[T]]) -> T:
    """Do it on the database itself, where no gateway runs."""

    async def run() -> T:
        database = await open_database(found.config.database.url.get_secret_value())
        try:
            await migrate(database, bundled(), SystemClock())
            return await act(database)
        finally:
            await database.close()

    return asyncio.run(run())


def _seconds(text: str) -> int:
    """`24h` as the unix seconds of a day ago, or unix seconds as they are."""
    try:
        return int(time.time() - read_duration(text).total_seconds())
    except ValueError:
        if text.isascii() and text.isdigit():
            return int(text)
    raise typer.BadParameter("24h, 7d, or unix seconds", param_hint="--since")
