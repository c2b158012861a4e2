"""Open jobs are followed: when they are due, each by one, whatever goes wrong with another."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from gateway.domain.job import Job, JobId, JobUpdate, Status
from gateway.domain.upstream import Accepted, Missing, Unanswered
from gateway.ports import Database
from gateway.services.jobs.poll_schedule import PollSchedule
from gateway.services.links import Links
from gateway.store import jobs
from gateway.telemetry.bundle import Telemetry
from gateway.workers.poller import Poller
from tests.fakes.upstream import PolledUpstream
from tests.harness import until
from tests.services.books import Books, in_force

CENT = 10_000
UPSTREAM = {"base_url": "https://up.example/api/v1", "api_key": "sk-or-1234567890"}
POLL = {"first": "4s", "factor": "2", "max": "10s"}
HOUR = 3600
PENDING = JobUpdate(Status.PENDING)
DONE = JobUpdate(Status.COMPLETED, raw_cost="0.01", outputs=1)


@pytest.fixture
async def books(database: Database) -> Books:
    settings = {
        "upstreams": {"main": {**UPSTREAM, "poll": POLL}, "other": {**UPSTREAM, "poll": POLL}},
    }
    return Books(database, in_force(settings))


Start = Callable[..., Poller]


@pytest.fixture
async def start(books: Books) -> AsyncIterator[Start]:
    """Makes pollers, and ends what they have under way."""
    made: list[Poller] = []

    def begin(upstreams: Mapping[str, PolledUpstream]) -> Poller:
        links = Links(books.live, books.clock, b"k" * 32)
        poller = Poller(
            books.database,
            books.clock,
            random.Random(1),
            upstreams,
            books.live,
            PollSchedule(books.live, links),
            books.tracker,
            Telemetry(),
        )
        made.append(poller)
        return poller

    yield begin
    for poller in made:
        await poller.close()


async def taken(books: Books, upstream: str = "main") -> Job:
    """A job that its upstream has accepted; its first poll is due in four seconds."""
    job = (await books.submit("red", CENT)).job
    if upstream != "main":
        await books.database.write(
            lambda tx: tx.execute(
                "UPDATE jobs SET upstream = :name WHERE id = :id", name=upstream, id=job.id
            )
        )
        job = await books.find(job.id)
    return await books.tracker.accepted(job, 1, Accepted(f"up-{job.id}", Status.PENDING))


async def has_ended(books: Books, job_id: JobId) -> bool:
    return (await books.find(job_id)).status.terminal


async def idle(poller: Poller) -> None:
    """One look, and the end of everything that it began."""
    await poller.step()

    async def nothing_under_way() -> bool:
        return poller.under_way == 0

    await until(nothing_under_way)


async def test_a_job_is_asked_for_when_it_is_due_and_followed_to_its_end(
    books: Books, start: Start
) -> None:
    main = PolledUpstream("main", PENDING, JobUpdate(Status.IN_PROGRESS), DONE)
    poller = start({"main": main})
    job = await taken(books)

    await books.clock.advance(3.9)
    await idle(poller)
    assert main.polled == []
    await books.clock.advance(0.1)
    await idle(poller)
    assert main.polled == [f"up-{job.id}"]
    for _ in range(2):
        await books.clock.advance(11)
        await idle(poller)

    after = await books.find(job.id)
    assert (after.status, after.cost_micros) == (Status.COMPLETED, CENT)
    await books.clock.advance(1000)
    await idle(poller)
    assert len(main.polled) == 3


async def test_polls_grow_rarer_and_never_rarer_than_configured(books: Books, start: Start) -> None:
    main = PolledUpstream("main", PENDING)
    poller = start({"main": main})
    await taken(books)
    moments: list[float] = []

    while len(moments) < 5:
        await books.clock.advance(0.25)
        before = len(main.polled)
        await idle(poller)
        moments += [books.clock.monotonic()] * (len(main.polled) - before)

    waits = [b - a for a, b in zip([0.0, *moments], moments, strict=False)]
    assert waits[0] == 4.0
    for wait, delay in zip(waits[1:], [8.0, 10.0, 10.0, 10.0], strict=True):
        assert 0.9 * delay <= wait <= 1.1 * delay + 0.25


@pytest.mark.parametrize(
    "said",
    [Missing(), Unanswered("reset"), JobUpdate(None)],
    ids=["missing", "unanswered", "odd word"],
)
async def test_what_is_no_verdict_changes_nothing_and_is_asked_again(
    books: Books, start: Start, said: Missing | Unanswered | JobUpdate
) -> None:
    main = PolledUpstream("main", said, DONE)
    poller = start({"main": main})
    job = await taken(books)

    await books.clock.advance(4)
    await idle(poller)
    assert (await books.find(job.id)).version == job.version
    await books.clock.advance(10)
    await idle(poller)

    assert await has_ended(books, job.id)


async def test_an_upstream_that_hangs_delays_only_its_own_jobs(books: Books, start: Start) -> None:
    main, other = PolledUpstream("main", DONE), PolledUpstream("other", DONE)
    main.hanging = True
    poller = start({"main": main, "other": other})
    stuck = [await taken(books) for _ in range(60)]  # more than are asked for at once
    fine = [await taken(books, "other") for _ in range(5)]
    await books.clock.advance(4)

    async def fine_ended() -> bool:
        await poller.step()
        return all([await has_ended(books, job.id) for job in fine])

    await until(fine_ended)

    assert not await has_ended(books, stuck[0].id)
    assert main.under_way == main.most_at_once <= 50


async def test_every_due_job_is_asked_for_with_a_bound_on_how_many_at_once(
    books: Books, start: Start
) -> None:
    main = PolledUpstream("main", DONE)
    poller = start({"main": main})
    open_jobs = [await taken(books) for _ in range(70)]
    await books.clock.advance(4)

    async def all_ended() -> bool:
        await poller.step()
        return all([await has_ended(books, job.id) for job in open_jobs])

    await until(all_ended)

    assert len(main.polled) == len(set(main.polled)) == 70
    assert 1 < main.most_at_once <= 50


async def test_two_pollers_never_ask_for_one_job_at_once(books: Books, start: Start) -> None:
    main = PolledUpstream("main", PENDING)
    pollers = [start({"main": main}) for _ in range(2)]
    for _ in range(20):
        await taken(books)
    await books.clock.advance(4)

    await asyncio.gather(*(idle(poller) for poller in pollers))

    assert len(main.polled) == len(set(main.polled)) == 20


async def test_a_poller_that_died_holds_a_job_no_longer_than_its_lease(
    books: Books, start: Start
) -> None:
    dead, main = PolledUpstream("main"), PolledUpstream("main", DONE)
    dead.hanging = True
    job = await taken(books)
    await books.clock.advance(4)
    poller = start({"main": dead})
    await poller.step()

    survivor = start({"main": main})
    await books.clock.advance(59)
    await idle(survivor)
    assert main.polled == []
    await books.clock.advance(1)
    await idle(survivor)

    assert await has_ended(books, job.id)


async def test_what_goes_wrong_with_one_job_does_not_touch_the_others(
    books: Books, start: Start
) -> None:
    broken, fine = await taken(books), await taken(books)

    class Partly(PolledUpstream):
        async def poll(self, upstream_id: str) -> JobUpdate:
            if upstream_id == f"up-{broken.id}":
                raise RuntimeError("an adapter's mistake")
            return DONE

    poller = start({"main": Partly("main")})
    await books.clock.advance(4)
    await idle(poller)

    assert await has_ended(books, fine.id)
    assert not await has_ended(books, broken.id)


async def test_a_job_whose_upstream_is_not_there_waits_for_it_to_come_back(
    books: Books, start: Start
) -> None:
    job = await taken(books, "removed")
    main = PolledUpstream("main", DONE)
    await books.clock.advance(4)
    await idle(start({"main": main}))
    assert not await has_ended(books, job.id)

    back = PolledUpstream("removed", DONE)
    await books.clock.advance(61)
    await idle(start({"main": main, "removed": back}))

    assert await has_ended(books, job.id)
    assert back.polled == [f"up-{job.id}"]


async def test_closing_ends_what_is_under_way(books: Books, start: Start) -> None:
    main = PolledUpstream("main")
    main.hanging = True
    poller = start({"main": main})
    job = await taken(books)
    await books.clock.advance(4)
    await poller.step()
    assert await until(lambda: asyncio.sleep(0, main.under_way))

    await poller.close()

    assert main.under_way == 0
    rows = await books.database.read(lambda tx: jobs.find(tx, job.id))
    assert rows is not None
    assert rows.status is Status.PENDING


async def poll_for(books: Books, poller: Poller, hours: float) -> None:
    """Let polls come due for so long, a few in an hour."""
    for _ in range(int(hours * 4)):
        await books.clock.advance(HOUR / 4)
        await idle(poller)


async def test_a_job_that_its_upstream_has_forgotten_for_a_day_fails_as_lost(
    books: Books, start: Start
) -> None:
    poller = start({"main": PolledUpstream("main", Missing())})
    job = await taken(books)

    await poll_for(books, poller, 24)
    assert not await has_ended(books, job.id)
    await poll_for(books, poller, 1)

    after = await books.find(job.id)
    assert (after.status, after.cause) == (Status.FAILED, "lost")
    assert after.cost_micros == CENT  # the estimate, as where no verdict ever came
    assert await books.types() == ["video.generation.failed"]
    assert await books.broken() == []


@pytest.mark.parametrize("between", [PENDING, JobUpdate(Status.IN_PROGRESS)], ids=["same", "step"])
async def test_an_upstream_that_knows_the_job_again_starts_the_day_anew(
    books: Books, start: Start, between: JobUpdate
) -> None:
    main = PolledUpstream("main", *[Missing()] * 80, between, Missing())
    poller = start({"main": main})
    job = await taken(books)

    await poll_for(books, poller, 40)
    assert not await has_ended(books, job.id)
    await poll_for(books, poller, 6)

    assert await has_ended(books, job.id)


async def test_an_upstream_that_does_not_answer_loses_no_job(books: Books, start: Start) -> None:
    poller = start({"main": PolledUpstream("main", Unanswered("status 502"))})
    job = await taken(books)

    await poll_for(books, poller, 50)

    assert not await has_ended(books, job.id)
