"""The ledger is examined seldom enough to be no burden, however long it takes."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.ports import Transaction
from gateway.services.catalog import Catalogs
from gateway.services.observe import Observer
from gateway.store.invariants import rules
from gateway.telemetry.bundle import Telemetry
from gateway.workers.examiner import Examiner
from tests.fakes.clock import FakeClock
from tests.services.books import in_force


class SlowDatabase:
    """Finds nothing, and takes its time over it."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds

    async def read(self, act: Callable[[Transaction], Any]) -> Any:
        await self._clock.advance(self._seconds)
        return []

    write = read

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(("seconds", "pause"), [(0.001, 300), (1.0, 50 * len(rules()))])
async def test_a_ledger_that_takes_long_is_examined_less_often(
    seconds: float, pause: float
) -> None:
    clock, live, telemetry = FakeClock(), in_force({}), Telemetry()
    database = SlowDatabase(clock, seconds)
    catalogs = Catalogs(database, clock, {}, live, telemetry)
    observer = Observer(database, database, clock, live, catalogs, telemetry)

    assert await Examiner(observer, clock).step() == pytest.approx(pause)
