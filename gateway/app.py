"""The composition root: the only module that names concrete adapters."""

import asyncio
import os
import random
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version as distribution_version

from aiohttp import web

from gateway.adapters.admin_token import read_or_create_token, token_path
from gateway.adapters.blobs import open_blobs
from gateway.adapters.database import open_database
from gateway.adapters.descriptors import connection_room
from gateway.adapters.measured import MeasuredDatabase
from gateway.adapters.resolver import SystemLookup
from gateway.adapters.sender import OutboundSender as WebhookSender
from gateway.adapters.upstreams import Upstreams
from gateway.api.admin.parts import AdminParts
from gateway.api.admin.routes import admin_app
from gateway.api.body_budget import BodyBudget
from gateway.api.public.model_lists import ModelLists
from gateway.api.public.parts import Parts
from gateway.api.public.prefer import Waits
from gateway.api.public.routes import public_app
from gateway.api.public.webhooks import HINTS_PER_MINUTE, IN_FLIGHT
from gateway.config.diff import diff
from gateway.config.live import Live
from gateway.config.rules import rules_of
from gateway.config.schema import Config
from gateway.domain.audit import Actor, AuditedAct
from gateway.domain.errors import StorageFailed
from gateway.domain.token_buckets import TokenBuckets
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database
from gateway.services import audit
from gateway.services.access.api_keys import Keyring
from gateway.services.access.authenticate import Authenticator
from gateway.services.catalog import Catalogs
from gateway.services.content.assemble import Content
from gateway.services.events.deliver import Deliverer
from gateway.services.events.endpoints import EndpointAdmin
from gateway.services.events.publish import EventPublisher
from gateway.services.events.replay import DeliveryReplay
from gateway.services.job_cache import JobCache
from gateway.services.jobs.end import JobEnder
from gateway.services.jobs.operate import JobOperator
from gateway.services.jobs.poll_schedule import PollSchedule
from gateway.services.jobs.receive_webhook import WebhookIntake
from gateway.services.jobs.serialize import JobSerializer
from gateway.services.jobs.track import Tracker
from gateway.services.links import Links
from gateway.services.money.learned_costs import LearnedCosts
from gateway.services.off_loop import OffLoop
from gateway.services.operations.snapshot import SnapshotReader
from gateway.services.submission.callback import CallbackCheck
from gateway.services.submission.decide import Decider
from gateway.services.submission.dry_run import DryRun
from gateway.services.submission.prepare import Preparer
from gateway.services.submission.refuse import Refusals
from gateway.services.submission.send import UpstreamSubmitter
from gateway.services.submission.submit import Submitter
from gateway.services.tasks import Tasks
from gateway.store import archivals, deliveries, recovery, settings
from gateway.store.migrate import bundled, migrate
from gateway.telemetry.bundle import DISTRIBUTION, Telemetry
from gateway.workers.archiver import Archiver
from gateway.workers.budgets import BudgetKeeper
from gateway.workers.crash_recovery import CrashRecovery
from gateway.workers.dispatcher import Dispatcher
from gateway.workers.evictor import eviction_loops
from gateway.workers.ledger_check import LedgerChecker
from gateway.workers.loop import Loop
from gateway.workers.missed_webhooks import MissedWebhookCounter
from gateway.workers.poller import Poller
from gateway.workers.refresher import CatalogRefresher, KeyRefresher
from gateway.workers.retention_cleanup import RetentionCleanup

# Replicas that share a PostgreSQL see each other's changes this much later, at most
# (docs/architecture.md).
_SHARED_MAX_AGE = 0.8
# A lookup that hangs outlives its attempt. Threads for four times what the dispatcher lets one team
# have under way (64), so that a team whose name servers are dead delays nobody's callbacks but its
# own.
_STRANGERS = 256
_SILENT = 5.0  # seconds without an answer, after which the database is said not to be ready


