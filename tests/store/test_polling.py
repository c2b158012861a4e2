"""Due polls and their leases."""

import asyncio
from collections.abc import Callable

from gateway.ports import Database, Transaction
from gateway.store import jobs, polling
from gateway.store.polling import PollLease
from tests.store.rows import bound, inserted
from tests.store.test_jobs import DONE


async def leased(
    database: Database, now: int, token: str = "me", limit: int = 10
) -> list[PollLease]:
    return await database.write(
        lambda tx: polling.lease_polls(tx, now=now, until=now + 60_000, token=token, limit=limit)
    )


async def test_a_due_poll_is_leased_once_until_the_lease_expires(database: Database) -> None:
    job_id = await bound(database, next_poll_at=5_000)

    assert not await database.read(lambda tx: polling.poll_due(tx, now=4_999))
    assert await leased(database, 4_999) == []
    assert await database.read(lambda tx: polling.poll_due(tx, now=5_000))
    (lease,) = await leased(database, 5_000)
    assert (lease.job.id, lease.token, lease.polls) == (job_id, "me", 0)
    assert await leased(database, 64_999, "other") == []
    (taken_over,) = await leased(database, 65_000, "other")
    assert taken_over.token == "other"


async def test_a_lost_lease_fences_its_holder(database: Database) -> None:
    await bound(database)
    (mine,) = await leased(database, 1_000, "me")
    (theirs,) = await leased(database, 70_000, "other")

    def plan(lease: PollLease) -> Callable[[Transaction], bool]:
        return lambda tx: polling.reschedule(tx, lease, next_poll_at=100_000)

    assert not await database.write(plan(mine))
    assert await database.write(plan(theirs))
    assert not await database.write(plan(theirs))
    (again,) = await leased(database, 100_000)
    assert again.polls == 1


async def test_a_job_that_ended_meanwhile_is_not_rescheduled(database: Database) -> None:
    job_id = await bound(database)
    (lease,) = await leased(database, 1_000)
    await database.write(lambda tx: jobs.end(tx, job_id, DONE, now=2_000))

    assert not await database.write(lambda tx: polling.reschedule(tx, lease, next_poll_at=3_000))
    assert await leased(database, 10**12) == []


async def test_concurrent_workers_lease_disjoint_polls(database: Database) -> None:
    ids = [await bound(database) for _ in range(40)]

    shares = await asyncio.gather(*(leased(database, 1_000, f"w{n}", 7) for n in range(12)))

    taken = [lease.job.id for share in shares for lease in share]
    assert sorted(taken) == sorted(set(taken))
    left = await leased(database, 1_000, "last", 100)
    assert sorted([*taken, *(lease.job.id for lease in left)]) == sorted(ids)


async def test_the_longest_due_polls_come_first(database: Database) -> None:
    late = await bound(database, next_poll_at=300)
    early = await bound(database, next_poll_at=100)
    middle = await bound(database, next_poll_at=200)

    order = [(await leased(database, 1_000, "me", 1))[0].job.id for _ in range(3)]

    assert order == [early, middle, late]


async def test_a_hint_makes_the_next_poll_due_now_and_never_later(database: Database) -> None:
    job_id = await bound(database, next_poll_at=50_000)
    unbound = await inserted(database)

    def hint(tx: Transaction) -> None:
        for one in (job_id, unbound):
            polling.poll_soon(tx, one, now=7_000)
            polling.poll_soon(tx, one, now=9_000)

    await database.write(hint)

    assert [lease.job.id for lease in await leased(database, 7_000)] == [job_id]
