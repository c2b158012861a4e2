"""Snapshots of the shared state on the metrics page, and the ledger check."""

import random
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from gateway.config.live import Live
from gateway.domain.errors import StorageFailed
from gateway.domain.job import Status
from gateway.ports import Clock, Database, Transaction
from gateway.services.catalog import Catalogs
from gateway.services.content.store import AssetStore
from gateway.services.job_cache import JobCache
from gateway.services.operations.snapshot import SnapshotReader
from gateway.telemetry.bundle import Telemetry
from gateway.telemetry.metrics import Metrics
from tests.services.books import Books, in_force
from tests.telemetry.page import Page

T = TypeVar("T")

BUDGETS: dict[str, Any] = {
    "budgets": [{"period": "month", "limit_usd": 100}],
    "teams": {
        "red": {"budgets": [{"period": "day", "limit_usd": 1}]},
        "blue": {},
    },
}


class Watched:
    """A database that counts reads and can be unavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads = 0
        self.away = False

    async def read(self, act: Callable[[Transaction], T]) -> T:
        self.reads += 1
        if self.away:
            raise StorageFailed("away")
        return await self._database.read(act)

    async def write(self, act: Callable[[Transaction], T]) -> T:
        return await self._database.write(act)

    async def close(self) -> None:
        await self._database.close()


class Scene:
    """Books and a snapshot reader on the same database."""

    def __init__(self, database: Database, changes: dict[str, Any]) -> None:
        self.database = Watched(database)
        self.live = in_force(changes)
        self.books = Books(self.database, self.live)
        self.clock = self.books.clock
        self.observer, self.metrics = observer(self.database, self.live, self.clock)

    async def page(self) -> Page:
        await self.observer.look()
        return Page(self.metrics)


def observer(database: Database, live: Live, clock: Clock) -> tuple[SnapshotReader, Metrics]:
    metrics = Metrics(teams=live.config.teams, upstreams=live.config.upstreams)
    metrics.allow_endpoints(s.endpoint for s in live.current.rules.subscriptions)
    telemetry = Telemetry(metrics=metrics)
    catalogs = Catalogs(database, clock, {}, live, telemetry)
    job_cache = JobCache(database, clock, max_age=None)
    asset_store = AssetStore(
        *(database, clock, random.Random(1), None, "passthrough", 0, job_cache, telemetry),
        installation="us",
    )
    return SnapshotReader(
        database, database, clock, live, catalogs, asset_store, telemetry
    ), metrics


@pytest.fixture
def scene(database: Database) -> Scene:
    return Scene(database, BUDGETS)


def dollars(shown: Page, kind: str, team: str, budget: str, period: str) -> float | None:
    return value(shown, f"budget_{kind}_dollars", team=team, budget=budget, period=period)


def value(shown: Page, name: str, **labels: str) -> float | None:
    return shown.values(name).get(tuple(text for _, text in sorted(labels.items())))


async def test_open_jobs_are_shown_by_team_upstream_and_status_with_their_age(
    scene: Scene,
) -> None:
    await scene.books.submit("red", 100)
    await scene.clock.advance(90)
    taken = await scene.books.submit("blue", 100)
    await scene.books.accept(taken.job)
    await scene.clock.advance(30)

    shown = await scene.page()

    labels = {"team": "red", "upstream": "main", "status": "submitting"}
    assert value(shown, "jobs_open", **labels) == 1
    labels = {"team": "blue", "upstream": "main", "status": "pending"}
    assert value(shown, "jobs_open", **labels) == 1
    oldest = "jobs_oldest_open_age_seconds"
    assert value(shown, oldest, upstream="main", status="submitting") == 120
    assert value(shown, oldest, upstream="main", status="pending") == 30
    assert value(shown, oldest, upstream="main", status="unknown") == 0


async def test_a_budget_shows_limit_reserved_spent_available_and_estimated(
    scene: Scene,
) -> None:
    done = await scene.books.submit("red", 400_000)
    await scene.books.accept(done.job)
    await scene.books.end(done.job.id, Status.COMPLETED, "0.25")
    refused = await scene.books.submit("red", 300_000)
    await scene.books.refuse(refused.job)
    await scene.books.submit("red", 200_000)

    shown = await scene.page()

    place = ("red", "team/red/day", "day")
    assert dollars(shown, "limit", *place) == 1
    assert dollars(shown, "spent", *place) == 0.25
    assert dollars(shown, "reserved", *place) == 0.2
    assert dollars(shown, "available", *place) == 0.55
    assert dollars(shown, "estimated", *place) == 0.6, "the refused job does not count"
    assert dollars(shown, "spent", "organisation", "organisation/month", "month") == 0.25


async def test_a_team_without_a_budget_still_shows_what_it_spends(scene: Scene) -> None:
    done = await scene.books.submit("blue", 400_000)
    await scene.books.accept(done.job)
    await scene.books.end(done.job.id, Status.COMPLETED, "0.125")

    shown = await scene.page()

    place = ("blue", "account/blue", "month")
    assert dollars(shown, "spent", *place) == 0.125
    assert dollars(shown, "limit", *place) is None
    assert dollars(shown, "available", *place) is None


async def test_a_new_window_starts_at_zero_with_a_new_reset(scene: Scene) -> None:
    await scene.books.submit("red", 400_000)
    await scene.clock.advance(24 * 3600)

    shown = await scene.page()

    place = ("red", "team/red/day", "day")
    assert dollars(shown, "reserved", *place) == 0
    labels = dict(zip(("team", "budget", "period"), place, strict=True))
    resets = value(shown, "budget_resets_timestamp_seconds", **labels)
    assert resets is not None
    assert resets > scene.clock.now().timestamp()


async def test_two_replicas_and_one_that_was_restarted_show_the_same_money(scene: Scene) -> None:
    await scene.books.submit("red", 400_000)

    pages = [await scene.page()]
    for _ in range(2):
        other, metrics = observer(scene.database, scene.live, scene.clock)
        await other.look()
        pages.append(Page(metrics))

    held = [dollars(shown, "reserved", "red", "team/red/day", "day") for shown in pages]
    assert held == [0.4, 0.4, 0.4]


async def test_pending_deliveries_are_shown_by_endpoint(database: Database) -> None:
    hook = {"name": "farm", "url": "https://farm.example/", "secret": "s" * 32}
    scene = Scene(database, {"webhooks": [hook]})
    opened = await scene.books.submit("red", 100)
    await scene.books.accept(opened.job)
    await scene.books.end(opened.job.id, Status.COMPLETED, "0.1")
    await scene.clock.advance(40)

    shown = await scene.page()

    name = "organisation/farm"
    assert value(shown, "deliveries_pending", endpoint=name) == 1
    assert value(shown, "deliveries_oldest_pending_age_seconds", endpoint=name) == 40
    assert value(shown, "deliveries_dead", endpoint=name) == 0
    assert value(shown, "endpoint_disabled", endpoint=name) == 0


async def test_dead_deliveries_and_disabled_endpoints_are_shown(database: Database) -> None:
    hook = {"name": "farm", "url": "https://farm.example/", "secret": "s" * 32}
    scene = Scene(database, {"webhooks": [hook]})
    opened = await scene.books.submit("red", 100)
    await scene.books.accept(opened.job)
    await scene.books.end(opened.job.id, Status.COMPLETED, "0.1")

    def give_up(tx: Transaction) -> None:
        tx.execute("UPDATE deliveries SET state = 'dead', next_attempt_at = NULL")
        tx.execute(
            "INSERT INTO endpoints (name, disabled_at) VALUES (:name, 1)", name="organisation/farm"
        )

    await database.write(give_up)

    shown = await scene.page()

    name = "organisation/farm"
    assert value(shown, "deliveries_pending", endpoint=name) == 0
    assert value(shown, "deliveries_dead", endpoint=name) == 1
    assert value(shown, "endpoint_disabled", endpoint=name) == 1


async def test_scrapes_within_one_second_share_one_snapshot(scene: Scene) -> None:
    for _ in range(5):
        await scene.page()
    assert scene.database.reads == 1

    await scene.clock.advance(1)
    await scene.page()
    assert scene.database.reads == 2


async def test_without_the_database_the_page_shows_no_old_amounts(
    scene: Scene,
) -> None:
    shown = await scene.page()
    assert value(shown, "snapshot_up") == 1
    scene.database.away = True
    await scene.clock.advance(2)

    shown = await scene.page()

    assert value(shown, "snapshot_up") == 0
    assert dollars(shown, "limit", "red", "team/red/day", "day") is None


async def test_the_ledger_check_counts_violations(scene: Scene) -> None:
    await scene.books.submit("red", 400_000)
    assert value(await scene.page(), "ledger_violations") is None, "not checked yet"
    await scene.observer.examine()
    await scene.clock.advance(1)
    assert value(await scene.page(), "ledger_violations") == 0

    await scene.database.write(lambda tx: tx.execute("UPDATE windows SET spent = spent + 1"))
    await scene.observer.examine()
    await scene.clock.advance(1)

    violations = value(await scene.page(), "ledger_violations")
    assert violations == 3, "the day's window, the organisation's, and the team's account"


async def test_a_failed_ledger_check_shows_no_number(scene: Scene) -> None:
    await scene.observer.examine()
    scene.database.away = True
    await scene.observer.examine()
    scene.database.away = False

    assert value(await scene.page(), "ledger_violations") is None