@dataclass(slots=True)
class Gateway:
    """The running whole: two applications, and what works behind them."""

    live: Live
    upstreams: Upstreams
    outbound: WebhookSender
    dispatcher: Dispatcher
    telemetry: Telemetry
    clock: Clock
    public: web.Application
    admin: web.Application
    database: Database
    tasks: Tasks
    loops: Sequence[Loop]
    budget_keeper: BudgetKeeper
    draining: bool = False

    def reload(self, config: Config, version: str) -> list[str]:
        """Put a new configuration in force for what begins from now on; what changed, in words.

        Listeners, database, content store and telemetry keep what they were started with. The
        audit trail is told in the background.
        """
        before = self.live.current
        self.upstreams.use(config.upstreams)
        self.outbound.timeout = config.delivery.timeout.total_seconds()
        self.live.replace(config, version)
        name_labels(self.telemetry, config, version)
        self.tasks.spawn(self.budget_keeper.step(), "budgets of a reload")
        changes = diff(before.config, config)
        if changes or version != before.version:
            self.tasks.spawn(self._record(version, before.version, changes), "audit of a reload")
        return changes

    async def _record(self, version: str, before: str, changes: Sequence[str]) -> None:
        by, now = Actor("SIGHUP", _process()), self.clock.now()
        await self.database.write(
            lambda tx: audit.record(
                tx, AuditedAct.CONFIG_RELOADED, by, version, now, before=before, changes=changes
            )
        )

    async def drain(self, seconds: float) -> int:
        """Finish the submits and deliveries on their way; how many had to be cut off.

        None is lost: when its lease runs out a submit becomes unknown, a delivery is sent again.
        """
        self.draining = True
        return sum(await asyncio.gather(self.tasks.drain(seconds), self.dispatcher.drain(seconds)))


