"""GET /api/v1/videos/{id}/events: the status of a job as server-sent events, until it ends.

The format is that of the WHATWG HTML standard, section 9.2.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from aiohttp import web

from gateway.api.public.access import principal
from gateway.api.public.parts import PARTS, Parts
from gateway.api.public.videos import owned_job
from gateway.domain.errors import Reason, Refused, StorageFailed
from gateway.domain.job import Job

_LOOK_EVERY = 0.5  # seconds between two looks at a job, in memory
_HEARTBEAT = 15.0  # seconds; proxies commonly close a connection that is silent for 60 s
_LONGEST = 900.0  # seconds of one stream; the client then reconnects, with its key checked again
_STALLED = 30.0  # seconds in which a client must accept an event
_RETRY_AFTER = 5  # seconds
_RETRY = f"retry: {_RETRY_AFTER * 1000}\n\n".encode()


async def job_events(request: web.Request) -> web.StreamResponse:
    """Send the job now, then each change of its status; close the stream when it has ended.

    A client that reconnects with `Last-Event-ID` gets only what is new. If it already has the end,
    the answer is 204, which tells an EventSource not to reconnect.
    """
    parts = request.app[PARTS]
    team = principal(request).team
    job = await owned_job(request, team)
    last = request.headers.get("Last-Event-ID")
    if job.status.terminal and last == _id(job):
        return web.Response(status=204)
    with _place(parts, team):
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-store",
                "X-Accel-Buffering": "no",  # nginx would hold the events back
            }
        )
        await response.prepare(request)
        try:
            async for piece in _pieces(request, team, job, last):
                async with asyncio.timeout(_STALLED):
                    await response.write(piece)
            await response.write_eof()
        except (TimeoutError, ConnectionError):  # the client left, or accepts nothing
            response.force_close()
        return response


async def _pieces(
    request: web.Request, team: str, job: Job, last: str | None
) -> AsyncIterator[bytes]:
    """Yield events and heartbeats until the job ends, the process stops, or time is up."""
    parts = request.app[PARTS]
    clock = parts.clock
    yield _RETRY
    began = spoke = clock.monotonic()
    sent = None
    if last == _id(job):
        sent = job.status.on_the_wire
    while True:
        now = clock.monotonic()
        if job.status.on_the_wire != sent:
            sent, spoke = job.status.on_the_wire, now
            yield _event(parts, job)
        elif now - spoke >= _HEARTBEAT:
            spoke = now
            yield b": heartbeat\n\n"
        if job.status.terminal or now - began >= _LONGEST or _stops(request):
            return
        await clock.sleep(_LOOK_EVERY)
        try:
            job = await owned_job(request, team)
        except (Refused, StorageFailed):
            return  # the status has left; a client that reconnects gets the error


def _event(parts: Parts, job: Job) -> bytes:
    body = parts.serializer.polled(job)  # JSON on one line
    return b"id: %s\nevent: status\ndata: %s\n\n" % (_id(job).encode(), body)


def _id(job: Job) -> str:
    """Return the id of the job's present state, the same on every replica."""
    return f"{job.version}-{job.status.on_the_wire}"


def _stops(request: web.Request) -> bool:
    """Return whether the process stops or the client has left."""
    left = request.transport is None or request.transport.is_closing()
    return left or request.app[PARTS].draining()


@contextmanager
def _place(parts: Parts, team: str) -> Iterator[None]:
    """Occupy one of the bounded number of streams.

    Raises:
        Refused: OVERLOADED (429), as many are open as may be.

    """
    if not parts.streams.enter(team):
        raise Refused(
            Reason.OVERLOADED,
            f"Too many event streams are open: at most {parts.streams.per_team} of one team and"
            f" {parts.streams.together} in all. Close some, or poll the job instead.",
            {"allowed": parts.streams.per_team},
            retry_after=_RETRY_AFTER,
        )
    parts.telemetry.metrics.event_stream("opened")
    try:
        yield
    finally:
        parts.telemetry.metrics.event_stream("closed")
        parts.streams.leave(team)
