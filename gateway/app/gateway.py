"""The running whole: what a reload replaces and what a shutdown waits for."""

import asyncio
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from gateway.adapters.sender import OutboundSender
from gateway.adapters.upstreams import Upstreams
from gateway.config.diff import diff
from gateway.config.live import Live
from gateway.config.rules import rules_of
from gateway.config.schema import Config
from gateway.domain.audit import Actor, AuditedAct
from gateway.ports import Clock, Database
from gateway.services import audit
from gateway.services.tasks import Tasks
from gateway.telemetry.bundle import Telemetry
from gateway.workers.budgets import BudgetKeeper
from gateway.workers.dispatcher import Dispatcher
from gateway.workers.loop import Loop


@dataclass(slots=True)
class Gateway:
    """Two applications, and what works behind them."""

    live: Live
    upstreams: Upstreams
    outbound: OutboundSender
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
        """Put a new configuration in force for new work; return the changes in words.

        Listeners, database, content store and telemetry stay as they were started. The audit
        entry is written in the background.
        """
        before = self.live.current
        self.upstreams.use(config.upstreams)
        self.outbound.timeout = config.delivery.timeout.total_seconds()
        self.live.replace(config, version)
        allow_labels(self.telemetry, config, version)
        self.tasks.spawn(self.budget_keeper.step(), "budgets of a reload")
        changes = diff(before.config, config)
        if changes or version != before.version:
            self.tasks.spawn(self._record(version, before.version, changes), "audit of a reload")
        return changes

    async def _record(self, version: str, before: str, changes: Sequence[str]) -> None:
        by, now = Actor("SIGHUP", process_name()), self.clock.now()
        await self.database.write(
            lambda tx: audit.record(
                tx, AuditedAct.CONFIG_RELOADED, by, version, now, before=before, changes=changes
            )
        )

    async def drain(self, seconds: float) -> int:
        """Finish the running submits and deliveries; return how many had to be cut off.

        None is lost: when its lease expires a submit becomes unknown, and a delivery is sent again.
        """
        self.draining = True
        return sum(await asyncio.gather(self.tasks.drain(seconds), self.dispatcher.drain(seconds)))


def process_name() -> str:
    """Return which process this is, for the audit trail."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def allow_labels(telemetry: Telemetry, config: Config, version: str) -> None:
    """Allow metrics to name what the configuration names, and nothing else."""
    telemetry.metrics.allow_teams(config.teams)
    telemetry.metrics.allow_upstreams(config.upstreams)
    telemetry.metrics.allow_endpoints(s.endpoint for s in rules_of(config).subscriptions)
    telemetry.metrics.config_version(version)