@asynccontextmanager
async def open_gateway(
    config: Config,
    version: str,
    *,
    clock: Clock,
    source: random.Random,
    telemetry: Telemetry,
    on_failure: Callable[[StorageFailed], None] | None = None,
) -> AsyncIterator[Gateway]:
    """Open everything, in order; close it in reverse.

    `on_failure` is called when the database has to stop for good: end the process then.

    Raises:
        UnusableDatabase, SchemaRefused, StorageFailed: nothing was started.

    """
    async with AsyncExitStack() as stack:
        live = Live(config, version)
        opened = await _database(config, clock, telemetry, stack, on_failure)
        database = MeasuredDatabase(opened, clock, telemetry.metrics)
        started = Actor("start", _process())
        await database.write(lambda tx: audit.record_start(tx, started, version, clock.now()))
        budget_keeper = BudgetKeeper(database, clock, live, telemetry)
        await budget_keeper.step()
        off_loop = OffLoop()
        stack.callback(off_loop.close)
        redirects = SystemLookup()
        stack.callback(redirects.close)
        upstreams = Upstreams(clock, redirects, telemetry)
        stack.push_async_callback(upstreams.close)
        upstreams.use(config.upstreams)
        secret = await _setting(database, "installation_secret")
        signing_key = (
            config.signing_key.get_secret_value()
            if config.signing_key is not None
            else await _setting(database, "signing_key")
        )
        shared = not config.database.url.get_secret_value().startswith("sqlite:")
        views = JobCache(database, clock, max_age=_SHARED_MAX_AGE if shared else None)
        links = Links(live, clock, signing_key.encode())
        publisher = EventPublisher(live, links, source)
        learned_costs = LearnedCosts(database, clock)
        tracker = Tracker(
            database, clock, views, live, publisher, telemetry, booked=learned_costs.forget
        )
        tasks = Tasks(
            lambda name, error: telemetry.log.error(
                "task.failed", task=name, error=type(error).__name__
            )
        )
        catalogs = Catalogs(database, clock, upstreams, live, telemetry)
        outbound = _outbound(config, clock, stack)
        decider = Decider(learned_costs, live, views, catalogs, CallbackCheck(outbound))
        submitter = Submitter(
            database,
            clock,
            live,
            views,
            decider,
            Preparer(clock, source, upstreams, links, secret.encode(), off_loop),
            UpstreamSubmitter(database, clock, tracker),
            Refusals(database, clock, source, telemetry),
            publisher,
            tasks,
            telemetry,
        )
        authenticator = Authenticator(database, live)
        await authenticator.refresh()
        await catalogs.load()
        key_refresher = KeyRefresher(authenticator, clock)
        cadence = PollSchedule(live, links)
        poller = Poller(database, clock, source, upstreams, live, cadence, tracker, telemetry)
        sweeper = CrashRecovery(database, clock, live, tracker, telemetry)
        watcher = MissedWebhookCounter(database, clock, telemetry)
        deliverer = Deliverer(database, clock, source, outbound, live, publisher, telemetry)
        dispatcher = Dispatcher(deliverer, clock, telemetry)
        content = await _content(
            config, database, clock, source, upstreams, views, telemetry, stack, shared=shared
        )
        inspection = await _inspection(config, opened, stack)
        observer = SnapshotReader(
            database, inspection, clock, live, catalogs, content.asset_store, telemetry
        )
        loops = [
            *_content_loops(content, clock, telemetry, stack),
            Loop("keys", key_refresher.step, clock, telemetry),
            Loop("budgets", budget_keeper.step, clock, telemetry),
            Loop("poller", poller.step, clock, telemetry),
            Loop("sweeper", sweeper.step, clock, telemetry),
            Loop("janitor", RetentionCleanup(database, clock).step, clock, telemetry),
            Loop("watcher", watcher.step, clock, telemetry),
            Loop("dispatcher", dispatcher.step, clock, telemetry),
            Loop("catalogs", CatalogRefresher(catalogs, live, clock).step, clock, telemetry),
            Loop("examiner", LedgerChecker(observer, clock).step, clock, telemetry),
        ]

        def readiness() -> dict[str, str]:
            silent = key_refresher.silent_for
            return {
                "database": "ok" if silent < _SILENT else f"silent for {silent:.0f} s",
                "catalog": _catalog_state(catalogs),
                "draining": "draining" if gateway.draining else "ok",
            }

        parts = Parts(
            clock=clock,
            database=database,
            live=live,
            bodies=BodyBudget(lambda: live.config.server.max_bytes_in_flight),
            waits=Waits(),
            streams=Waits(),
            model_lists=ModelLists(live, catalogs, decider),
            webhook_bodies=BodyBudget(lambda: IN_FLIGHT, share=1.0),
            hints=TokenBuckets(HINTS_PER_MINUTE),
            off_loop=off_loop,
            connection_room=connection_room(),
            authenticator=authenticator,
            submitter=submitter,
            previewer=DryRun(database, clock, live, decider),
            decider=decider,
            views=views,
            presenter=JobSerializer(links),
            links=links,
            downloader=content.downloader,
            catalogs=catalogs,
            intake=WebhookIntake(database, clock, tracker, live, telemetry),
            readiness=readiness,
            telemetry=telemetry,
        )
        own_token = lru_cache(1)(lambda: read_or_create_token(token_path(config), source))
        if not config.admin.tokens:
            own_token()
        admin = AdminParts(
            clock=clock,
            database=database,
            live=live,
            own_token=own_token,
            keyring=Keyring(database, clock, source, live),
            withdrawer=content.withdrawer,
            authenticator=authenticator,
            observer=observer,
            redeliverer=DeliveryReplay(database, clock),
            subscribers=EndpointAdmin(database, clock, source, outbound, live),
            learned_costs=learned_costs,
            job_operator=JobOperator(database, clock, JobEnder(live, clock, publisher), tracker),
            telemetry=telemetry,
        )
        gateway = Gateway(
            live,
            upstreams,
            outbound,
            dispatcher,
            telemetry,
            clock,
            public_app(parts),
            admin_app(admin),
            database,
            tasks,
            loops,
            budget_keeper,
        )
        name_labels(telemetry, config, version)
        for application in (gateway.public, gateway.admin):
            resources = application.router.resources()
            telemetry.metrics.allow_routes(resource.canonical for resource in resources)
        stack.push_async_callback(poller.close)
        for loop in loops:
            loop.start()
            stack.push_async_callback(loop.stop)
        stack.push_async_callback(tasks.drain, 0)
        stack.push_async_callback(dispatcher.drain, 0)
        yield gateway


