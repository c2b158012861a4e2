"""Jobs: each status is left once, each lease has one holder."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from gateway.domain.errors import StorageFailed
from gateway.domain.job import Cause, Job, JobId, Status
from gateway.ports import Database, Transaction
from gateway.store import jobs, polling
from gateway.store.jobs import Ending
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


async def test_an_announced_job_stays_announced(database: Database) -> None:
    job_id = await inserted(database)
    assert not (await found(database, job_id)).announced

    await database.write(lambda tx: jobs.announce(tx, job_id))

    assert (await found(database, job_id)).announced
