"""GET /metrics, on the operators' listener only."""

from aiohttp import web

from gateway.api.admin.parts import ADMIN


async def metrics(request: web.Request) -> web.Response:
    """Everything counted and measured, in the exposition format that was asked for."""
    body, content_type = request.app[ADMIN].telemetry.metrics.render(
        request.headers.get("Accept", "")
    )
    return web.Response(body=body, headers={"Content-Type": content_type})
