"""Deliveries on both databases: due ones are found, and a backlog does not slow the queries."""

import random
from functools import partial

from gateway.adapters.database import open_database
from gateway.domain.audit import Actor
from gateway.domain.event import ThresholdFacts, new_event_id, threshold_crossed
from gateway.domain.units import epoch_ms
from gateway.ports import Database, Transaction
from gateway.store import deliveries, delivery_queries, endpoints, events
from gateway.store.delivery_queries import DeliveryFilter
from gateway.workers.retention_cleanup import RetentionCleanup
from tests.fakes.clock import FakeClock
from tests.services.delivery_harness import FARM, DeliveryHarness
from tests.store.test_plans import Listening, path_of, reads_whole

NOW = epoch_ms(FakeClock().now())
SOURCE = random.Random(1)


def owed(tx: Transaction, endpoint: str, number: int = 1, *, at: int = NOW) -> None:
    """Create `number` deliveries to one endpoint, due at `at`."""
    facts = ThresholdFacts("growth", "day", 0.8, 10, 8, 0, None)
    event = threshold_crossed(new_event_id(SOURCE), facts, FakeClock().now())
    events.add(tx, event)
    for _ in range(number):
        events.owe(tx, new_event_id(SOURCE), event, endpoint, None, now=at)


async def due(database: Database, now: int = NOW) -> list[str]:
    return list(
        await database.read(lambda tx: deliveries.due_lanes(tx, now=now, at_once=4, limit=100))
    )


async def claim(database: Database, lane: str, now: int = NOW, limit: int = 4) -> int:
    return len(await claimed(database, lane, now, limit))


async def claimed(database: Database, lane: str, now: int = NOW, limit: int = 4) -> set[str]:
    leases = await database.write(
        lambda tx: deliveries.claim(
            tx, lane, now=now, until=now + 60_000, token=new_event_id(SOURCE), at_once=4,
            limit=limit,
        )
    )  # fmt: skip
    return {lease.id for lease in leases}


async def test_each_lane_is_returned_once_longest_waiting_first(database: Database) -> None:
    def act(tx: Transaction) -> None:
        owed(tx, "organisation/b", 3, at=NOW - 10)
        owed(tx, "organisation/a", 3, at=NOW - 5)
        owed(tx, "organisation/later", 1, at=NOW + 1)

    await database.write(act)

    assert await due(database) == ["organisation/b", "organisation/a"]


async def test_a_leased_delivery_is_not_due_until_its_lease_expires(database: Database) -> None:
    await database.write(lambda tx: owed(tx, "organisation/a", 6))

    assert await claim(database, "organisation/a") == 4
    assert await due(database) == []
    assert await claim(database, "organisation/a") == 0
    assert await claim(database, "organisation/a", now=NOW + 60_001) == 4


async def test_a_lane_below_its_limit_is_due_with_its_unleased_deliveries(
    database: Database,
) -> None:
    await database.write(lambda tx: owed(tx, "organisation/a", 6))

    first = await claimed(database, "organisation/a", limit=3)
    assert await due(database) == ["organisation/a"]
    second = await claimed(database, "organisation/a")

    assert (len(first), len(second)) == (3, 1)
    assert first.isdisjoint(second)


async def test_a_backlog_does_not_hide_other_lanes(database: Database) -> None:
    def act(tx: Transaction) -> None:
        owed(tx, "organisation/dead", 2000, at=NOW - 10)
        owed(tx, "organisation/well", 3)

    await database.write(act)

    assert await due(database) == ["organisation/dead", "organisation/well"]
    assert await claim(database, "organisation/well") == 3
    assert await claim(database, "organisation/dead") == 4


async def test_every_delivery_query_uses_an_index(sqlite_url: str) -> None:
    """Covers every statement about deliveries."""
    listening = Listening(await open_database(sqlite_url))
    room = DeliveryHarness(listening, FakeClock(), {"delivery": {"retries": ["5s"]}})
    for status in (500, 200, 410):
        room.outbound.says(FARM, status)
        await room.publish()
        await room.transient(minutes=1)
    await room.subscribers.enable("farm", Actor("ops", "here"))
    await room.redeliverer.replay_dead(0, "team/growth/farm", Actor("ops", "here"))
    await room.subscribers.standing()
    await RetentionCleanup(listening, room.clock).step()
    await listening.close()

    # These scan a whole index: pages, and undelivered rows.
    along = ("ORDER BY d.created_at", "state <> 'delivered'")
    heard = [sql for sql in listening.heard if not any(words in sql for words in along)]
    spoken = [sql for sql in heard if "deliveries" in sql]
    assert len(spoken) >= 9
    for sql in spoken:
        whole = set(reads_whole(path_of(sqlite_url), sql)) - {"owed"}  # the lanes themselves
        assert not whole, sql


async def test_old_deliveries_are_deleted_with_their_attempts(database: Database) -> None:
    def fill(tx: Transaction) -> None:
        owed(tx, "organisation/a", 5)
        tx.execute(
            "UPDATE deliveries SET state = 'delivered', ended_at = :at, next_attempt_at = NULL",
            at=NOW,
        )
        owed(tx, "organisation/b")
        for row in tx.fetch("SELECT id FROM deliveries"):
            tx.execute(
                """
                INSERT INTO delivery_attempts (
                  delivery_id, attempt, at, status, latency_ms, error, detail, answer
                ) VALUES (:id, 1, 0, 200, 1, NULL, '', '')
                """,
                id=row["id"],
            )

    await database.write(fill)

    def forget(tx: Transaction, before: int) -> int:
        return deliveries.forget_delivered(tx, before=before, limit=3)

    assert await database.write(lambda tx: forget(tx, NOW)) == 0
    gone = [await database.write(lambda tx: forget(tx, NOW + 1)) for _ in range(3)]

    left = await database.read(lambda tx: tx.fetch("SELECT delivery_id FROM delivery_attempts"))
    assert (gone, len(left)) == ([3, 2, 0], 1)


async def test_pages_do_not_overlap_for_equal_creation_times(
    database: Database,
) -> None:
    await database.write(lambda tx: owed(tx, "organisation/a", 7))

    seen: list[str] = []
    before = None
    while page := await database.read(
        partial(delivery_queries.page, wanted=DeliveryFilter(before=before), limit=3)
    ):
        seen += [shown.id for shown in page]
        before = (page[-1].created_at, page[-1].id)

    assert len(seen) == len(set(seen)) == 7


async def test_an_endpoint_is_disabled_once_and_enabled_once(database: Database) -> None:
    def twice(tx: Transaction) -> list[bool]:
        return [
            endpoints.disable(tx, "organisation/a", "gone", now=NOW),
            endpoints.disable(tx, "organisation/a", "failing", now=NOW + 1),
            endpoints.enable(tx, "organisation/a"),
            endpoints.enable(tx, "organisation/a"),
            endpoints.enable(tx, "organisation/never-seen"),
        ]

    assert await database.write(twice) == [True, False, True, False, False]
    health = await database.read(lambda tx: endpoints.health(tx, "organisation/a"))
    assert health == endpoints.Health()
