"""GET /healthz and GET /readyz."""

from aiohttp import web

from gateway.api.public.parts import PARTS


async def healthz(_request: web.Request) -> web.Response:
    """Return 200: the process answers. Nothing else is checked."""
    return web.json_response({"status": "ok"})


async def readyz(request: web.Request) -> web.Response:
    """Return 200 if the gateway is ready, otherwise 503 with the part that is not."""
    parts = request.app[PARTS].readiness()
    ready = all(state == "ok" for state in parts.values())
    return web.json_response(
        {"status": "ready" if ready else "not ready", "parts": parts}, status=200 if ready else 503
    )