def _process() -> str:
    """Which process this is, for the audit trail."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def name_labels(telemetry: Telemetry, config: Config, version: str) -> None:
    """Metrics may name what the configuration names, and nothing else."""
    telemetry.metrics.allow_teams(config.teams)
    telemetry.metrics.allow_upstreams(config.upstreams)
    telemetry.metrics.allow_endpoints(s.endpoint for s in rules_of(config).subscriptions)
    telemetry.metrics.config_version(version)


async def _database(
    config: Config,
    clock: Clock,
    telemetry: Telemetry,
    stack: AsyncExitStack,
    on_failure: Callable[[StorageFailed], None] | None,
) -> Database:
    path = config.database.path
    is_new = path is not None and not path.exists()
    database = await open_database(config.database.url.get_secret_value(), on_failure=on_failure)
    if path is not None and is_new:
        # Started in another folder, every budget would begin at zero: say where it is.
        telemetry.log.warning("database.created", path=str(path.absolute()))
    stack.push_async_callback(database.close)
    for warning in database.warnings:
        telemetry.log.warning("database.warning", warning=warning)
    await migrate(database, bundled(), clock)
    if config.database.url.get_secret_value().startswith("sqlite:"):
        # The file has one owner, and that is now us: whoever held a lease is gone.
        now = epoch_ms(clock.now())
        await database.write(lambda tx: recovery.void_leases(tx, now=now))
        await database.write(lambda tx: archivals.void_leases(tx, now=now))
        await database.write(lambda tx: deliveries.void_leases(tx, now=now))
    return database


async def _inspection(config: Config, database: Database, stack: AsyncExitStack) -> Database:
    """Where long reads are made: of a SQLite file a reader of its own, so that no other waits."""
    url = config.database.url.get_secret_value()
    if not url.startswith("sqlite:"):
        return database
    reader = await open_database(url, read_only=True)
    stack.push_async_callback(reader.close)
    return reader


def _catalog_state(catalogs: Catalogs) -> str:
    missing = catalogs.unavailable()
    return "; ".join(f"{name}: {why}" for name, why in missing.items()) or "ok"


def _outbound(config: Config, clock: Clock, stack: AsyncExitStack) -> WebhookSender:
    """Names that clients chose are looked up apart from the operator's own."""
    own, strangers, inspecting = SystemLookup(), SystemLookup(_STRANGERS), SystemLookup()
    for lookup in (own, strangers, inspecting):
        stack.callback(lookup.close)
    return WebhookSender(
        clock,
        own,
        strangers,
        inspecting,
        timeout=config.delivery.timeout.total_seconds(),
        user_agent=f"{DISTRIBUTION}/{distribution_version(DISTRIBUTION)}",
    )


async def _content(
    config: Config,
    database: Database,
    clock: Clock,
    source: random.Random,
    upstreams: Upstreams,
    views: JobCache,
    telemetry: Telemetry,
    stack: AsyncExitStack,
    *,
    shared: bool,
) -> Content:
    """The content store and what works on it. Where nothing is stored, none is made."""
    creates = config.content.mode != "passthrough"
    blobs = await asyncio.to_thread(open_blobs, config.content.url, create=creates)
    if blobs is not None:
        stack.push_async_callback(blobs.close)
    content = Content.over(
        blobs,
        database,
        clock,
        source,
        upstreams,
        views,
        config.content,
        telemetry,
        installation=await _setting(database, "installation_id"),
        shared=shared,
    )
    stack.push_async_callback(content.fetches.close)
    return content


def _content_loops(
    content: Content, clock: Clock, telemetry: Telemetry, stack: AsyncExitStack
) -> list[Loop]:
    archiver = Archiver(content.archive, clock, telemetry)
    stack.push_async_callback(archiver.close)
    loops = [Loop("archiver", archiver.step, clock, telemetry)]
    if content.evictor is not None:
        loops += eviction_loops(content.evictor, clock, telemetry)
    return loops


async def _setting(database: Database, name: str) -> str:
    """A secret of the installation: 64 hex digits, made once, the same on every replica."""
    return await database.write(lambda tx: settings.obtain(tx, name, lambda: secrets.token_hex(32)))
