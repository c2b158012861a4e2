"""Open a gateway: foundation, services, background work, and the two applications over them."""

import random
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import lru_cache

from gateway.adapters.admin_token import read_or_create_token, token_path
from gateway.adapters.descriptors import connection_room
from gateway.api.admin.parts import AdminParts
from gateway.api.admin.routes import admin_app
from gateway.api.body_budget import BodyBudget
from gateway.api.public.model_lists import ModelLists
from gateway.api.public.parts import Parts
from gateway.api.public.prefer import Waits
from gateway.api.public.routes import public_app
from gateway.api.public.webhooks import HINTS_PER_MINUTE, IN_FLIGHT
from gateway.app.background import Background, build_background, start
from gateway.app.foundation import Foundation, Outside, lay_foundation
from gateway.app.gateway import Gateway, allow_labels
from gateway.app.services import Services, build_services
from gateway.config.schema import Config
from gateway.domain.errors import StorageFailed
from gateway.domain.token_buckets import TokenBuckets
from gateway.ports import Clock
from gateway.services.access.api_keys import Keyring
from gateway.services.catalog import Catalogs
from gateway.services.events.endpoints import EndpointAdmin
from gateway.services.events.replay import DeliveryReplay
from gateway.services.jobs.end import JobEnder
from gateway.services.jobs.operate import JobOperator
from gateway.services.jobs.receive_webhook import WebhookIntake
from gateway.services.jobs.serialize import JobSerializer
from gateway.services.submission.dry_run import DryRun
from gateway.telemetry.bundle import Telemetry
from gateway.workers.budgets import BudgetKeeper

_SILENT = 5.0  # seconds without an answer, after which the database is said not to be ready


@asynccontextmanager
async def open_gateway(
    config: Config,
    version: str,
    *,
    clock: Clock,
    source: random.Random,
    telemetry: Telemetry,
    on_failure: Callable[[StorageFailed], None] | None = None,
    outside: Outside | None = None,
    works: bool = True,
) -> AsyncIterator[Gateway]:
    """Open everything, in order; close it in reverse.

    `on_failure` is called when the database has to stop for good: end the process then. `outside`
    replaces how the gateway reaches the outside. `works` False starts no background work.

    Raises:
        UnusableDatabase, SchemaRefused, StorageFailed: nothing was started.

    """
    async with AsyncExitStack() as stack:
        base = await lay_foundation(
            stack,
            config,
            version,
            clock=clock,
            source=source,
            telemetry=telemetry,
            on_failure=on_failure,
            outside=outside or Outside(),
        )
        budget_keeper = BudgetKeeper(base.database, clock, base.live, telemetry)
        await budget_keeper.step()  # before anything can be reserved
        services = await build_services(base)
        background = build_background(base, services, budget_keeper)
        gateway = _gateway(base, services, background, budget_keeper)
        _allow_labels(gateway, version)
        start(base, background, run=works)
        yield gateway


def _gateway(
    base: Foundation, services: Services, background: Background, budget_keeper: BudgetKeeper
) -> Gateway:
    def readiness() -> dict[str, str]:
        silent = background.key_refresher.silent_for
        return {
            "database": "ok" if silent < _SILENT else f"silent for {silent:.0f} s",
            "catalog": _catalog_state(services.catalogs),
            "draining": "draining" if gateway.draining else "ok",
        }

    gateway = Gateway(
        live=base.live,
        upstreams=base.upstreams,
        outbound=base.outbound,
        dispatcher=background.dispatcher,
        telemetry=base.telemetry,
        clock=base.clock,
        public=public_app(_public_parts(base, services, readiness, lambda: gateway.draining)),
        admin=admin_app(_admin_parts(base, services)),
        database=base.database,
        tasks=base.tasks,
        loops=background.loops,
        budget_keeper=budget_keeper,
    )
    return gateway


def _public_parts(
    base: Foundation,
    services: Services,
    readiness: Callable[[], dict[str, str]],
    draining: Callable[[], bool],
) -> Parts:
    live, database, clock = base.live, base.database, base.clock
    return Parts(
        clock=clock,
        database=database,
        live=live,
        bodies=BodyBudget(lambda: live.config.server.max_bytes_in_flight),
        waits=Waits(),
        streams=Waits(),
        model_lists=ModelLists(live, services.catalogs, services.decider),
        webhook_bodies=BodyBudget(lambda: IN_FLIGHT, share=1.0),
        hints=TokenBuckets(HINTS_PER_MINUTE),
        off_loop=base.off_loop,
        connection_room=connection_room(),
        authenticator=services.authenticator,
        submitter=services.submitter,
        dry_run=DryRun(database, clock, live, services.decider),
        decider=services.decider,
        job_cache=services.job_cache,
        serializer=JobSerializer(services.links),
        links=services.links,
        downloader=services.content.downloader,
        catalogs=services.catalogs,
        webhook_intake=WebhookIntake(database, clock, services.tracker, live, base.telemetry),
        stalled_after=base.outside.client_patience,
        draining=draining,
        readiness=readiness,
        telemetry=base.telemetry,
    )


def _admin_parts(base: Foundation, services: Services) -> AdminParts:
    config, live, database, clock = base.config, base.live, base.database, base.clock
    own_token = lru_cache(1)(lambda: read_or_create_token(token_path(config), base.source))
    if not config.admin.tokens:
        own_token()
    ender = JobEnder(live, clock, services.publisher)
    return AdminParts(
        clock=clock,
        database=database,
        live=live,
        own_token=own_token,
        keyring=Keyring(database, clock, base.source, live),
        asset_deleter=services.content.asset_deleter,
        authenticator=services.authenticator,
        snapshots=services.snapshots,
        replay=DeliveryReplay(database, clock),
        endpoints=EndpointAdmin(database, clock, base.source, base.outbound, live),
        learned_costs=services.learned_costs,
        job_operator=JobOperator(database, clock, ender, services.tracker),
        telemetry=base.telemetry,
    )


def _allow_labels(gateway: Gateway, version: str) -> None:
    metrics = gateway.telemetry.metrics
    allow_labels(gateway.telemetry, gateway.live.config, version)
    for application in (gateway.public, gateway.admin):
        resources = application.router.resources()
        metrics.allow_routes(resource.canonical for resource in resources)


def _catalog_state(catalogs: Catalogs) -> str:
    missing = catalogs.unavailable()
    return "; ".join(f"{name}: {why}" for name, why in missing.items()) or "ok"
