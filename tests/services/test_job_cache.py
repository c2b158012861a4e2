"""What a process knows of jobs: enough to answer without the database, and never behind itself."""

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


async def test_a_team_sees_its_own_jobs_and_whoever_may_see_all_sees_them(
    database: Database,
) -> None:
    views = JobCache(database, FakeClock(), max_age=None)
    job_id = await bound(database)

    mine, all_teams = await views.get(job_id, "growth"), await views.get(job_id, None)

    assert mine == all_teams == await row(database, job_id)
    assert await views.get(job_id, "rivals") is None
    assert await views.get("nobody", "growth") is None
    assert await views.get("nobody", None) is None


async def test_the_only_writer_never_asks_twice(database: Database) -> None:
    outage = Outage()
    views = JobCache(outage.around(database), FakeClock(), max_age=None)
    job_id = await bound(database)
    seen = await views.get(job_id, "growth")

    outage.down = True

    assert await views.get(job_id, "growth") == seen


async def test_one_writer_among_others_looks_again_when_what_it_knows_is_old(
    database: Database,
) -> None:
    clock = FakeClock()
    views = JobCache(database, clock, max_age=0.8)
    job_id = await bound(database)
    await views.get(job_id, "growth")
    await end(database, job_id)

    async def status() -> Status:
        job = await views.get(job_id, "growth")
        assert job is not None
        return job.status

    await clock.advance(0.5)
    assert await status() is Status.PENDING
    await clock.advance(0.5)
    assert await status() is Status.COMPLETED


async def test_what_is_terminal_is_known_for_ever(database: Database) -> None:
    clock, outage = FakeClock(), Outage()
    views = JobCache(outage.around(database), clock, max_age=0.8)
    job_id = await bound(database)
    await end(database, job_id)
    seen = await views.get(job_id, "growth")

    outage.down = True
    await clock.advance(10_000)

    assert await views.get(job_id, "growth") == seen


async def test_the_last_known_state_is_better_than_none(database: Database) -> None:
    clock, outage = FakeClock(), Outage()
    views = JobCache(outage.around(database), clock, max_age=0.8)
    job_id = await bound(database)
    seen = await views.get(job_id, "growth")

    outage.down = True
    await clock.advance(60)

    assert await views.get(job_id, "growth") == seen
    with pytest.raises(StorageFailed):
        await views.get("gen-vid-1-never-seen", "growth")


async def test_a_database_that_does_not_answer_keeps_nobody_waiting_for_what_is_known(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.services.job_cache._PATIENCE", 0.02)
    clock, outage = FakeClock(), Outage()
    views = JobCache(outage.around(database), clock, max_age=0.8)
    job_id = await bound(database)
    seen = await views.get(job_id, "growth")

    outage.stick()
    await clock.advance(60)

    assert await views.get(job_id, "growth") == seen
    unknown = asyncio.create_task(views.get("gen-vid-1-never-seen", "growth"))
    await asyncio.wait([unknown], timeout=0.1)
    assert not unknown.done(), "a poll that can't be answered yet is not refused"
    outage.release()
    assert await unknown is None


async def test_an_older_version_never_replaces_a_newer(database: Database) -> None:
    views = JobCache(database, FakeClock(), max_age=None)
    job = await row(database, await bound(database))
    newer = replace(job, version=job.version + 1, status=Status.IN_PROGRESS)

    views.put(newer)
    views.put(job)

    assert await views.get(job.id, "growth") == newer


async def test_memory_is_bounded_and_what_was_dropped_is_read_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.services.job_cache._CAPACITY", 2)
    outage = Outage()
    views = JobCache(outage.around(database), FakeClock(), max_age=None)
    ids = [await bound(database) for _ in range(3)]
    for job_id in (*ids[:2], ids[0], ids[2]):
        await views.get(job_id, None)

    outage.down = True

    assert await views.get(ids[0], None) is not None  # asked for since, so it stayed
    with pytest.raises(StorageFailed):
        await views.get(ids[1], None)
    outage.down = False
    assert await views.get(ids[1], None) is not None
