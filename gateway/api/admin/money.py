"""/admin/v1: money acts on one job, open disputes, and the costs that raise estimates."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.api.admin.access import operator
from gateway.api.admin.answers import answer, invalid, read_object, seconds
from gateway.api.admin.parts import ADMIN
from gateway.config.values import usd
from gateway.domain.audit import AuditedAct
from gateway.domain.units import usd_text
from gateway.ports import Transaction
from gateway.services import audit
from gateway.services.operations.job_report import brief
from gateway.store import costs, disputes

_MAX_REASON = 500  # characters
_ESTIMATE = "estimate"


async def end(request: web.Request) -> web.Response:
    """End an open job as failed, at a cost that the operator states; 0 releases the money."""
    body = await read_object(request, {"cost_usd", "reason"})
    given = body.get("cost_usd")
    cost = None if given == _ESTIMATE else _cost(given, also=f"{_ESTIMATE!r}, or 0 to release it")
    job = await request.app[ADMIN].job_operator.end(
        request.match_info["id"], cost, operator(request), _reason(body)
    )
    return answer(brief(job))


async def settle(request: web.Request) -> web.Response:
    """Settle an ended job at a cost, or accept its disputed cost."""
    body = await read_object(request, {"cost_usd", "accept", "reason"})
    accept = body.get("accept", False)
    if accept not in (True, False):
        invalid("accept", str(accept), "true or false")
    if accept == ("cost_usd" in body):
        invalid("accept", str(accept).lower(), "either accept: true, or a cost_usd, and not both")
    cost = None if accept else _cost(body.get("cost_usd"))
    job = await request.app[ADMIN].job_operator.settle(
        request.match_info["id"], cost, operator(request), _reason(body)
    )
    return answer(brief(job))


async def list_disputes(request: web.Request) -> web.Response:
    """List the disputed costs that need an operator's decision, oldest first."""
    found = await request.app[ADMIN].database.read(disputes.unsettled)
    rows = [
        {
            "job": one.job_id,
            "team": one.team,
            "estimate_usd": usd_text(one.estimate_micros),
            "cost_usd": usd_text(one.cost_micros),
            "opened_at": seconds(one.opened_at),
        }
        for one in found
    ]
    return answer({"data": rows})


async def list_costs(request: web.Request) -> web.Response:
    """List every cost that raises an estimate above the catalog's price."""
    found = await request.app[ADMIN].database.read(costs.listing)
    rows = [
        {
            "profile": one.profile,
            "team": one.team,
            "cost_usd": usd_text(one.micros),
            "raised_at": seconds(one.raised_at),
            "right_bills": one.right_bills,
        }
        for one in found
    ]
    return answer({"data": rows})


async def reset_costs(request: web.Request) -> web.Response:
    """Delete the learned costs of a model or of all; estimates then follow the catalog."""
    body = await read_object(request, {"model", "reason"})
    model, reason, actor = body.get("model"), _reason(body), operator(request)
    if model is not None and not isinstance(model, str):
        invalid("model", str(model), "a model's id, or left out for every model")
    admin = request.app[ADMIN]

    def act(tx: Transaction) -> int:
        count = costs.reset(tx, model)
        subject = model or "every model"
        now = admin.clock.now()
        audit.record(tx, AuditedAct.COSTS_RESET, actor, subject, now, reason=reason, removed=count)
        return count

    removed = await admin.database.write(act)
    admin.learned_costs.forget()
    return answer({"removed": removed})


def _cost(given: Any, also: str = "") -> int:
    try:
        return int(usd()(given))
    except ValueError:
        amount = 'a decimal string of US dollars with at most 6 decimals, such as "0.52"'
        invalid("cost_usd", str(given), f"{amount}{f', {also}' if also else ''}")


def _reason(body: Mapping[str, Any]) -> str:
    reason = body.get("reason")
    if not (isinstance(reason, str) and reason.strip() and len(reason) <= _MAX_REASON):
        invalid("reason", str(reason), f"why, in 1 to {_MAX_REASON} characters; it is audited")
    return reason.strip()
