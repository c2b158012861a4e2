"""The operators' application: its routes and their guard."""

from aiohttp import web

from gateway.api.admin import budgets, deliveries, endpoints, jobs, keys, money
from gateway.api.admin.access import operators_only
from gateway.api.admin.metrics import metrics
from gateway.api.admin.parts import ADMIN, AdminParts
from gateway.api.connections import BOUNDS, BadRequestLog, Bounds, ConnectionLimits
from gateway.api.middleware import add_headers, observe

ADMIN_API = "/admin/v1"


def admin_app(parts: AdminParts) -> web.Application:
    """Return the application behind `server.admin_listen`."""
    app = web.Application(
        middlewares=[observe(parts.clock, parts.telemetry, "admin"), operators_only]
    )
    app[ADMIN] = parts
    app[BOUNDS] = Bounds(ConnectionLimits(), BadRequestLog(parts.telemetry, "admin"))
    app.on_response_prepare.append(add_headers)
    router = app.router
    router.add_get("/metrics", metrics)
    router.add_post(f"{ADMIN_API}/keys", keys.create)
    router.add_get(f"{ADMIN_API}/keys", keys.listing)
    router.add_delete(f"{ADMIN_API}/keys/{{team}}/{{name}}", keys.revoke)
    router.add_get(f"{ADMIN_API}/budgets", budgets.budgets)
    router.add_get(f"{ADMIN_API}/refusals", budgets.latest_refusals)
    router.add_get(f"{ADMIN_API}/catalog/changes", budgets.catalog_changes)
    router.add_get(f"{ADMIN_API}/deliveries", deliveries.listing)
    router.add_post(f"{ADMIN_API}/deliveries/replay-dead", deliveries.replay_dead)
    router.add_get(f"{ADMIN_API}/deliveries/{{id}}", deliveries.show)
    router.add_post(f"{ADMIN_API}/deliveries/{{id}}/replay", deliveries.replay)
    router.add_get(f"{ADMIN_API}/endpoints", endpoints.listing)
    router.add_post(f"{ADMIN_API}/endpoints/{{name:.+}}/enable", endpoints.enable)
    router.add_post(f"{ADMIN_API}/endpoints/{{name:.+}}/test", endpoints.ping)
    router.add_get(f"{ADMIN_API}/jobs", jobs.listing)
    router.add_get(f"{ADMIN_API}/jobs/{{id}}", jobs.show)
    router.add_delete(f"{ADMIN_API}/jobs/{{id}}/content", jobs.delete_content)
    router.add_post(f"{ADMIN_API}/jobs/{{id}}/end", money.end)
    router.add_post(f"{ADMIN_API}/jobs/{{id}}/settle", money.settle)
    router.add_get(f"{ADMIN_API}/disputes", money.list_disputes)
    router.add_get(f"{ADMIN_API}/costs", money.list_costs)
    router.add_post(f"{ADMIN_API}/costs/reset", money.reset_costs)
    return app
