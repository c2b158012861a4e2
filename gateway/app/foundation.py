"""Open what the services stand on: database, upstreams, lookups, secrets."""

import random
import secrets
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from importlib.metadata import version as distribution_version

from gateway.adapters.database import OpenedDatabase, open_database
from gateway.adapters.measured import MeasuredDatabase
from gateway.adapters.openrouter import OpenRouter
from gateway.adapters.resolver import ClosableLookup, SystemLookup
from gateway.adapters.sender import OutboundSender
from gateway.adapters.upstreams import Upstreams
from gateway.app.gateway import process_name
from gateway.config.live import Live
from gateway.config.schema import Config
from gateway.domain.audit import Actor
from gateway.domain.errors import StorageFailed
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database
from gateway.services import audit
from gateway.services.off_loop import OffLoop
from gateway.services.tasks import Tasks
from gateway.store import archivals, deliveries, recovery, settings
from gateway.store.migrate import bundled, migrate
from gateway.telemetry.bundle import DISTRIBUTION, Telemetry

# A lookup that hangs outlives its attempt. There are threads for four times the deliveries that the
# dispatcher starts for one team (64), so that a team whose name servers do not answer delays only
# its own callbacks.
_CLIENT_LOOKUPS = 256
_LOOKUPS = 16


@dataclass(frozen=True, slots=True)
class Outside:
    """How the gateway reaches what is outside of it; tests replace parts."""

    open_database: Callable[..., Awaitable[OpenedDatabase]] = open_database
    lookup: Callable[[int], ClosableLookup] = SystemLookup
    """Makes a resolver with so many threads."""
    upstream: Callable[..., OpenRouter] = OpenRouter
    client_patience: float = 120.0
    """Seconds in which a client must take 256 kB of a video: 2 kB/s are enough."""


@dataclass(frozen=True, slots=True)
class Foundation:
    """What every service may need. `stack` closes in reverse order what was opened."""

    stack: AsyncExitStack
    outside: Outside
    config: Config
    live: Live
    clock: Clock
    source: random.Random
    telemetry: Telemetry
    database: Database
    inspection: Database
    """For long reads: of a SQLite file a reader of its own, so that no other read waits."""
    upstreams: Upstreams
    outbound: OutboundSender
    tasks: Tasks
    off_loop: OffLoop
    installation_secret: str
    signing_key: str
    shared: bool
    """Whether other processes may use the same database."""


async def lay_foundation(
    stack: AsyncExitStack,
    config: Config,
    version: str,
    *,
    clock: Clock,
    source: random.Random,
    telemetry: Telemetry,
    on_failure: Callable[[StorageFailed], None] | None,
    outside: Outside,
) -> Foundation:
    """Open the database and the clients of other services.

    Raises:
        UnusableDatabase, SchemaRefused, StorageFailed: the database can't be used.

    """
    opened = await _database(config, clock, telemetry, stack, on_failure, outside)
    database = MeasuredDatabase(opened, clock, telemetry.metrics)
    started = Actor("start", process_name())
    await database.write(lambda tx: audit.record_start(tx, started, version, clock.now()))
    off_loop = OffLoop()
    stack.callback(off_loop.close)
    return Foundation(
        stack=stack,
        outside=outside,
        config=config,
        live=Live(config, version),
        clock=clock,
        source=source,
        telemetry=telemetry,
        database=database,
        inspection=await _inspection(config, opened, stack, outside),
        upstreams=_upstreams(config, clock, telemetry, stack, outside, off_loop),
        outbound=_outbound(config, clock, stack, outside),
        tasks=Tasks(
            lambda name, error: telemetry.log.error(
                "task.failed", task=name, error=type(error).__name__
            )
        ),
        off_loop=off_loop,
        installation_secret=await setting(database, "installation_secret"),
        signing_key=await _signing_key(config, database),
        shared=not _is_sqlite(config),
    )


async def setting(database: Database, name: str) -> str:
    """Return a secret of the installation: 64 hex digits, made once, equal on every replica."""
    return await database.write(lambda tx: settings.obtain(tx, name, lambda: secrets.token_hex(32)))


async def _database(
    config: Config,
    clock: Clock,
    telemetry: Telemetry,
    stack: AsyncExitStack,
    on_failure: Callable[[StorageFailed], None] | None,
    outside: Outside,
) -> Database:
    path = config.database.path
    is_new = path is not None and not path.exists()
    database = await outside.open_database(
        config.database.url.get_secret_value(), on_failure=on_failure
    )
    if path is not None and is_new:
        # In a wrong folder every budget starts at zero, so the path is in the log.
        telemetry.log.warning("database.created", path=str(path.absolute()))
    stack.push_async_callback(database.close)
    for warning in database.warnings:
        telemetry.log.warning("database.warning", warning=warning)
    await migrate(database, bundled(), clock)
    if _is_sqlite(config):
        # The file has one owner, this process, so the holders of all leases are gone.
        now = epoch_ms(clock.now())
        await database.write(lambda tx: recovery.void_leases(tx, now=now))
        await database.write(lambda tx: archivals.void_leases(tx, now=now))
        await database.write(lambda tx: deliveries.void_leases(tx, now=now))
    return database


async def _inspection(
    config: Config, opened: Database, stack: AsyncExitStack, outside: Outside
) -> Database:
    if not _is_sqlite(config):
        return opened
    reader = await outside.open_database(config.database.url.get_secret_value(), read_only=True)
    stack.push_async_callback(reader.close)
    return reader


def _is_sqlite(config: Config) -> bool:
    return config.database.url.get_secret_value().startswith("sqlite:")


async def _signing_key(config: Config, database: Database) -> str:
    if config.signing_key is not None:
        return config.signing_key.get_secret_value()
    return await setting(database, "signing_key")


def _upstreams(
    config: Config,
    clock: Clock,
    telemetry: Telemetry,
    stack: AsyncExitStack,
    outside: Outside,
    off_loop: OffLoop,
) -> Upstreams:
    redirects = outside.lookup(_LOOKUPS)
    stack.callback(redirects.close)
    upstreams = Upstreams(clock, redirects, telemetry, off_loop, client=outside.upstream)
    stack.push_async_callback(upstreams.close)
    upstreams.use(config.upstreams)
    return upstreams


def _outbound(
    config: Config, clock: Clock, stack: AsyncExitStack, outside: Outside
) -> OutboundSender:
    """Hosts that clients chose are looked up apart from the operator's own."""
    own, of_clients, inspecting = (
        outside.lookup(threads) for threads in (_LOOKUPS, _CLIENT_LOOKUPS, _LOOKUPS)
    )
    for lookup in (own, of_clients, inspecting):
        stack.callback(lookup.close)
    return OutboundSender(
        clock,
        own,
        of_clients,
        inspecting,
        timeout=config.delivery.timeout.total_seconds(),
        user_agent=f"{DISTRIBUTION}/{distribution_version(DISTRIBUTION)}",
    )
