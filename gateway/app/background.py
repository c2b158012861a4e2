"""Construct the background work, and start it."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.app.foundation import Foundation
from gateway.app.services import Services
from gateway.services.jobs.poll_schedule import PollSchedule
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


@dataclass(frozen=True, slots=True)
class Background:
    """The loops, and the workers that others ask something."""

    loops: Sequence[Loop]
    key_refresher: KeyRefresher
    dispatcher: Dispatcher
    poller: Poller


def build_background(
    base: Foundation, services: Services, budget_keeper: BudgetKeeper
) -> Background:
    """Construct every loop; none is started."""
    database, clock, live, telemetry = base.database, base.clock, base.live, base.telemetry
    key_refresher = KeyRefresher(services.authenticator, clock)
    dispatcher = Dispatcher(services.deliverer, clock, telemetry)
    schedule = PollSchedule(live, services.links)
    poller = Poller(
        database, clock, base.source, base.upstreams, live, schedule, services.tracker, telemetry
    )
    steps = {
        "keys": key_refresher.step,
        "budgets": budget_keeper.step,
        "poller": poller.step,
        "crash_recovery": CrashRecovery(database, clock, live, services.tracker, telemetry).step,
        "retention_cleanup": RetentionCleanup(database, clock).step,
        "missed_webhooks": MissedWebhookCounter(database, clock, telemetry).step,
        "dispatcher": dispatcher.step,
        "catalogs": CatalogRefresher(services.catalogs, live, clock).step,
        "ledger_check": LedgerChecker(services.snapshots, clock).step,
    }
    loops = [Loop(name, step, clock, telemetry) for name, step in steps.items()]
    return Background([*_content_loops(base, services), *loops], key_refresher, dispatcher, poller)


def start(base: Foundation, background: Background, *, run: bool) -> None:
    """Start every loop if `run`, and stop it first when the gateway closes."""
    stack = base.stack
    stack.push_async_callback(background.poller.close)
    for loop in background.loops:
        if run:
            loop.start()
        stack.push_async_callback(loop.stop)
    stack.push_async_callback(base.tasks.drain, 0)
    stack.push_async_callback(background.dispatcher.drain, 0)


def _content_loops(base: Foundation, services: Services) -> list[Loop]:
    clock, telemetry, content = base.clock, base.telemetry, services.content
    archiver = Archiver(content.archive, clock, telemetry)
    base.stack.push_async_callback(archiver.close)
    loops = [Loop("archiver", archiver.step, clock, telemetry)]
    if content.evictor is not None:
        loops += eviction_loops(content.evictor, clock, telemetry)
    return loops
