"""Authentication of the team-facing API."""

from aiohttp import web

from gateway.api.connections import note_authenticated
from gateway.api.middleware import FACTS
from gateway.api.public.parts import PARTS
from gateway.domain.errors import Reason, Refused
from gateway.domain.team import Principal


def principal(request: web.Request) -> Principal:
    """Return the team and key of the request.

    Raises:
        Refused: INVALID_KEY, REVOKED_KEY; INVALID_REQUEST for two Authorization headers,
            because a proxy may have checked the other one.

    """
    headers = request.headers.getall("Authorization", [])
    if len(headers) > 1:
        raise Refused(Reason.INVALID_REQUEST, "Send one Authorization header, not several.")
    found = request.app[PARTS].authenticator.principal(headers[0] if headers else None)
    note_authenticated(request)
    request[FACTS].team = found.team
    return found
