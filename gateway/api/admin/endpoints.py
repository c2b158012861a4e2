"""/admin/v1/endpoints: health, test ping, enable."""

from typing import Any

from aiohttp import web

from gateway.api.admin.access import operator
from gateway.api.admin.answers import answer, seconds
from gateway.api.admin.parts import ADMIN
from gateway.domain.delivery import Judgement, judge
from gateway.domain.text import origin
from gateway.services.events.endpoints import EndpointStatus


async def listing(request: web.Request) -> web.Response:
    """List every configured subscriber, and every other one with deliveries."""
    standings = await request.app[ADMIN].endpoints.standing()
    return answer({"data": [_row(standing) for standing in standings]})


async def enable(request: web.Request) -> web.Response:
    """Enable an endpoint."""
    admin = request.app[ADMIN]
    who = operator(request)
    endpoint = await admin.endpoints.enable(request.match_info["name"], who)
    admin.telemetry.log.info("endpoint.enabled", endpoint=endpoint, by=who.name)
    return answer({"endpoint": endpoint, "disabled": False})


async def ping(request: web.Request) -> web.Response:
    """Send a signed test ping, and return the outcome."""
    admin = request.app[ADMIN]
    endpoint, outcome = await admin.endpoints.test(request.match_info["name"])
    admin.telemetry.log.info(
        "endpoint.tested", endpoint=endpoint, status=outcome.status, by=operator(request).name
    )
    return answer(
        {
            "endpoint": endpoint,
            "delivered": judge(outcome) is Judgement.DELIVERED,
            "status": outcome.status,
            "latency_ms": outcome.latency_ms,
            "error": None if outcome.error is None else outcome.error.value,
            "detail": outcome.detail,
            "answer": outcome.answer,
        }
    )


def _row(standing: EndpointStatus) -> dict[str, Any]:
    health, owed, subscription = standing.health, standing.owed, standing.subscription
    row: dict[str, Any] = {
        "endpoint": standing.endpoint,
        "configured": subscription is not None,
        "disabled": health.disabled_at is not None,
        "disabled_at": seconds(health.disabled_at),
        "disabled_because": health.disabled_because,
        "failing_since": seconds(health.failing_since),
        "pending": owed.pending,
        "oldest_pending_at": seconds(owed.oldest_pending),
        "dead": owed.dead,
    }
    if subscription is not None:
        config = subscription.config
        row |= {
            "team": subscription.team,
            "origin": origin(config.url),
            "events": list(config.events),
            "unless_callback": config.unless_callback,
            "secrets": len(config.secrets),  # two during a rotation
        }
    return row
