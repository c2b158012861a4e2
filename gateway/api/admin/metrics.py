"""GET /metrics, on the operators' listener only."""

import asyncio

from aiohttp import web

from gateway.api.admin.parts import ADMIN


async def metrics(request: web.Request) -> web.Response:
    """Return all metrics in the requested exposition format.

    Gauges of the shared database are read first. Thousands of series take milliseconds to write,
    which happens in a thread, so that no request waits.
    """
    admin = request.app[ADMIN]
    await admin.snapshots.look()
    body, content_type = await asyncio.to_thread(
        admin.telemetry.metrics.render, request.headers.get("Accept", "")
    )
    return web.Response(body=body, headers={"Content-Type": content_type})
