"""/admin/v1/jobs: list, show, delete videos."""

from typing import Any

from aiohttp import web

from gateway.api.admin.access import operator
from gateway.api.admin.answers import answer, invalid, read_moment, read_object
from gateway.api.admin.paging import page_of, read_cursor, read_limit
from gateway.api.admin.parts import ADMIN
from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Status
from gateway.services.content.delete import Withdrawn
from gateway.services.operations.job_report import brief, job_report
from gateway.store import job_queries
from gateway.store.job_queries import JobFilter

_MAX_WHY = 500  # characters


async def listing(request: web.Request) -> web.Response:
    """List them, newest first; `next` is the `cursor` of the next page, absent on the last one."""
    limit, wanted = read_limit(request.query.get("limit", "")), _wanted(request)
    found = await request.app[ADMIN].database.read(
        lambda tx: job_queries.page(tx, wanted, limit + 1)
    )
    return answer(page_of(found, limit, brief, lambda job: (job.created_at, job.id)))


async def show(request: web.Request) -> web.Response:
    """Show one job: decision, attempts, ledger, deliveries, stored videos."""
    job_id = request.match_info["id"]
    found = await request.app[ADMIN].database.read(lambda tx: job_report(tx, job_id))
    if found is None:
        raise Refused(Reason.JOB_NOT_FOUND, f"Job {job_id[:100]} not found")
    return answer(found.document())


async def delete_content(request: web.Request) -> web.Response:
    """Delete every stored copy of a job's videos, and refuse downloads; `why` is stored."""
    why = (await read_object(request, {"why"})).get("why")
    if why is not None and not (isinstance(why, str) and len(why) <= _MAX_WHY):
        invalid("why", str(why), f"a string of at most {_MAX_WHY} characters")
    withdrawer, by = request.app[ADMIN].asset_deleter, operator(request)
    done = await withdrawer.withdraw(request.match_info["id"], by, why)
    return answer(withdrawn_document(done))


def withdrawn_document(done: Withdrawn) -> dict[str, Any]:
    """Return what was done, as JSON values."""
    left = {asset.name for asset in done.left}
    return {
        "job": done.withdrawal.job_id,
        "withdrawn_at": done.withdrawal.withdrawn_at // 1000,
        "removed": [
            {
                "index": asset.output,
                "store": asset.store,
                "bytes": asset.size,
                "sha256": asset.sha256,
                "deleted": asset.name not in left,
            }
            for asset in done.removed
        ],
    }


def _wanted(request: web.Request) -> JobFilter:
    query = request.query
    status, since, cursor = query.get("status"), query.get("since"), query.get("cursor")
    if status is not None and status not in set(Status):
        invalid("status", status, ", ".join(Status))
    return JobFilter(
        team=query.get("team"),
        status=None if status is None else Status(status),
        since=None if since is None else read_moment("since", since),
        before=None if cursor is None else read_cursor(cursor),
    )
