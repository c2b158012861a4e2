"""The job cache: answers without the database, and never returns an older state than it stored."""

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.errors import StorageFailed
from gateway.domain.job import Cause, Job, Status
from gateway.ports import Database
from gateway.services.job_cache import JobCache
from gateway.store import jobs
from gateway.store.jobs import Ending
from tests.fakes.clock import FakeClock
from tests.fakes.database import Outage
from tests.store.rows import bound


async def row(database: Database, job_id: str) -> Job:
    job = await database.read(lambda tx: jobs.find(tx, job_id))
    assert job is not None
    return job


async def end(database: Database, job_id: str) -> None:
    ending = Ending(Status.COMPLETED, Cause.UPSTREAM)
    await database.write(lambda tx: jobs.end(tx, job_id, ending, now=1))


async def test_a_team_gets_only_its_own_jobs_and_none_means_any_team(
    database: Database,
) -> None:
    job_cache = JobCache(database, FakeClock(), max_age=None)
    job_id = await bound(database)

    mine, all_teams = await job_cache.get(job_id, "growth"), await job_cache.get(job_id, None)

    assert mine == all_teams == await row(database, job_id)
    assert await job_cache.get(job_id, "rivals") is None
    assert await job_cache.get("nobody", "growth") is None
    assert await job_cache.get("nobody", None) is None


async def test_the_only_writer_reads_a_job_once(database: Database) -> None:
    outage = Outage()
    job_cache = JobCache(outage.around(database), FakeClock(), max_age=None)
    job_id = await bound(database)
    seen = await job_cache.get(job_id, "growth")

    outage.down = True

    assert await job_cache.get(job_id, "growth") == seen


async def test_with_other_writers_an_expired_job_is_read_again(
    database: Database,
) -> None:
    clock = FakeClock()
    job_cache = JobCache(database, clock, max_age=0.8)
    job_id = await bound(database)
    await job_cache.get(job_id, "growth")
    await end(database, job_id)

    async def status() -> Status:
        job = await job_cache.get(job_id, "growth")
        assert job is not None
        return job.status

    await clock.advance(0.5)
    assert await status() is Status.PENDING
    await clock.advance(0.5)
    assert await status() is Status.COMPLETED


async def test_a_terminal_job_never_expires(database: Database) -> None:
    clock, outage = FakeClock(), Outage()
    job_cache = JobCache(outage.around(database), clock, max_age=0.8)
    job_id = await bound(database)
    await end(database, job_id)
    seen = await job_cache.get(job_id, "growth")

    outage.down = True
    await clock.advance(10_000)

    assert await job_cache.get(job_id, "growth") == seen


async def test_the_cached_state_is_returned_without_the_database(database: Database) -> None:
    clock, outage = FakeClock(), Outage()
    job_cache = JobCache(outage.around(database), clock, max_age=0.8)
    job_id = await bound(database)
    seen = await job_cache.get(job_id, "growth")

    outage.down = True
    await clock.advance(60)

    assert await job_cache.get(job_id, "growth") == seen
    with pytest.raises(StorageFailed):
        await job_cache.get("gen-vid-1-never-seen", "growth")


async def test_a_stuck_database_delays_a_cached_job_only_briefly(
    database: Database,
) -> None:
    clock, outage = FakeClock(), Outage()
    job_cache = JobCache(outage.around(database), clock, max_age=0.8, patience=0.02)
    job_id = await bound(database)
    seen = await job_cache.get(job_id, "growth")

    outage.stick()
    await clock.advance(60)

    assert await job_cache.get(job_id, "growth") == seen
    unknown = asyncio.create_task(job_cache.get("gen-vid-1-never-seen", "growth"))
    await asyncio.wait([unknown], timeout=0.1)
    assert not unknown.done(), "a poll of an uncached job waits instead of failing"
    outage.release()
    assert await unknown is None


async def test_an_older_version_never_replaces_a_newer_one(database: Database) -> None:
    job_cache = JobCache(database, FakeClock(), max_age=None)
    job = await row(database, await bound(database))
    newer = replace(job, version=job.version + 1, status=Status.IN_PROGRESS)

    job_cache.put(newer)
    job_cache.put(job)

    assert await job_cache.get(job.id, "growth") == newer


async def test_the_cache_is_bounded_and_dropped_jobs_are_read_again(
    database: Database,
) -> None:
    outage = Outage()
    job_cache = JobCache(outage.around(database), FakeClock(), max_age=None, capacity=2)
    ids = [await bound(database) for _ in range(3)]
    for job_id in (*ids[:2], ids[0], ids[2]):
        await job_cache.get(job_id, None)

    outage.down = True

    assert await job_cache.get(ids[0], None) is not None  # used recently, so it is kept
    with pytest.raises(StorageFailed):
        await job_cache.get(ids[1], None)
    outage.down = False
    assert await job_cache.get(ids[1], None) is not None
