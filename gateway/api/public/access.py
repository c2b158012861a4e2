"""Who is asking, at the team-facing door."""

from aiohttp import web

from gateway.api.connections import note_authenticated
from gateway.api.middleware import FACTS
from gateway.api.public.parts import PARTS
from gateway.domain.errors import Reason, Refused
from gateway.domain.team import Principal


def principal(request: web.Request) -> Principal:
    """The team and key behind the request.

    Raises:
        Refused: INVALID_KEY, REVOKED_KEY; INVALID_REQUEST for two Authorization headers, of which
            a proxy before us may have checked the other one.

    """
    headers = request.headers.getall("Authorization", [])
    if len(headers) > 1:
        raise Refused(Reason.INVALID_REQUEST, "Send one Authorization header, not several.")
    found = request.app[PARTS].authenticator.principal(headers[0] if headers else None)
    note_authenticated(request)
    request[FACTS].team = found.team
    return found
