"""Brings budgets into force: at start, after each reload, and hourly for windows that begin."""

from datetime import timedelta

from gateway.config.live import InForce, Live
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database, Transaction
from gateway.services.money.coverage import keep_in_force
from gateway.store import budgets as registry
from gateway.telemetry.bundle import Telemetry

_LOOK = 60.0  # seconds; a reload does not wait for it
_EVERY = 3600.0  # seconds between two refreshes of what has not changed
_KEPT = timedelta(days=3)  # a budget that no process has had for so long is counted for no more
_BATCH = 500  # rows in one transaction


class BudgetKeeper:
    """Makes the budgets of the configuration in force count what their period has seen.

    A submit that comes first brings its own budgets into force in the transaction that reserves.
    """

    def __init__(self, database: Database, clock: Clock, live: Live, telemetry: Telemetry) -> None:
        """`step` is run by a Loop."""
        self._database = database
        self._clock = clock
        self._live = live
        self._telemetry = telemetry
        self._kept: InForce | None = None
        self._due = 0.0

    async def step(self) -> float:
        """Bring into force what is new; return the seconds until the next look.

        Raises:
            StorageFailed: the database did not answer; the next step tries again.

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
