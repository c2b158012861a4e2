"""GET and HEAD /api/v1/videos/{id}/content?index="""

from aiohttp import web

from gateway.api.keys import PARTS
from gateway.api.middleware import FACTS
from gateway.api.public.access import principal
from gateway.api.public.videos import owned_job
from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Job
from gateway.domain.upstream import ContentFailed

# Only `video/mp4` passes the official SDKs (CONTRACT.md section 4), whatever a provider calls it.
_HEADERS = {"Content-Type": "video/mp4", "Cache-Control": "private"}


async def content(request: web.Request) -> web.StreamResponse:
    """The bytes of one output, streamed; with a key, or by a link that the gateway signed."""
    parts = request.app[PARTS]
    index = _index(request)
    job = await _allowed_job(request, index)
    if request.method == "HEAD":
        parts.downloader.check(job, index)
        return web.Response(headers=_HEADERS)
    async with parts.downloader.open(job, index) as stream:
        response = web.StreamResponse(headers=_HEADERS)
        await response.prepare(request)
        sent = 0
        try:
            async for chunk in stream:
                await response.write(chunk)
                sent += len(chunk)
        except ContentFailed as error:
            # The status has left; only a connection cut short tells the client that it lacks the
            # rest. A clean end would pass a broken video off as whole.
            request[FACTS].reason = "content_cut"
            parts.telemetry.log.warning("content.cut", job=job.id, bytes=sent, error=error.why)
            if request.transport is not None:
                request.transport.abort()
            return response
        await response.write_eof()
        return response


async def _allowed_job(request: web.Request, index: int) -> Job:
    """The job, if a signed link or a key of its team allows it."""
    query = request.query
    signature, expires = query.get("signature"), query.get("expires")
    if signature is not None and expires is not None:
        links = request.app[PARTS].links
        if links.fits(request.match_info["id"], index, expires, signature):
            return await owned_job(request, None)
    return await owned_job(request, principal(request).team)


def _index(request: web.Request) -> int:
    text = request.query.get("index", "") or "0"
    if text.isascii() and text.isdigit() and len(text) <= 4:
        return int(text)
    raise Refused(
        Reason.INVALID_REQUEST,
        f"index is {text[:20]!r}; allowed: an integer from 0",
        {"field": "index", "value": text[:20], "allowed": "an integer from 0"},
    )
