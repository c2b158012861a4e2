"""What is held in memory is kept true: the keys twice a second, the catalogs as configured."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from gateway.config.live import Live
from gateway.domain.errors import StorageFailed
from gateway.domain.upstream import CatalogFailed, CatalogOutcome
from gateway.ports import Database
from gateway.services.access.authenticate import Authenticator
from gateway.services.catalog import Catalogs
from gateway.telemetry.bundle import Telemetry
from gateway.workers.refresher import CatalogRefresher, KeyRefresher
from tests.domain.test_capability import MODELS
from tests.fakes.clock import FakeClock
from tests.fakes.database import Outage
from tests.fakes.upstream import PolledUpstream
from tests.services.books import in_force


class Listing(PolledUpstream):
    """An upstream whose catalog can be had, or not."""

    listed: Sequence[Mapping[str, Any]] | None = MODELS[:2]
    asked = 0

    async def models(self) -> CatalogOutcome:
        self.asked += 1
        return CatalogFailed("status 502") if self.listed is None else self.listed


@pytest.fixture
def live() -> Live:
    return in_force({"catalog": {"refresh": "60s", "max_stale": "120s"}})


async def test_the_database_s_silence_is_measured_by_the_keys_that_can_t_be_read(
    database: Database, live: Live
) -> None:
    clock, outage = FakeClock(), Outage()
    refresher = KeyRefresher(Authenticator(outage.around(database), live), clock)
    assert await refresher.step() < 0.5  # a revoked key stops within a second

    outage.down = True
    await clock.advance(7)
    with pytest.raises(StorageFailed):
        await refresher.step()
    assert refresher.silent_for == 7

    outage.down = False
    await refresher.step()
    assert refresher.silent_for == 0


async def test_a_catalog_is_fetched_when_it_is_due_and_soon_again_when_it_can_t_be_had(
    database: Database, live: Live
) -> None:
    clock, main = FakeClock(), Listing("main")
    catalogs = Catalogs(database, clock, {"main": main}, live, Telemetry())
    refresher = CatalogRefresher(catalogs, live, clock)

    async def asked_within(seconds: float) -> int:
        before = main.asked
        await clock.advance(seconds)
        await refresher.step()
        return main.asked - before

    assert await asked_within(0) == 1
    assert await asked_within(59) == 0
    assert await asked_within(1) == 1
    main.listed = None
    assert await asked_within(60) == 1
    assert await asked_within(4) == 0
    assert await asked_within(1) == 1


async def test_an_old_catalog_serves_until_it_is_too_old(database: Database, live: Live) -> None:
    clock, main = FakeClock(), Listing("main")
    catalogs = Catalogs(database, clock, {"main": main}, live, Telemetry())
    refresher = CatalogRefresher(catalogs, live, clock)
    await refresher.step()
    main.listed = None
    model = MODELS[0]["id"]

    await clock.advance(120)
    await refresher.step()
    assert catalogs.has("main", model)
    await clock.advance(1)

    assert not catalogs.has("main", model)
    assert not catalogs.ready()


async def test_what_another_replica_fetched_is_taken_up_at_start(
    database: Database, live: Live
) -> None:
    clock, main = FakeClock(), Listing("main")
    await Catalogs(database, clock, {"main": main}, live, Telemetry()).refresh("main")

    later = Catalogs(database, clock, {"main": main}, live, Telemetry())
    assert not later.ready()
    await later.load()

    assert later.ready()
    assert main.asked == 1
