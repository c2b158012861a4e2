"""A poll that says how long it would wait gets its answer when there is something new."""

import asyncio

import pytest

from gateway.api.public.prefer import Waits, wanted_wait
from gateway.sandbox import Sandbox
from tests.fakes.clock import FakeClock
from tests.harness import RunningGateway


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("respond-async", None),
        ("wait=30", 30),
        ("Wait = 5", 5),
        ('wait="7"', 7),
        ("respond-async, wait=10", 10),
        ("wait=100; foo", 60),
        ("wait=-1", None),
        ("wait=x", None),
        ("await=3", None),
    ],
)
def test_the_header_is_read_as_rfc_7240_has_it(header: str | None, seconds: int | None) -> None:
    assert wanted_wait(header) == seconds


def test_as_many_wait_as_may() -> None:
    waits = Waits(per_team=2, together=3)

    assert [waits.enter("a"), waits.enter("a"), waits.enter("a")] == [True, True, False]
    assert [waits.enter("b"), waits.enter("b")] == [True, False]
    waits.leave("a")
    assert waits.enter("b")


async def test_the_answer_comes_when_the_status_changes(
    gateway: RunningGateway, clock: FakeClock, sandbox: Sandbox
) -> None:
    job = await gateway.job()

    poll = asyncio.create_task(gateway.get(f"/videos/{job}", headers={"Prefer": "wait=60"}))

    async def answered() -> bool:
        return poll.done()

    await gateway.until(answered)
    answer = await poll
    assert answer.json["status"] in ("in_progress", "completed")
    assert answer.headers["Preference-Applied"] == "wait=60"


async def test_it_waits_no_longer_than_it_said(
    gateway: RunningGateway, clock: FakeClock, sandbox: Sandbox
) -> None:
    sandbox.faults.next("job", "hold")
    job = await gateway.job()

    async def begun() -> bool:
        return await gateway.status(job) == "in_progress"

    await gateway.until(begun)
    started = clock.monotonic()
    poll = asyncio.create_task(gateway.get(f"/videos/{job}", headers={"Prefer": "wait=3"}))

    async def answered() -> bool:
        return poll.done()

    await gateway.until(answered)

    assert (await poll).json["status"] == "in_progress"
    assert 3 <= clock.monotonic() - started < 10


async def test_a_job_that_is_done_is_answered_at_once(
    gateway: RunningGateway, clock: FakeClock
) -> None:
    job = await gateway.completed()
    before = clock.monotonic()

    answer = await gateway.get(f"/videos/{job}", headers={"Prefer": "wait=60"})

    assert answer.json["status"] == "completed"
    assert clock.monotonic() == before
