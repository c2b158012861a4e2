"""Guard the operators' API: bearer tokens, and protection from web pages in a browser."""

import secrets
import socket
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.api.admin.parts import ADMIN
from gateway.domain.audit import Actor
from gateway.domain.errors import Reason, Refused
from gateway.domain.team import hash_key

OPERATOR = web.RequestKey("OPERATOR", str)

_METRICS = "/metrics"
_SAME = frozenset({"same-origin", "none"})  # of requests without another site


@web.middleware
async def operators_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Guard the listener: its own host names, no other sites, and a token for /admin/v1.

    The peer's address is never a credential: a web page in a browser on this machine has it, too.
    """
    _refuse_foreign_host(request)
    if request.path != _METRICS:
        _refuse_foreign_page(request)
    if request.path.startswith("/admin/"):
        request[OPERATOR] = _operator(request)
        _refuse_other_bodies(request)
    return await handler(request)


def operator(request: web.Request) -> Actor:
    """Return the token's name and the peer's address, for the audit trail."""
    return Actor(request[OPERATOR], request.remote or "unknown address")


def _refuse_foreign_host(request: web.Request) -> None:
    """Refuse a Host that is not the listener's own, which protects from DNS rebinding."""
    config = request.app[ADMIN].live.config
    given = request.headers.get("Host", "")
    host = _host(given)
    names = {
        "localhost",
        config.server.admin_listen.host,
        socket.gethostname().lower(),
        _own(request),
    }
    globs = config.admin.hosts
    if request.path == _METRICS:
        globs = (*globs, *config.admin.metrics_hosts)
    if host in names or any(fnmatchcase(host, glob.lower()) for glob in globs):
        return
    raise Refused(
        Reason.HOST_NOT_ALLOWED,
        f"The Host {given[:100]!r} is not a name of this listener; allowed: localhost, its own"
        " address, and admin.hosts (for /metrics also admin.metrics_hosts).",
        {"field": "Host", "value": given[:100]},
    )


def _host(given: str) -> str:
    """Return the host of a Host header without port and brackets, lower-case."""
    try:
        return (urlsplit(f"//{given}").hostname or "").lower()
    except ValueError:
        return ""


def _own(request: web.Request) -> str:
    """Return the address at which this connection was accepted."""
    transport = request.transport
    name = None if transport is None else transport.get_extra_info("sockname")
    return str(name[0]).lower() if isinstance(name, tuple) else ""


def _refuse_foreign_page(request: web.Request) -> None:
    """Refuse a request that another site's page has started (Fetch Metadata, RFC 6454)."""
    origin, site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    foreign = site is not None and site.lower() not in _SAME
    if origin is not None:
        parts = urlsplit(origin) if origin.isascii() else urlsplit("")
        foreign = foreign or parts.netloc.lower() != request.headers.get("Host", "").lower()
    if foreign:
        raise Refused(
            Reason.ORIGIN_NOT_ALLOWED,
            "The request comes from another site's page; the operators' API refuses those.",
            {"field": "Origin", "value": (origin or site or "")[:100]},
        )


def _refuse_other_bodies(request: web.Request) -> None:
    if request.body_exists and request.content_type != "application/json":
        raise Refused(
            Reason.UNSUPPORTED_MEDIA_TYPE,
            "The body must be JSON: send Content-Type: application/json.",
            {"field": "Content-Type", "value": request.content_type[:100]},
        )


def _operator(request: web.Request) -> str:
    admin = request.app[ADMIN]
    headers = request.headers.getall("Authorization", [])
    scheme, _, given = (headers[0] if len(headers) == 1 else "").partition(" ")
    digest = hash_key(given.strip())
    tokens = admin.live.config.admin.tokens
    if scheme.lower() == "bearer":
        for token in tokens:
            if secrets.compare_digest(token.hash, digest):
                return token.name
        if not tokens and secrets.compare_digest(hash_key(admin.own_token()), digest):
            return "generated token"
    raise Refused(
        Reason.INVALID_KEY,
        "The operators' API needs a bearer token: one of admin.tokens, or, where none is"
        " configured, the one that `video-gateway admin token` prints.",
    )
