"""A bare reverse proxy on aiohttp: what relaying costs when nothing is decided or written.

python -m bench.proxy PORT UPSTREAM_ORIGIN
"""

import sys
from collections.abc import AsyncIterator

import aiohttp
from aiohttp import web

UPSTREAM = web.AppKey("UPSTREAM", str)
SESSION = web.AppKey("SESSION", aiohttp.ClientSession)

_CHUNK = 256 * 1024  # as the gateway reads


async def relay(request: web.Request) -> web.StreamResponse:
    """One request, there and back; videos are streamed."""
    body = await request.read() if request.can_read_body else None
    url = request.app[UPSTREAM] + request.path_qs
    headers = {"Authorization": "Bearer upstream", "Content-Type": "application/json"}
    async with request.app[SESSION].request(
        request.method, url, data=body, headers=headers
    ) as answer:
        if answer.content_type == "application/json":
            return web.Response(
                status=answer.status, body=await answer.read(), content_type="application/json"
            )
        response = web.StreamResponse(headers={"Content-Type": answer.content_type})
        await response.prepare(request)
        async for chunk in answer.content.iter_chunked(_CHUNK):
            await response.write(chunk)
        await response.write_eof()
        return response


async def _session(app: web.Application) -> AsyncIterator[None]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, read_bufsize=_CHUNK) as session:
        app[SESSION] = session
        yield


def main(port: int, upstream: str) -> None:
    """Serve until the process is ended."""
    app = web.Application()
    app[UPSTREAM] = upstream
    app.cleanup_ctx.append(_session)
    app.router.add_route("*", "/{path:.*}", relay)
    web.run_app(app, host="127.0.0.1", port=port, access_log=None, print=None)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
