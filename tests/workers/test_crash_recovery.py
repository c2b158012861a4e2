"""What nobody else ends is ended: whoever's it was, and whatever is wrong with its neighbour."""

from datetime import timedelta

import pytest

from gateway.config.live import Live
from gateway.domain.job import Cause, Job, JobId, Status
from gateway.ports import Database
from gateway.services.job_cache import JobCache
from gateway.services.jobs.track import Tracker
from gateway.telemetry.bundle import Telemetry
from gateway.workers.crash_recovery import CrashRecovery
from tests.services.books import Books, in_force

CENT = 10_000
MINUTE = 60.0


@pytest.fixture
async def books(database: Database) -> Books:
    return Books(database, in_force({"budgets": [{"period": "day", "limit_usd": 10}]}))


def recovery(books: Books, live: Live | None = None) -> CrashRecovery:
    return CrashRecovery(
        books.database, books.clock, live or books.live, books.tracker, Telemetry()
    )


async def test_a_job_whose_sender_is_gone_becomes_unknown_and_is_settled_in_the_end(
    books: Books,
) -> None:
    job = (await books.submit("red", CENT)).job
    sweep = recovery(books).step

    await books.clock.advance(89)
    await sweep()
    assert (await books.find(job.id)).status is Status.SUBMITTING
    await books.clock.advance(1)
    await sweep()
    assert (await books.find(job.id)).status is Status.UNKNOWN
    await books.clock.advance(15 * MINUTE - 1)
    await sweep()
    assert (await books.find(job.id)).status is Status.UNKNOWN
    await books.clock.advance(1)
    await sweep()

    after = await books.find(job.id)
    assert (after.status, after.cause, after.cost_micros) == (Status.FAILED, Cause.ASSUMED, CENT)
    assert await books.broken() == []


async def test_a_job_is_given_up_also_where_its_upstream_left_the_configuration(
    books: Books,
) -> None:
    """Its money would be held, and one of its team's places be taken, for good."""
    job = (await books.submit("red", CENT)).job
    await books.lose(job)
    other = {"base_url": "https://other.example/api/v1", "api_key": "sk-or-1234567890"}
    reloaded = in_force({"upstreams": {"other": other}, "routing": [{"to": "other"}]})
    await books.clock.advance(15 * MINUTE)

    await recovery(books, reloaded).step()

    assert (await books.find(job.id)).status is Status.FAILED
    assert await books.broken() == []


async def test_each_upstream_has_its_own_patience(books: Books, database: Database) -> None:
    hasty = {
        "base_url": "https://up.example/api/v1",
        "api_key": "sk-or-1234567890",
        "unknown_ttl": "1m",
    }
    job = (await books.submit("red", CENT)).job
    await books.lose(job)
    await books.clock.advance(timedelta(minutes=1).total_seconds())

    await recovery(books, in_force({"upstreams": {"main": hasty}})).step()

    assert (await books.find(job.id)).status is Status.FAILED


class Failing(Tracker):
    """Can't end one job."""

    stuck: JobId | None = None

    async def assumed(self, job_id: JobId) -> Job:
        if job_id == self.stuck:
            raise ValueError("whatever it is")
        return await super().assumed(job_id)


async def test_one_job_that_can_t_be_ended_keeps_no_other_open(books: Books) -> None:
    first, second = [(await books.submit("red", CENT)).job for _ in range(2)]
    cache = JobCache(books.database, books.clock, max_age=None)
    tracker = Failing(books.database, books.clock, cache, books.live, books.publisher, Telemetry())
    tracker.stuck = first.id
    await books.lose(first)
    await books.lose(second)
    await books.clock.advance(15 * MINUTE)

    await CrashRecovery(books.database, books.clock, books.live, tracker, Telemetry()).step()

    assert (await books.find(first.id)).status is Status.UNKNOWN
    assert (await books.find(second.id)).status is Status.FAILED
