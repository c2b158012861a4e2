"""The middleware: request id, log line, metrics, and errors in OpenRouter's format."""

import asyncio
import re
import secrets
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.api.errors import refusal, relayed
from gateway.domain.errors import Reason, Refused, Relayed, StorageFailed
from gateway.ports import Clock
from gateway.telemetry.bundle import Telemetry


@dataclass(slots=True)
class Facts:
    """The facts for a request's log line, which handlers fill in."""

    request_id: str
    team: str | None = None
    job: str | None = None
    reason: str | None = None


FACTS = web.RequestKey("FACTS", Facts)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_STORAGE_RETRY_AFTER = 5  # seconds in which a database usually fails over


def observe(clock: Clock, telemetry: Telemetry, listener: str) -> Any:
    """The middleware of one listener (`public` or `admin`)."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        facts = Facts(_request_id(request))
        request[FACTS] = facts
        start = clock.monotonic()
        status = 499  # the client closed the connection before the answer
        name = f"{request.method if request.method in _METHODS else 'HTTP'} {_route(request)}"
        traceparent = request.headers.get("traceparent")
        with telemetry.request(facts.request_id, traceparent, name) as span:
            try:
                response = await _answered(request, handler, facts, telemetry)
                status = response.status
            finally:
                seconds = clock.monotonic() - start
                span.set(status=status, team=facts.team, job=facts.job, reason=facts.reason)
                if status >= 500:
                    span.fail(facts.reason or str(status))
                _record(telemetry, listener, request, facts, status, seconds)
        return response

    return middleware


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the request id to every response, and remove the server's name and version."""
    response.headers["Server"] = "video-gateway"
    facts = request.get(FACTS)
    if facts is not None:
        response.headers["X-Request-Id"] = facts.request_id


async def _answered(
    request: web.Request, handler: Handler, facts: Facts, telemetry: Telemetry
) -> web.StreamResponse:
    try:
        _refuse_nul(request)
        return await handler(request)
    except Refused as error:
        facts.reason = error.reason.value
        _forget_frames(error)
        return refusal(error)
    except Relayed as error:
        facts.reason = "upstream_refused"
        _forget_frames(error)
        return relayed(error)
    except StorageFailed as error:
        telemetry.log.error("storage.failed", error=error)
        _forget_frames(error)
        return _say(facts, Reason.STORAGE_UNAVAILABLE, _STORAGE_WORDS, _STORAGE_RETRY_AFTER)
    except web.HTTPNotFound:
        return _say(facts, Reason.NOT_FOUND, "Not Found")
    except web.HTTPMethodNotAllowed as error:
        response = _say(
            facts,
            Reason.METHOD_NOT_ALLOWED,
            f"{request.method} is not allowed here; allowed: {', '.join(error.allowed_methods)}",
        )
        response.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
        return response
    except (web.HTTPException, asyncio.CancelledError, ConnectionError):
        raise
    except Exception as error:
        # The client gets no details; the request id identifies the log line.
        telemetry.log.exception("request.failed", error=type(error).__name__)
        return _say(facts, Reason.INTERNAL, _INTERNAL_WORDS.format(facts.request_id))


def _forget_frames(error: BaseException | None) -> None:
    """Release the frames of a handled error, whose variables hold the request's body.

    A decision holds its refusal, so the refusal's frames hold the decision: without this, a body of
    60 MB would stay in memory until the garbage collector runs.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _refuse_nul(request: web.Request) -> None:
    """Reject NUL characters in the path: no name contains one, and databases reject it."""
    if "\0" in request.path:
        raise Refused(Reason.NOT_FOUND, "Not Found")
    if "\0" in request.query_string:
        raise Refused(Reason.INVALID_REQUEST, "The query holds a NUL character.")


_STORAGE_WORDS = "The gateway can't reach its database. Nothing was sent; try again later."
_INTERNAL_WORDS = "The gateway failed. Tell its operators the request id {}."


def _say(
    facts: Facts, reason: Reason, message: str, retry_after: int | None = None
) -> web.Response:
    facts.reason = reason.value
    return refusal(Refused(reason, message, retry_after=retry_after))


def _record(
    telemetry: Telemetry,
    listener: str,
    request: web.Request,
    facts: Facts,
    status: int,
    seconds: float,
) -> None:
    route = _route(request)
    telemetry.metrics.http_request(route, request.method, status, seconds)
    telemetry.log.info(
        "request.ended",
        listener=listener,
        route=route,
        method=request.method,
        status=status,
        team=facts.team,
        job=facts.job,
        reason=facts.reason,
        seconds=round(seconds, 6),
    )


def _route(request: web.Request) -> str:
    """Return the pattern of the matched route, never the path, which a client chooses."""
    resource = request.match_info.route.resource
    return "other" if resource is None else resource.canonical


def _request_id(request: web.Request) -> str:
    """Return the client's own id if it is safe, otherwise a new one."""
    given = request.headers.get("X-Request-Id", "")
    return given if _REQUEST_ID.fullmatch(given) else f"req_{secrets.token_hex(12)}"
