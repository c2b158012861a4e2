"""/admin/v1/keys: create, list, revoke."""

from typing import Any

from aiohttp import web

from gateway.api.admin.access import OPERATOR, operator
from gateway.api.admin.answers import answer, read_object
from gateway.api.admin.parts import ADMIN
from gateway.domain.errors import Reason, Refused
from gateway.store.api_keys import StoredKey


async def create(request: web.Request) -> web.Response:
    """Create a key; only this response contains its secret."""
    admin = request.app[ADMIN]
    wanted = await _body(request, "team", "name")
    made = await admin.keyring.create(wanted["team"], wanted["name"], operator(request))
    await admin.authenticator.refresh()
    admin.telemetry.log.info(
        "key.created", team=made.stored.team, key_name=made.stored.name, by=request[OPERATOR]
    )
    return answer({**_row(made.stored), "key": made.secret}, status=201)


async def listing(request: web.Request) -> web.Response:
    """List the stored keys, without secrets, which are not stored."""
    stored = await request.app[ADMIN].keyring.stored()
    return answer({"data": [_row(key) for key in stored]})


async def revoke(request: web.Request) -> web.Response:
    """Revoke a key; this process at once, other replicas within a second."""
    admin = request.app[ADMIN]
    team, name = request.match_info["team"], request.match_info["name"]
    await admin.keyring.revoke(team, name, operator(request))
    await admin.authenticator.refresh()
    admin.telemetry.log.info("key.revoked", team=team, key_name=name, by=request[OPERATOR])
    return answer({"team": team, "name": name, "revoked": True})


async def _body(request: web.Request, *fields: str) -> dict[str, str]:
    body = await read_object(request, fields)
    for field in fields:
        if not isinstance(body.get(field), str):
            raise Refused(
                Reason.INVALID_REQUEST,
                f"{field} is required and must be a string",
                {"field": field, "allowed": "a string"},
            )
    return {field: body[field] for field in fields}


def _row(key: StoredKey) -> dict[str, Any]:
    return {
        "team": key.team,
        "name": key.name,
        "hash": key.hash,
        "created_at": key.created_at // 1000,
        "created_by": key.created_by,
        "revoked_at": None if key.revoked_at is None else key.revoked_at // 1000,
    }
