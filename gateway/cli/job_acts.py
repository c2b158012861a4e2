"""`video-gateway jobs end | settle`: money acts on one job, through the running gateway."""

from typing import Annotated, Any
from urllib.parse import quote

import typer

from gateway.cli.admin import AdminApi
from gateway.cli.jobs import Id
from gateway.cli.options import AdminToken, ConfigPath, load_or_exit

Reason = Annotated[str, typer.Option(help="Why; kept in the audit trail.")]


def end(
    job_id: Id,
    reason: Reason,
    cost_usd: Annotated[
        str,
        typer.Option(
            help="What to settle: dollars such as 0.52, 0 to release the money, or `estimate`."
        ),
    ],
    config: ConfigPath = None,
    admin_token: AdminToken = None,
) -> None:
    """End an open job as failed, at a cost that you state.

    Example: video-gateway jobs end gen-vid-... --cost-usd 0 --reason "upstream lost it"
    """
    body = {"cost_usd": cost_usd, "reason": reason}
    _print(
        AdminApi(load_or_exit(config).config, admin_token).call("POST", _path(job_id, "end"), body)
    )


def settle(
    job_id: Id,
    reason: Reason,
    cost_usd: Annotated[
        str | None, typer.Option(help="What the job really cost, in dollars such as 0.52.")
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="Accept the disputed bill.")] = False,
    config: ConfigPath = None,
    admin_token: AdminToken = None,
) -> None:
    """Settle an ended job whose cost the upstream did not confirm, or that is disputed.

    Example: video-gateway jobs settle gen-vid-... --cost-usd 0.52 --reason "invoice of May"
    """
    if accept == (cost_usd is not None):
        raise typer.BadParameter("give either --accept or --cost-usd", param_hint="--accept")
    body = {"accept": True} if accept else {"cost_usd": cost_usd}
    api = AdminApi(load_or_exit(config).config, admin_token)
    _print(api.call("POST", _path(job_id, "settle"), {**body, "reason": reason}))


def _path(job_id: str, act: str) -> str:
    return f"/jobs/{quote(job_id, '')}/{act}"


def _print(job: dict[str, Any]) -> None:
    print(f"{job['id']}: {job['status']}, cost {job.get('cost_usd', '0')} USD")
