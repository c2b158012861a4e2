"""Background tasks: owned, reported, and ended with the process."""

import asyncio

import pytest

from gateway.services.tasks import Tasks
from tests.fakes.clock import settle


@pytest.fixture
def failures() -> list[tuple[str, BaseException]]:
    return []


@pytest.fixture
def tasks(failures: list[tuple[str, BaseException]]) -> Tasks:
    return Tasks(lambda name, error: failures.append((name, error)))


async def test_running_tasks_are_counted(tasks: Tasks) -> None:
    over = asyncio.Event()
    tasks.spawn(over.wait(), "waits")
    assert len(tasks) == 1

    over.set()
    await settle()

    assert len(tasks) == 0


async def test_a_failure_is_reported_by_name_and_affects_no_other_task(
    tasks: Tasks, failures: list[tuple[str, BaseException]]
) -> None:
    async def fail() -> None:
        raise ValueError("no")

    over = asyncio.Event()
    other = tasks.spawn(over.wait(), "other")
    tasks.spawn(fail(), "fails")
    await settle()

    assert [(name, type(error)) for name, error in failures] == [("fails", ValueError)]
    assert not other.done()
    over.set()
    await tasks.drain(1)


async def test_a_drain_waits_for_tasks_and_cancels_late_ones(
    tasks: Tasks, failures: list[tuple[str, BaseException]]
) -> None:
    ended: list[str] = []

    async def quick() -> None:
        await asyncio.sleep(0.01)
        ended.append("quick")

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("endless")

    tasks.spawn(quick(), "quick")
    tasks.spawn(endless(), "endless")

    assert await tasks.drain(0.1) == 1
    assert ended == ["quick", "endless"]
    assert failures == []
    assert await tasks.drain(0) == 0


async def test_a_drain_waits_for_tasks_started_meanwhile(tasks: Tasks) -> None:
    """A drain does not cancel tasks that end within its time."""
    ended: list[str] = []

    async def last() -> None:
        await asyncio.sleep(0.02)
        ended.append("last")

    async def first() -> None:
        await asyncio.sleep(0.01)
        tasks.spawn(last(), "last")

    tasks.spawn(first(), "first")

    assert await tasks.drain(5) == 0
    assert ended == ["last"]
