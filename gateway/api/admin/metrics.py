"""GET /metrics, on the operators' listener only."""

import asyncio

from aiohttp import web

from gateway.api.admin.parts import ADMIN


async def metrics(request: web.Request) -> web.Response:
    """Everything counted and measured, in the exposition format that was asked for.

    What replicas share is looked up first. A page of thousands of series takes milliseconds to
    write: in a thread, so that no request waits for it.
    """
    admin = request.app[ADMIN]
    await admin.snapshots.look()
    body, content_type = await asyncio.to_thread(
        admin.telemetry.metrics.render, request.headers.get("Accept", "")
    )
    return web.Response(body=body, headers={"Content-Type": content_type})
