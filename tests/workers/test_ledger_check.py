"""The ledger is examined seldom enough to be no burden, however long it takes."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from gateway.ports import Database, Transaction
from gateway.services.catalog import Catalogs
from gateway.services.content.store import AssetStore
from gateway.services.job_cache import JobCache
from gateway.services.operations.snapshot import SnapshotReader
from gateway.store.invariants import rules
from gateway.telemetry.bundle import Telemetry
from gateway.workers.ledger_check import LedgerChecker
from tests.fakes.clock import FakeClock
from tests.services.books import in_force


class SlowDatabase:
    """Takes its time over every read."""

    def __init__(self, database: Database, clock: FakeClock, seconds: float) -> None:
        self._database = database
        self._clock = clock
        self._seconds = seconds
        self.reads = 0

    async def read(self, act: Callable[[Transaction], Any]) -> Any:
        self.reads += 1
        await self._clock.advance(self._seconds)
        return await self._database.read(act)

    async def write(self, act: Callable[[Transaction], Any]) -> Any:
        return await self._database.write(act)

    async def close(self) -> None:
        pass


@pytest.mark.parametrize(("seconds", "longer"), [(0.001, False), (1.0, True)])
async def test_a_ledger_that_takes_long_is_examined_less_often(
    database: Database, seconds: float, longer: bool
) -> None:
    clock, live, telemetry = FakeClock(), in_force({}), Telemetry()
    slow = SlowDatabase(database, clock, seconds)
    catalogs = Catalogs(slow, clock, {}, live, telemetry)
    job_cache = JobCache(slow, clock, max_age=None)
    asset_store = AssetStore(
        *(slow, clock, random.Random(1), None, "passthrough", 0, job_cache, telemetry),
        installation="us",
    )
    observer = SnapshotReader(slow, slow, clock, live, catalogs, asset_store, telemetry)

    pause = await LedgerChecker(observer, clock).step()

    assert slow.reads >= len(rules())
    assert pause == (pytest.approx(50 * slow.reads * seconds) if longer else 300)
