"""Who may operate: a bearer token of the configuration; without any, peers on this machine only."""

import ipaddress
import secrets

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.api.admin.parts import ADMIN
from gateway.domain.audit import Actor
from gateway.domain.errors import Reason, Refused
from gateway.domain.team import hash_key

OPERATOR = web.RequestKey("OPERATOR", str)


@web.middleware
async def operators_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Guard /admin/v1; /metrics and health are read by machines that hold no token."""
    if request.path.startswith("/admin/"):
        request[OPERATOR] = _operator(request)
    return await handler(request)


def operator(request: web.Request) -> Actor:
    """Who asks, and from which address: for the audit trail."""
    return Actor(request[OPERATOR], request.remote or "unknown address")


def _operator(request: web.Request) -> str:
    tokens = request.app[ADMIN].live.config.admin.tokens
    if not tokens:
        if _on_this_machine(request.remote):
            return "loopback"
        raise Refused(
            Reason.INVALID_KEY,
            "No admin tokens are configured (`admin.tokens`), so only peers on this machine may"
            " use the admin API.",
        )
    headers = request.headers.getall("Authorization", [])
    scheme, _, given = (headers[0] if len(headers) == 1 else "").partition(" ")
    digest = hash_key(given.strip())
    for token in tokens:
        if scheme.lower() == "bearer" and secrets.compare_digest(token.hash, digest):
            return token.name
    raise Refused(Reason.INVALID_KEY, "This admin token is not known here (`admin.tokens`).")


def _on_this_machine(remote: str | None) -> bool:
    try:
        return remote is not None and ipaddress.ip_address(remote).is_loopback
    except ValueError:
        return False
