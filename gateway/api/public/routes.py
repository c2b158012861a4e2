"""The team-facing application: its routes, and the headers of every response."""

from aiohttp import web

from gateway.api.connections import BOUNDS, BadRequestLog, Bounds, ConnectionLimits
from gateway.api.middleware import add_headers, observe
from gateway.api.public.downloads import content
from gateway.api.public.health import healthz, readyz
from gateway.api.public.hot import HotAnswers
from gateway.api.public.job_events import job_events
from gateway.api.public.key import current_key
from gateway.api.public.models import models, models_count, video_models
from gateway.api.public.parts import PARTS, Parts
from gateway.api.public.videos import poll, submit
from gateway.api.public.webhooks import webhook

API = "/api/v1"


def public_app(parts: Parts) -> web.Application:
    """Return the application behind `server.listen`."""
    app = web.Application(middlewares=[observe(parts.clock, parts.telemetry, "public")])
    app[PARTS] = parts
    app[BOUNDS] = Bounds(
        ConnectionLimits(
            per_peer=lambda: parts.live.config.server.max_connections_per_peer,
            trusted=lambda: parts.live.config.server.trusted_proxies,
            most=parts.connection_room,
        ),
        BadRequestLog(parts.telemetry, "public"),
        HotAnswers(parts, _CORS).answer,
    )
    app.on_response_prepare.append(add_headers)
    app.on_response_prepare.append(_cors)
    app.on_response_prepare.append(_close_when_draining)
    router = app.router
    router.add_get("/healthz", healthz, allow_head=True)
    router.add_get("/readyz", readyz, allow_head=True)
    router.add_post(f"{API}/videos", submit)
    router.add_get(f"{API}/videos/models", video_models)
    router.add_get(f"{API}/models", models)
    router.add_get(f"{API}/models/count", models_count)
    router.add_get(f"{API}/key", current_key)
    router.add_get(f"{API}/auth/key", current_key)
    router.add_get(f"{API}/videos/{{id}}", poll, allow_head=False)
    router.add_get(f"{API}/videos/{{id}}/content", content)
    router.add_get(f"{API}/videos/{{id}}/events", job_events, allow_head=False)
    router.add_post("/webhooks/{upstream}", webhook)
    router.add_post("/webhooks/{upstream}/{token}", webhook)
    for path in _WITH_PREFLIGHT:
        router.add_route("OPTIONS", f"{API}{path}", _preflight)
    return app


async def _preflight(_request: web.Request) -> web.Response:
    """Answer a CORS preflight.

    See docs/openrouter-contract.md section 1.
    """
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
            "Access-Control-Allow-Headers": ", ".join(_ALLOWED),
            "Access-Control-Max-Age": "600",
        },
    )


_WITH_PREFLIGHT = (
    "/videos",
    "/videos/models",
    "/models",
    "/models/count",
    "/key",
    "/auth/key",
    "/videos/{id}",
    "/videos/{id}/content",
    "/videos/{id}/events",
)
_ALLOWED = (
    "Authorization",
    "Content-Type",
    "Cache-Control",
    "User-Agent",
    "Accept",
    "HTTP-Referer",
    "Idempotency-Key",
    "If-None-Match",
    "If-Range",
    "Last-Event-ID",
    "Range",
    "X-Title",
    "X-OpenRouter-Title",
    "X-OpenRouter-Categories",
    "X-OpenRouter-App-Visibility",
    "X-Session-Id",
    "X-Request-Id",
    "X-Api-Key",
    "X-Stainless-Arch",
    "X-Stainless-Async",
    "X-Stainless-Custom-Poll-Interval",
    "X-Stainless-Helper-Method",
    "X-Stainless-Lang",
    "X-Stainless-OS",
    "X-Stainless-Package-Version",
    "X-Stainless-Poll-Helper",
    "X-Stainless-Retry-Count",
    "X-Stainless-Runtime",
    "X-Stainless-Runtime-Version",
    "X-Stainless-Timeout",
    "Prefer",
    "X-Gateway-Dedupe",
    "X-Gateway-Zdr",
    "X-Gateway-Dry-Run",
    "X-Provider-API-Keys",
    "traceparent",
    "tracestate",
    "baggage",
)
_EXPOSED = (
    "X-Generation-Id",
    "X-Provider-Name",
    "request-id",
    "cf-ray",
    "X-Request-Id",
    "X-Gateway-Dedupe",
    "X-Gateway-Estimated-Cost-Usd",
    "X-Gateway-Applied-Defaults",
    "X-Gateway-Unknown-Fields",
    "Preference-Applied",
    "Retry-After",
    "Accept-Ranges",
    "Content-Disposition",
    "Content-Length",
    "Content-Range",
    "ETag",
)


_CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": ",".join(_EXPOSED),
}


async def _cors(request: web.Request, response: web.StreamResponse) -> None:
    if request.path.startswith("/api/"):
        response.headers.update(_CORS)


async def _close_when_draining(request: web.Request, response: web.StreamResponse) -> None:
    """Ask clients to use another connection, and with it another process."""
    if request.app[PARTS].draining():
        response.force_close()
        response.headers["Connection"] = "close"  # aiohttp has already set the headers
