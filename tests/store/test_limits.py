"""Counts of submits and of open jobs."""

from gateway.domain.job import Cause, Status
from gateway.ports import Database, Transaction
from gateway.store import jobs, limits
from gateway.store.jobs import Ending
from tests.store.rows import bound, inserted


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
