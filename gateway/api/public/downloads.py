"""GET and HEAD /api/v1/videos/{id}/content?index="""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from typing import IO

from aiohttp import web

from gateway.api.middleware import FACTS
from gateway.api.public.access import principal
from gateway.api.public.parts import PARTS
from gateway.api.public.videos import owned_job
from gateway.domain.content import (
    Asset,
    BlobFailed,
    ByteRange,
    OutOfRange,
    RangeRequest,
    etag,
    file_name,
    if_range_holds,
    none_match_fails,
    parse_range,
)
from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Job
from gateway.domain.upstream import ContentFailed
from gateway.services.content.download import Description, Flowing, Stored

# Bytes written at once; the client must accept them in time, which 2 kB/s are enough for.
_PIECE = 256 * 1024


async def content(request: web.Request) -> web.StreamResponse:
    """Send one output, to a client with a key or with a signed link."""
    parts = request.app[PARTS]
    index = _index(request)
    job = await _allowed_job(request, index)
    if request.method == "HEAD":
        return _head(request, job, index, await parts.downloader.look(job, index))
    try:
        async with parts.downloader.open(job, index, _wanted(request, None)) as video:
            match video:
                case Flowing() as flowing:
                    return await _from_upstream(request, job, index, flowing)
                case Stored() as stored:
                    return await _from_store(request, job, index, stored)
    except OutOfRange as error:
        return _out_of_range(error, _headers(job, index))


def _head(request: web.Request, job: Job, index: int, known: Description) -> web.Response:
    asset = known.asset
    headers = _headers(job, index, asset, ranges=known.ranges)
    if asset is None:
        if known.size is not None:
            headers["Content-Length"] = str(known.size)
        return web.Response(headers=headers)
    if none_match_fails(request.headers.get("If-None-Match"), etag(asset.sha256)):
        return web.Response(status=304, headers=headers)
    return web.Response(headers={**headers, "Content-Length": str(asset.size)})


async def _from_upstream(
    request: web.Request, job: Job, index: int, flowing: Flowing
) -> web.StreamResponse:
    """Send a video that is not stored yet. It has no ETag, which needs all of its bytes."""
    headers = _headers(job, index, ranges=flowing.ranges)
    part, size = flowing.part, flowing.size
    if size is not None:
        headers["Content-Length"] = str(size if part is None else part.length)
    if part is not None and size is not None:
        headers["Content-Range"] = part.content_range(size)
    response = web.StreamResponse(status=200 if part is None else 206, headers=headers)
    return await send_chunks(request, response, flowing.chunks)


def _out_of_range(error: OutOfRange, headers: dict[str, str]) -> web.Response:
    if error.content_range is not None:
        headers["Content-Range"] = error.content_range
    return web.Response(status=416, headers=headers)


async def _from_store(
    request: web.Request, job: Job, index: int, stored: Stored
) -> web.StreamResponse:
    asset = stored.asset
    tag, headers = etag(asset.sha256), _headers(job, index, asset)
    if none_match_fails(request.headers.get("If-None-Match"), tag):
        return web.Response(status=304, headers=headers)
    try:
        wanted = _wanted(request, tag)
        span = None if wanted is None else wanted.within(asset.size)
    except OutOfRange as error:
        return _out_of_range(error, headers)
    whole = span or ByteRange(0, asset.size)
    headers["Content-Length"] = str(whole.length)
    if span is not None:
        headers["Content-Range"] = span.content_range(asset.size)
    response = web.StreamResponse(status=200 if span is None else 206, headers=headers)
    file = stored.blob.file
    if file is None:
        return await send_chunks(
            request, response, stored.blob.read(whole.start, whole.stop), "store"
        )
    return await _send_file(request, response, file, whole)


def _wanted(request: web.Request, tag: str | None) -> RangeRequest | None:
    """Return the requested range; None for the whole, which is always 200 (SDKs).

    `tag` None: the video has no ETag yet, so no If-Range matches.
    """
    if not if_range_holds(request.headers.get("If-Range"), tag):
        return None
    return parse_range(",".join(request.headers.getall("Range", [])))


async def send_chunks(
    request: web.Request,
    response: web.StreamResponse,
    chunks: AsyncIterator[bytes],
    source: str = "upstream",
) -> web.StreamResponse:
    """Send each chunk when it arrives."""
    metrics = request.app[PARTS].telemetry.metrics
    await response.prepare(request)
    sent = 0
    try:
        async for chunk in chunks:
            for piece in _pieces(chunk):
                async with asyncio.timeout(request.app[PARTS].stalled_after):
                    await response.write(piece)
                sent += len(piece)
                metrics.content_bytes(source, len(piece))
    except (ContentFailed, BlobFailed) as error:
        return _cut(request, response, "content_cut", sent, error.why)
    except TimeoutError:
        return _cut(request, response, "client_stalled", sent, "the client takes nothing")
    except asyncio.CancelledError:  # the process stops
        reset(request)
        raise
    await response.write_eof()
    return response


def _pieces(chunk: bytes) -> Iterator[bytes]:
    """Split a chunk: an object store returns more at once than a slow client accepts in time."""
    for start in range(0, len(chunk), _PIECE):
        yield chunk[start : start + _PIECE]


async def _send_file(
    request: web.Request, response: web.StreamResponse, file: IO[bytes], span: ByteRange
) -> web.StreamResponse:
    """Send a part of a file by the kernel's sendfile."""
    metrics = request.app[PARTS].telemetry.metrics
    loop = asyncio.get_running_loop()
    await response.prepare(request)
    at = span.start
    while at < span.stop:
        if request.transport is None:
            raise ConnectionResetError("the client went away")
        try:
            async with asyncio.timeout(request.app[PARTS].stalled_after):
                count = min(_PIECE, span.stop - at)
                sent = await loop.sendfile(request.transport, file, at, count)
        except TimeoutError:
            return _cut(
                request, response, "client_stalled", at - span.start, "the client takes nothing"
            )
        except asyncio.CancelledError:  # the process stops
            reset(request)
            raise
        if not sent:
            return _cut(request, response, "content_cut", at - span.start, "the file was cut short")
        at += sent
        metrics.content_bytes("store", sent)
    await response.write_eof()
    return response


def reset(request: web.Request) -> None:
    """Reset the connection: an HTTP/1.0 client takes a plain close for the end of the video."""
    transport = request.transport
    if transport is None:
        return
    found = transport.get_extra_info("socket")
    if found is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _cut(
    request: web.Request, response: web.StreamResponse, reason: str, sent: int, why: str
) -> web.StreamResponse:
    """Close the connection without a clean end.

    The status is already sent, so only this tells the client that the video is incomplete.
    """
    request[FACTS].reason = reason
    request.app[PARTS].telemetry.log.warning(
        "content.cut", job=request[FACTS].job, bytes=sent, why=why
    )
    reset(request)
    return response


def _headers(
    job: Job, index: int, asset: Asset | None = None, *, ranges: bool = False
) -> dict[str, str]:
    """Return the headers of a video; a stored one and one with ranges have more.

    The official SDKs accept only `video/mp4` (docs/openrouter-contract.md section 4), also for
    other types of a provider.
    """
    headers = {
        "Content-Type": "video/mp4",
        "Cache-Control": "private",
        "Content-Disposition": f'inline; filename="{file_name(job.id, index)}"',
    }
    if asset is not None:
        headers["ETag"] = etag(asset.sha256)
    if ranges or asset is not None:
        headers["Accept-Ranges"] = "bytes"
    return headers


async def _allowed_job(request: web.Request, index: int) -> Job:
    """Return the job if a signed link or a key of its team allows access."""
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
