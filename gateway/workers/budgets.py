"""Bring budgets into force: at the start, after a reload, and hourly for new windows."""

from datetime import timedelta

from gateway.config.live import InForce, Live
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database, Transaction
from gateway.services.money.coverage import keep_in_force
from gateway.store import budgets as registry
from gateway.telemetry.bundle import Telemetry

_LOOK = 60.0  # seconds; a reload does not wait for it
_EVERY = 3600.0  # seconds between two renewals without a change
_KEPT = timedelta(days=3)  # a budget that no process has registered for so long no longer counts
_BATCH = 500  # rows in one transaction


class BudgetKeeper:
    """Makes the configured budgets count the earlier jobs of their period.

    A submit that comes first brings its own budgets into force in its reserving transaction.
    """

    def __init__(self, database: Database, clock: Clock, live: Live, telemetry: Telemetry) -> None:
        """A Loop runs `step`."""
        self._database = database
        self._clock = clock
        self._live = live
        self._telemetry = telemetry
        self._kept: InForce | None = None
        self._due = 0.0

    async def step(self) -> float:
        """Bring new budgets into force; return the seconds until the next check.

        Raises:
            StorageFailed: the database did not answer; the next step retries.

        """
        current = self._live.current
        if current is self._kept and self._clock.monotonic() < self._due:
            return _LOOK
        budgets, now = tuple(current.rules.budgets.values()), self._clock.now()

        def act(tx: Transaction) -> list[str]:
            registry.forget(tx, before=epoch_ms(now - _KEPT), limit=_BATCH)
            return keep_in_force(tx, budgets, now)

        for window in await self._database.write(act):
            self._telemetry.log.warning("budget.window_ahead", window=window)
        self._kept, self._due = current, self._clock.monotonic() + _EVERY
        return _LOOK
