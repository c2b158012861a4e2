"""/admin/v1/budgets, /admin/v1/refusals, /admin/v1/catalog/changes."""

import orjson
from aiohttp import web

from gateway.api.admin.answers import answer
from gateway.api.admin.paging import within_bytes
from gateway.api.admin.parts import ADMIN
from gateway.domain.units import usd_text
from gateway.services.money.standing import standing
from gateway.store import catalogs, refusals

_LATEST = 200  # rows


async def budgets(request: web.Request) -> web.Response:
    """Show every budget and every team's account; dollars as decimal strings."""
    admin = request.app[ADMIN]
    stands = await standing(admin.database, admin.live.current, admin.clock.now())
    return answer(
        {
            "data": [
                {
                    **room.details(),
                    "team": room.budget.team,
                    "available_usd": usd_text(room.available),
                }
                for room in stands.rooms
            ],
            "accounts": [
                {
                    "team": account.team,
                    "period": "month",
                    "spent_usd": usd_text(account.spent),
                    "reserved_usd": usd_text(account.reserved),
                }
                for account in stands.accounts
            ],
        }
    )


async def latest_refusals(request: web.Request) -> web.Response:
    """List decisions about refused requests, newest first."""
    rows = await request.app[ADMIN].database.read(lambda tx: refusals.latest(tx, _LATEST))
    return answer(
        {
            "data": within_bytes(
                {
                    "at": row.at // 1000,
                    "team": row.team,
                    "key": row.key_name,
                    "model": row.model,
                    "reason": row.reason,
                    "request_id": row.request_id,
                    "decision": orjson.loads(row.decision),
                }
                for row in rows
            )
        }
    )


async def catalog_changes(request: web.Request) -> web.Response:
    """List changes of the upstreams' catalogs, newest first."""
    rows = await request.app[ADMIN].database.read(lambda tx: catalogs.latest_changes(tx, _LATEST))
    return answer(
        {
            "data": within_bytes(
                {
                    "upstream": row["upstream"],
                    "at": row["at"] // 1000,
                    "kind": row["kind"],
                    "model": row["model"],
                    "field": row["field"],
                    "before": orjson.loads(row["before_value"]),
                    "after": orjson.loads(row["after_value"]),
                }
                for row in rows
            )
        }
    )
