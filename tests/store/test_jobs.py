"""Jobs: each status is left once, each lease has one holder."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from gateway.domain.errors import StorageFailed
from gateway.domain.job import Cause, Job, JobId, Status
from gateway.ports import Database, Transaction
from gateway.store import attempts, job_content, jobs, polling, recovery
from gateway.store.jobs import Ending
from gateway.store.polling import PollLease
from tests.store.rows import bound, inserted, new_job

DONE = Ending(
    Status.COMPLETED,
    Cause.UPSTREAM,
    cost_micros=70_000,
    raw_cost="0.07",
    is_byok=False,
    outputs=2,
    copy_expires_at=1_800_000_000,
)
REFUSED = Ending(Status.FAILED, Cause.REFUSED, error="no")


async def found(database: Database, job_id: str) -> Job:
    job = await database.read(lambda tx: jobs.find(tx, job_id))
    assert job is not None
    return job


async def leased(
    database: Database, now: int, token: str = "me", limit: int = 10
) -> list[PollLease]:
    return await database.write(
        lambda tx: polling.lease_polls(tx, now=now, until=now + 60_000, token=token, limit=limit)
    )


async def test_a_job_is_read_as_it_was_inserted(database: Database) -> None:
    job_id = await inserted(database, zdr=True, retain=False, traceparent="00-a-b-01")

    job = await found(database, job_id)

    assert (job.status, job.version, job.upstream_id) == (Status.SUBMITTING, 1, None)
    assert (job.team, job.key, job.model) == ("growth", "ci", "x/one")
    assert (job.zdr, job.retain, job.traceparent) == (True, False, "00-a-b-01")
    assert (job.cost_micros, job.is_byok, job.ended_at, job.cause) == (None,) * 4
    assert await database.read(lambda tx: jobs.find(tx, "nobody")) is None


async def test_two_jobs_never_share_an_id_or_a_token(database: Database) -> None:
    first = new_job()
    await database.write(lambda tx: jobs.insert(tx, first))

    for twin in (new_job(id=first.id), new_job(token_hash=first.token_hash)):
        with pytest.raises(StorageFailed):
            await database.write(partial(jobs.insert, job=twin))


async def test_a_job_is_found_by_its_token_and_its_upstream_id(database: Database) -> None:
    job_id = await inserted(database, token_hash="the-token")
    await database.write(lambda tx: jobs.bind(tx, job_id, "up-1", next_poll_at=0))

    def look(tx: Transaction) -> list[Job | None]:
        return [
            jobs.find_by_token(tx, "the-token"),
            jobs.find_by_upstream_id(tx, "main", "up-1"),
            jobs.find_by_token(tx, "another"),
            jobs.find_by_upstream_id(tx, "other", "up-1"),
        ]

    by_token, by_id, *others = await database.read(look)
    assert by_token == by_id == await found(database, job_id)
    assert others == [None, None]


async def test_an_upstream_id_belongs_to_one_job(database: Database) -> None:
    await bound(database)
    one = await inserted(database)
    await database.write(lambda tx: jobs.bind(tx, one, "shared", next_poll_at=0))
    two = await inserted(database)

    assert await database.write(lambda tx: jobs.bind(tx, two, "shared", next_poll_at=0)) is None
    assert (await found(database, two)).status is Status.SUBMITTING
    elsewhere = await inserted(database, upstream="other")
    assert await database.write(lambda tx: jobs.bind(tx, elsewhere, "shared", next_poll_at=0))


STEPS: dict[str, Callable[[Transaction, JobId], bool]] = {
    "bind": lambda tx, job_id: jobs.bind(tx, job_id, f"up-{job_id}", next_poll_at=5) is not None,
    "lose": lambda tx, job_id: jobs.lose(tx, job_id, now=2_000),
    "pending": lambda tx, job_id: jobs.progress(tx, job_id, Status.PENDING),
    "in_progress": lambda tx, job_id: jobs.progress(tx, job_id, Status.IN_PROGRESS),
    "end": lambda tx, job_id: jobs.end(tx, job_id, DONE, now=3_000),
}


LIVES: list[tuple[list[str], set[str]]] = [
    ([], {"bind", "lose", "end"}),
    (["lose"], {"bind", "end"}),
    (["bind"], {"in_progress", "end"}),
    (["lose", "bind"], {"in_progress", "end"}),
    (["bind", "in_progress"], {"pending", "end"}),
    (["bind", "in_progress", "pending"], {"in_progress", "end"}),
    (["end"], set()),
    (["bind", "end"], set()),
]
"""Steps a job has taken, and the steps that are still allowed."""


def taking(step: str, job_id: JobId) -> Callable[[Transaction], bool]:
    return lambda tx: STEPS[step](tx, job_id)


async def test_only_allowed_status_changes_succeed(database: Database) -> None:
    """Every successful step increments the version by one; a refused step does not."""
    for before, takes in LIVES:
        for step in STEPS:
            job_id = await inserted(database)
            for earlier in before:
                assert await database.write(taking(earlier, job_id))
            was = await found(database, job_id)

            taken = await database.write(taking(step, job_id))

            now = await found(database, job_id)
            assert taken == (step in takes), (before, step)
            assert now.version == was.version + (1 if taken else 0)


async def test_an_end_is_written_completely_and_once(database: Database) -> None:
    job_id = await bound(database)

    assert await database.write(lambda tx: jobs.end(tx, job_id, DONE, now=9_000))
    assert not await database.write(lambda tx: jobs.end(tx, job_id, REFUSED, now=9_001))

    job = await found(database, job_id)
    assert (job.status, job.cause, job.error, job.ended_at) == (
        Status.COMPLETED,
        Cause.UPSTREAM,
        None,
        9_000,
    )
    assert (job.cost_micros, job.raw_cost, job.is_byok) == (70_000, "0.07", False)
    assert (job.outputs, job.copy_expires_at) == (2, 1_800_000_000)
    assert not await database.read(lambda tx: polling.poll_due(tx, now=10**12))


async def test_a_hundred_concurrent_ends_write_one(database: Database) -> None:
    job_id = await bound(database)

    wrote = await asyncio.gather(
        *(database.write(lambda tx: jobs.end(tx, job_id, DONE, now=9_000)) for _ in range(100))
    )

    assert sum(wrote) == 1
    assert (await found(database, job_id)).version == 3


async def test_a_later_cost_is_recorded_only_for_the_version_that_was_read(
    database: Database,
) -> None:
    job_id = await bound(database)
    await database.write(lambda tx: jobs.end(tx, job_id, DONE, now=9_000))
    seen = await found(database, job_id)

    def revise(tx: Transaction) -> bool:
        return jobs.revise(tx, seen, 90_000, "0.09", is_byok=None)

    assert await database.write(revise)
    assert not await database.write(revise)
    job = await found(database, job_id)
    assert (job.cost_micros, job.raw_cost, job.is_byok) == (90_000, "0.09", None)


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


async def test_a_submitting_job_is_an_orphan_after_its_lease_expires(
    database: Database,
) -> None:
    job_id = await inserted(database, lease_until=60_000)
    await bound(database, lease_until=1)

    async def orphans(now: int) -> list[JobId]:
        return await database.read(lambda tx: recovery.orphans(tx, now=now))

    assert await orphans(59_999) == []
    assert await orphans(60_000) == [job_id]
    await database.write(lambda tx: recovery.void_leases(tx, now=10_000))
    assert await orphans(10_000) == [job_id]
    await database.write(lambda tx: jobs.lose(tx, job_id, now=10_000))
    assert await orphans(10**12) == []


async def test_jobs_that_are_unknown_for_too_long_are_found_by_upstream(database: Database) -> None:
    mine = await inserted(database)
    others = await inserted(database, upstream="other")
    for job_id, now in ((mine, 5_000), (others, 1_000)):
        await database.write(partial(jobs.lose, job_id=job_id, now=now))

    async def unresolved(upstream: str, since: int) -> list[JobId]:
        rows = await database.read(lambda tx: recovery.unresolved(tx, upstream, since=since))
        return [job.id for job in rows]

    assert await unresolved("main", 4_999) == []
    assert await unresolved("main", 5_000) == [mine]
    assert await unresolved("other", 5_000) == [others]


async def test_every_attempt_is_recorded_with_its_outcome(database: Database) -> None:
    job = await found(database, await inserted(database))

    def act(tx: Transaction) -> None:
        attempts.finish(tx, job, 1, "refused", "429")
        attempts.start(tx, job.id, 2, now=20)

    await database.write(act)
    rows = await database.read(lambda tx: [dict(row) for row in attempts.of_job(tx, job)])

    assert [(r["attempt"], r["started_at"], r["outcome"], r["detail"]) for r in rows] == [
        (1, job.created_at, "refused", "429"),
        (2, 20, None, None),
    ]
    with pytest.raises(StorageFailed):
        await database.write(lambda tx: attempts.start(tx, job.id, 2, now=30))


async def test_a_first_attempt_needs_no_row_until_it_is_not_accepted(database: Database) -> None:
    one = await found(database, await inserted(database))
    other = await found(database, await bound(database))

    def outcomes(tx: Transaction) -> list[object]:
        return [row["outcome"] for job in (one, other) for row in attempts.of_job(tx, job)]

    assert await database.read(outcomes) == [None, "accepted"]
    await database.write(lambda tx: attempts.finish(tx, one, 1, "unknown", "no answer"))
    assert await database.read(outcomes) == ["unknown", "accepted"]


async def test_an_inserted_job_is_returned_as_it_is_stored(database: Database) -> None:
    job = await database.write(lambda tx: jobs.insert(tx, new_job(zdr=True, traceparent="00-a")))

    assert job == await found(database, job.id)


async def test_a_bound_job_is_returned_as_it_is_stored(database: Database) -> None:
    job_id = await inserted(database)

    job = await database.write(
        lambda tx: jobs.bind(tx, job_id, "up", next_poll_at=9, status=Status.IN_PROGRESS)
    )

    assert job == await found(database, job_id)
    assert job.status is Status.IN_PROGRESS


async def test_content_is_lost_once(database: Database) -> None:
    job_id = await bound(database)

    assert await database.write(lambda tx: job_content.lose(tx, job_id))
    assert not await database.write(lambda tx: job_content.lose(tx, job_id))
    assert (await found(database, job_id)).content_gone


async def test_an_announced_job_stays_announced(database: Database) -> None:
    job_id = await inserted(database)
    assert not (await found(database, job_id)).announced

    await database.write(lambda tx: jobs.announce(tx, job_id))

    assert (await found(database, job_id)).announced
