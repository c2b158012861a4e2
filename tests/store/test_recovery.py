"""Jobs that a crash or a lost answer left undecided."""

from functools import partial

from gateway.domain.job import JobId
from gateway.ports import Database
from gateway.store import jobs, recovery
from tests.store.rows import bound, inserted


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
