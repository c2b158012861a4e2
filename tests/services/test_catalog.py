"""The catalog: fetched, stored, compared, and used while its upstream is unavailable."""

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gateway.config.live import Live
from gateway.config.loader import parse
from gateway.domain.upstream import CatalogFailed, CatalogOutcome
from gateway.ports import Database
from gateway.services.catalog import Catalogs
from gateway.store import catalogs as store
from gateway.telemetry.bundle import Telemetry
from gateway.workers.refresher import CatalogRefresher
from tests.fakes.clock import FakeClock
from tests.services.books import DOCUMENT

MODELS = json.loads((Path(__file__).parents[1] / "data" / "models.json").read_text())["data"]
GROK = "x-ai/grok-imagine-video"
HOUR = 3600


@dataclass
class Listing:
    """An upstream that lists models or is unavailable."""

    name: str = "main"
    listed: Sequence[Mapping[str, Any]] | None = field(default_factory=lambda: MODELS)
    asked: int = 0

    async def models(self) -> CatalogOutcome:
        self.asked += 1
        return CatalogFailed("status 502") if self.listed is None else self.listed


def opened(database: Database, upstream: Listing, clock: FakeClock) -> Catalogs:
    live = Live(parse(json.dumps(DOCUMENT), {}, "test").config, "1")
    upstreams: Any = {"main": upstream}
    return Catalogs(database, clock, upstreams, live, Telemetry())


async def changed(database: Database) -> list[tuple[str, str, str, Any, Any]]:
    rows = await database.read(lambda tx: list(store.latest_changes(tx, 100)))
    return [
        (
            row["kind"],
            row["model"],
            row["field"],
            json.loads(row["before_value"]),
            json.loads(row["after_value"]),
        )
        for row in rows
    ]


async def test_a_fetched_catalog_is_available_after_a_restart_without_the_upstream(
    database: Database,
) -> None:
    clock = FakeClock()
    await opened(database, Listing(), clock).refresh("main")

    restarted = opened(database, Listing(listed=None), clock)
    assert not restarted.ready()
    await restarted.load()

    assert restarted.ready()
    assert len(restarted.models()) == 30
    assert restarted.has("main", GROK)


async def test_a_stale_catalog_is_used_for_max_stale_only(database: Database) -> None:
    clock, upstream = FakeClock(), Listing()
    catalogs = opened(database, upstream, clock)
    await catalogs.refresh("main")
    upstream.listed = None

    await clock.advance(24 * HOUR)
    assert not await catalogs.refresh("main")
    assert catalogs.ready()

    await clock.advance(1)
    assert not catalogs.ready()
    assert catalogs.models() == []
    assert catalogs.find("main", GROK) is None


async def test_a_change_of_price_or_capability_is_recorded(database: Database) -> None:
    upstream = Listing()
    clock = FakeClock()
    catalogs = opened(database, upstream, clock)
    await catalogs.refresh("main")
    assert await changed(database) == []
    newer = copy.deepcopy(MODELS)
    grok = next(model for model in newer if model["id"] == GROK)
    grok["pricing_skus"]["cents_per_video_output_second_480p"] = "6"
    grok["supported_durations"] = [1, 2]
    upstream.listed = [model for model in newer if model["id"] != "openai/sora-2-pro"]

    await clock.advance(1)
    await catalogs.refresh("main")

    found = await changed(database)
    assert {(kind, model) for kind, model, *_ in found} == {
        ("price", GROK),
        ("capability", GROK),
        ("removed", "openai/sora-2-pro"),
    }
    price = next(change for change in found if change[0] == "price")
    assert price[2:] == ("pricing_skus.cents_per_video_output_second_480p", "5", "6")


@pytest.mark.parametrize("listed", [[], None, [{"no": "id"}]])
async def test_an_empty_catalog_never_replaces_a_good_one(database: Database, listed: Any) -> None:
    upstream = Listing()
    catalogs = opened(database, upstream, FakeClock())
    await catalogs.refresh("main")
    upstream.listed = listed

    assert not await catalogs.refresh("main")

    assert len(catalogs.models()) == 30


async def test_one_invalid_entry_does_not_affect_the_others(database: Database) -> None:
    catalogs = opened(database, Listing(listed=[{"id": 5}, *MODELS]), FakeClock())

    assert await catalogs.refresh("main")

    assert len(catalogs.models()) == 30


async def test_a_catalog_is_fetched_at_start_at_each_refresh_and_sooner_after_a_failure(
    database: Database,
) -> None:
    clock, upstream = FakeClock(), Listing(listed=None)
    catalogs = opened(database, upstream, clock)
    live = Live(parse(json.dumps(DOCUMENT), {}, "test").config, "1")
    refresher = CatalogRefresher(catalogs, live, clock)

    await refresher.step()
    await refresher.step()
    assert upstream.asked == 1

    upstream.listed = MODELS
    await clock.advance(5)
    await refresher.step()
    assert upstream.asked == 2
    await clock.advance(599)
    await refresher.step()
    assert upstream.asked == 2
    await clock.advance(1)
    await refresher.step()
    assert upstream.asked == 3


async def test_an_older_catalog_never_replaces_another_replicas_newer_one(
    database: Database,
) -> None:
    clock = FakeClock()
    newer = opened(database, Listing(listed=MODELS[:3]), clock)
    older = opened(database, Listing(), clock)
    await older.refresh("main")
    await clock.advance(1)
    await newer.refresh("main")
    await database.write(lambda tx: store.keep(tx, "main", "[]", 1))

    await older.load()

    assert len(older.models()) == 3


@pytest.mark.parametrize(
    "odd",
    [{"created": 2**70}, {"name": "half a pair \ud800"}, {"supported_durations": [2**80]}],
    ids=["number", "surrogate", "durations"],
)
async def test_an_entry_that_cannot_be_stored_does_not_affect_the_others(
    database: Database, odd: dict[str, Any]
) -> None:
    clock = FakeClock()
    listing = Listing(listed=[{**MODELS[0], **odd}, *MODELS[1:]])
    catalogs = opened(database, listing, clock)

    assert await catalogs.refresh("main")

    assert not catalogs.has("main", MODELS[0]["id"])
    assert catalogs.sizes() == {"main": len(MODELS) - 1}
    restarted = opened(database, listing, clock)
    await restarted.load()
    assert restarted.sizes() == {"main": len(MODELS) - 1}


async def test_a_missing_catalog_has_a_reason(database: Database) -> None:
    catalogs = opened(database, Listing(listed=None), FakeClock())
    assert catalogs.unavailable() == {"main": "not fetched yet"}

    assert not await catalogs.refresh("main")

    assert catalogs.unavailable() == {"main": "status 502"}
