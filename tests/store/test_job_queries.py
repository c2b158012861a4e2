"""Lists of jobs for operators."""

from gateway.domain.job import Cause, Status
from gateway.ports import Database
from gateway.store import job_queries, jobs
from gateway.store.job_queries import JobFilter
from gateway.store.jobs import Ending
from tests.store.rows import bound, inserted


async def test_jobs_are_listed_newest_first_and_filtered(database: Database) -> None:
    old = await bound(database, created_at=1)
    new = await inserted(database, created_at=2, team="rivals")
    await database.write(lambda tx: jobs.end(tx, old, Ending(Status.FAILED, Cause.UPSTREAM), now=3))

    async def ids(wanted: JobFilter) -> list[str]:
        found = await database.read(lambda tx: job_queries.page(tx, wanted, 10))
        return [job.id for job in found]

    assert await ids(JobFilter()) == [new, old]
    assert await ids(JobFilter(team="rivals")) == [new]
    assert await ids(JobFilter(status=Status.FAILED)) == [old]


async def test_a_record_has_what_only_operators_see(database: Database) -> None:
    job = await bound(database, next_poll_at=7, dedupe="bypass")

    record = await database.read(lambda tx: job_queries.record(tx, job))

    assert record is not None
    assert (record["dedupe"], record["next_poll_at"], record["polls"]) == ("bypass", 7, 0)
    assert await database.read(lambda tx: job_queries.record(tx, "gen-vid-1-none")) is None
