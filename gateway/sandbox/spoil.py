"""Spoils an answer as a fault says: the act may be done, but its answer does not arrive whole."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from gateway.sandbox.answers import CORS, error_answer, json_answer, plain_answer
from gateway.sandbox.clock import Clock
from gateway.sandbox.errors import MESSAGES, METADATA, ApiError
from gateway.sandbox.faults import Fault

Answerer = Callable[[], Awaitable[web.StreamResponse]]

_PAGE = (
    "<html>\r\n<head><title>{status}</title></head>\r\n"
    "<body><center><h1>{status} {words}</h1></center></body>\r\n</html>\r\n"
)

_GONE_CHECK_SECONDS = 0.05  # aiohttp has no public way to wait until a client went away


class Unanswered(web.Response):
    """Never sent: aiohttp wants something to fail to send over a cut connection."""


async def spoilt(
    request: web.Request, fault: Fault | None, act: Answerer, clock: Clock, closing: asyncio.Event
) -> web.StreamResponse:
    """The act's answer, or what the fault leaves of it. A refused act is answered as it is."""
    if fault is None or fault.action in ("cut", "slow"):  # those two spoil while they stream
        return await act()
    done: web.StreamResponse | None = None
    if fault.done_first:
        done = await act()
        if done.status >= 400:
            return done
    match fault.action:
        case "delay":
            # Read first: who gives up while waiting has sent all, and gets what was asked for.
            with contextlib.suppress(web.HTTPRequestEntityTooLarge):
                await request.read()
            await clock.sleep(fault.seconds or 0.0)
            return done or await act()
        case "hang":
            await _client_gone(request, closing)
            return cut_off(request)
        case "reset" | "reset_after":
            return cut_off(request)
        case "truncated":
            return await _broken_off(request, fault.status or _usual(request))
        case _:
            return _false_answer(request, fault)


def cut_off(request: web.Request) -> web.StreamResponse:
    """Cut the connection so that the client sees a reset, not an end. Nothing more can be sent."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            # lingering for zero seconds turns the close into a RST
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return Unanswered()


def hang_up(request: web.Request) -> None:
    """Close the connection after what was written has been sent."""
    if request.transport is not None:
        request.transport.close()


def _usual(request: web.Request) -> int:
    return 202 if request.method == "POST" else 200


def _false_answer(request: web.Request, fault: Fault) -> web.StreamResponse:
    usual = _usual(request)
    match fault.action:
        case "refuse":
            return _refusal(fault)
        case "html":
            status = fault.status or 500
            page = fault.body or _PAGE.format(status=status, words=MESSAGES.get(status, "Error"))
            return plain_answer(page.encode(), status, "text/html", fault.headers)
        case "garbage":
            text = (fault.body or '{"id": "gen-vid-17909').encode()
            return plain_answer(text, fault.status or usual, "application/json", fault.headers)
        case "no_id":
            return json_answer({"status": "pending"}, fault.status or usual)
        case "redirect":
            target = fault.location or f"{request.url.with_query(None)}/elsewhere"
            headers = {**fault.headers, "Location": target}
            return plain_answer(b"", fault.status or 307, "text/plain", headers)
        case other:
            raise ValueError(f"{other} does not happen to calls")


def _refusal(fault: Fault) -> web.Response:
    status = fault.status or 400
    headers: Mapping[str, str] = fault.headers
    if fault.retry_after is not None:
        headers = {**headers, "Retry-After": str(fault.retry_after)}
    if fault.body is not None:
        return plain_answer(fault.body.encode(), status, "application/json", headers)
    metadata = METADATA.get(status) if fault.metadata is None else fault.metadata
    if status == 429 and fault.retry_after is not None and fault.metadata is None:
        metadata = {**(metadata or {}), "retry_after_seconds": fault.retry_after}
    return error_answer(ApiError(status, fault.message, metadata, headers=headers))


async def _broken_off(request: web.Request, status: int) -> web.StreamResponse:
    """Promise a thousand bytes, and close after a few."""
    headers = {**CORS, "Content-Type": "application/json", "Content-Length": "1000"}
    answer = web.StreamResponse(status=status, headers=headers)
    await answer.prepare(request)
    await answer.write(b'{"id": "gen-vid-')
    hang_up(request)
    return answer


async def _client_gone(request: web.Request, closing: asyncio.Event) -> None:
    while request.transport is not None and not closing.is_set():
        try:
            async with asyncio.timeout(_GONE_CHECK_SECONDS):
                await closing.wait()
        except TimeoutError:
            continue
