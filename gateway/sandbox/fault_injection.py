"""Injects faults into responses: the call may be handled, but its response fails."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from gateway.sandbox.clock import Clock
from gateway.sandbox.errors import MESSAGES, METADATA, ApiError
from gateway.sandbox.faults import Fault
from gateway.sandbox.responses import CORS, error_response, json_response, raw_response

Handler = Callable[[], Awaitable[web.StreamResponse]]

_PAGE = (
    "<html>\r\n<head><title>{status}</title></head>\r\n"
    "<body><center><h1>{status} {message}</h1></center></body>\r\n</html>\r\n"
)

_DISCONNECT_POLL_SECONDS = 0.05  # aiohttp has no public way to wait for a disconnect


class NoResponse(web.Response):
    """A response that is never sent: aiohttp requires one also after a reset connection."""


async def respond(
    request: web.Request, fault: Fault | None, handle: Handler, clock: Clock, closing: asyncio.Event
) -> web.StreamResponse:
    """Handle the call and return its response, changed by the fault. Errors are not changed."""
    if fault is None or fault.action in ("cut", "slow"):  # these two apply while the video is sent
        return await handle()
    handled: web.StreamResponse | None = None
    if fault.handled_first:
        handled = await handle()
        if handled.status >= 400:
            return handled
    match fault.action:
        case "delay":
            # Read the body first, so that the call is also handled if the client disconnects.
            with contextlib.suppress(web.HTTPRequestEntityTooLarge):
                await request.read()
            await clock.sleep(fault.seconds or 0.0)
            return handled or await handle()
        case "hang":
            await _wait_for_disconnect(request, closing)
            return reset_connection(request)
        case "reset" | "reset_after":
            return reset_connection(request)
        case "truncated":
            return await _truncated(request, fault.status or _success_status(request))
        case _:
            return _faulty_response(request, fault)


def reset_connection(request: web.Request) -> web.StreamResponse:
    """Reset the TCP connection; nothing more can be sent."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            # SO_LINGER of zero seconds makes close send a RST
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return NoResponse()


def close_connection(request: web.Request) -> None:
    """Close the connection after the written data has been sent."""
    if request.transport is not None:
        request.transport.close()


def _success_status(request: web.Request) -> int:
    return 202 if request.method == "POST" else 200


def _faulty_response(request: web.Request, fault: Fault) -> web.StreamResponse:
    success = _success_status(request)
    match fault.action:
        case "refuse":
            return _refusal(fault)
        case "html":
            status = fault.status or 500
            page = fault.body or _PAGE.format(status=status, message=MESSAGES.get(status, "Error"))
            return raw_response(page.encode(), status, "text/html", fault.headers)
        case "garbage":
            text = (fault.body or '{"id": "gen-vid-17909').encode()
            return raw_response(text, fault.status or success, "application/json", fault.headers)
        case "no_id":
            return json_response({"status": "pending"}, fault.status or success)
        case "redirect":
            target = fault.location or f"{request.url.with_query(None)}/elsewhere"
            headers = {**fault.headers, "Location": target}
            return raw_response(b"", fault.status or 307, "text/plain", headers)
        case other:
            raise ValueError(f"{other} is not an action of calls")


def _refusal(fault: Fault) -> web.Response:
    status = fault.status or 400
    headers: Mapping[str, str] = fault.headers
    if fault.retry_after is not None:
        headers = {**headers, "Retry-After": str(fault.retry_after)}
    if fault.body is not None:
        return raw_response(fault.body.encode(), status, "application/json", headers)
    metadata = METADATA.get(status) if fault.metadata is None else fault.metadata
    if status == 429 and fault.retry_after is not None and fault.metadata is None:
        metadata = {**(metadata or {}), "retry_after_seconds": fault.retry_after}
    return error_response(ApiError(status, fault.message, metadata, headers=headers))


async def _truncated(request: web.Request, status: int) -> web.StreamResponse:
    """Announce 1000 bytes and close the connection after a few."""
    headers = {**CORS, "Content-Type": "application/json", "Content-Length": "1000"}
    response = web.StreamResponse(status=status, headers=headers)
    await response.prepare(request)
    await response.write(b'{"id": "gen-vid-')
    close_connection(request)
    return response


async def _wait_for_disconnect(request: web.Request, closing: asyncio.Event) -> None:
    while request.transport is not None and not closing.is_set():
        try:
            async with asyncio.timeout(_DISCONNECT_POLL_SECONDS):
                await closing.wait()
        except TimeoutError:
            continue
