"""The small tables: keys, settings, catalogs, rates, refusals, events."""

import asyncio
import itertools
import json
from datetime import UTC, datetime

from gateway.domain.catalog import CatalogChange
from gateway.domain.event import Event
from gateway.domain.job import Cause, Status
from gateway.ports import Database, Transaction
from gateway.store import api_keys, catalogs, events, jobs, limits, refusals, settings
from gateway.store.api_keys import StoredKey
from gateway.store.jobs import Ending
from tests.store.rows import bound, inserted


def a_key(name: str = "ci", digest: str = "sha256:1") -> StoredKey:
    return StoredKey(digest, "growth", name, 10, "ops", None)


async def test_a_name_has_one_active_key_and_is_free_after_its_revocation(
    database: Database,
) -> None:
    assert await database.write(lambda tx: api_keys.add(tx, a_key()))
    assert not await database.write(lambda tx: api_keys.add(tx, a_key(digest="sha256:2")))
    assert not await database.write(lambda tx: api_keys.add(tx, a_key("other")))  # the same key

    assert await database.write(lambda tx: api_keys.revoke(tx, "growth", "ci", now=20))
    assert not await database.write(lambda tx: api_keys.revoke(tx, "growth", "ci", now=30))
    assert await database.write(lambda tx: api_keys.add(tx, a_key(digest="sha256:2")))

    stored = await database.read(api_keys.all_keys)
    assert sorted((k.hash, k.revoked_at) for k in stored) == [("sha256:1", 20), ("sha256:2", None)]


async def test_a_setting_is_created_once_for_every_replica(database: Database) -> None:
    numbers = itertools.count()

    def act(tx: Transaction) -> str:
        return settings.obtain(tx, "secret", lambda: f"number {next(numbers)}")

    values = await asyncio.gather(*(database.write(act) for _ in range(20)))

    assert len(set(values)) == 1
    assert await database.write(lambda tx: settings.obtain(tx, "other", lambda: "x")) == "x"


async def test_the_newest_catalog_is_kept_in_any_write_order(database: Database) -> None:
    change = CatalogChange("price", "x/one", "pricing_skus", {"duration_seconds": "1"}, None)

    def act(tx: Transaction) -> None:
        catalogs.keep(tx, "main", "[2]", 200, [change])
        catalogs.keep(tx, "main", "[1]", 100)
        catalogs.keep(tx, "other", "[3]", 50)
        catalogs.keep(tx, "main", "[2]", 200, [change])  # another replica, the same fetch

    await database.write(act)

    stored = await database.read(catalogs.all_catalogs)
    assert sorted((c.upstream, c.models, c.fetched_at) for c in stored) == [
        ("main", "[2]", 200),
        ("other", "[3]", 50),
    ]
    (row,) = await database.read(lambda tx: catalogs.latest_changes(tx, 10))
    assert (row["kind"], row["model"], json.loads(row["before_value"])) == (
        "price",
        "x/one",
        {"duration_seconds": "1"},
    )


async def test_submits_of_the_last_minute_are_counted_by_team(database: Database) -> None:
    def act(tx: Transaction) -> None:
        limits.lock_team(tx, "growth")
        limits.lock_team(tx, "growth")
        for at, job_id in ((1_000, "a"), (1_000, "b"), (30_000, "c")):
            limits.hit(tx, "growth", job_id, now=at)
        limits.hit(tx, "rivals", "d", now=30_000)

    await database.write(act)

    assert await database.read(lambda tx: limits.recent_hits(tx, "growth", now=60_999)) == 3
    assert await database.read(lambda tx: limits.recent_hits(tx, "growth", now=61_000)) == 1
    assert await database.write(lambda tx: limits.hits(tx, "growth", now=61_000)) == [30_000]
    assert await database.write(lambda tx: limits.hits(tx, "growth", now=200_000)) == []


async def test_open_jobs_are_those_without_an_end(database: Database) -> None:
    ended = await bound(database)
    lost = await inserted(database)
    await inserted(database)
    await inserted(database, team="rivals")

    def act(tx: Transaction) -> None:
        jobs.end(tx, ended, Ending(Status.FAILED, Cause.UPSTREAM), now=1)
        jobs.lose(tx, lost, now=1)

    await database.write(act)

    assert await database.read(lambda tx: limits.open_jobs(tx, "growth")) == 2


async def test_refusals_are_listed_newest_first_and_deleted_when_old(database: Database) -> None:
    def a_refusal(number: int) -> refusals.RefusalRecord:
        return refusals.RefusalRecord(
            str(number), number, "growth", "ci", "m", "cost_limit", "{}", "r-1"
        )

    def act(tx: Transaction) -> list[int]:
        for number in range(5):
            refusals.add(tx, a_refusal(number))
        return [refusals.forget(tx, before=3, limit=2) for _ in range(3)]

    assert await database.write(act) == [2, 1, 0]
    kept = await database.read(lambda tx: refusals.latest(tx, 10))
    assert list(kept) == [a_refusal(4), a_refusal(3)]


def an_event(event_id: str, job_id: str | None = None) -> Event:
    return Event(
        id=event_id,
        type="video.generation.completed",
        created_at=datetime(2026, 11, 22, 12, 0, 0, 123_000, tzinfo=UTC),
        team="growth",
        job_id=job_id,
        idempotency_key=f"{job_id}-completed",
        body='{"type":"é"}'.encode(),
    )


async def test_a_job_has_one_terminal_event(database: Database) -> None:
    def act(tx: Transaction) -> list[bool]:
        return [
            events.add(tx, an_event("e1", "job")),
            events.add(tx, an_event("e2", "job")),
            events.add(tx, an_event("e3")),
            events.add(tx, an_event("e4")),
        ]

    assert await database.write(act) == [True, False, True, True]
    assert await database.read(lambda tx: events.of_job(tx, "job")) == an_event("e1", "job")
    assert await database.read(lambda tx: events.find(tx, "e3")) == an_event("e3")
    assert await database.read(lambda tx: events.find(tx, "e2")) is None


async def test_a_callback_is_subscribed_once(database: Database) -> None:
    def act(tx: Transaction) -> None:
        for at, url in ((1, "https://b"), (2, "https://a"), (3, "https://b")):
            events.subscribe(tx, "job", url, now=at)

    await database.write(act)

    assert list(await database.read(lambda tx: events.subscribed(tx, "job"))) == [
        "https://b",
        "https://a",
    ]
