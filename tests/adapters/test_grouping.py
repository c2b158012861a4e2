"""The line in front of a database's lanes, with lanes that are plain names."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from gateway.adapters.grouping import Act, ActResult, Group
from gateway.domain.errors import StorageFailed


class Desk:
    """Runs groups, each when `open` is set; remembers what it was given."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.groups: list[tuple[str, list[Act]]] = []
        self.error: BaseException | None = None

    async def run(self, lane: str, acts: Sequence[Act]) -> list[ActResult]:
        self.groups.append((lane, list(acts)))
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return [ActResult(act) for act in acts]


def act(number: int) -> Act:
    def numbered(tx: Any) -> int:
        return number

    return numbered


def group(desk: Desk, *lanes: str, size: int = 10, wait_limit: float = 60.0) -> Group[str]:
    return Group(lanes or ("only",), desk.run, size=size, wait_limit=wait_limit)


async def test_acts_that_come_while_others_run_go_together() -> None:
    desk = Desk()
    line = group(desk)
    desk.open.clear()
    first = line.submit(act(0))
    await asyncio.sleep(0)
    rest = [line.submit(act(number)) for number in range(1, 8)]
    desk.open.set()

    await asyncio.gather(first, *rest)

    assert [len(acts) for _, acts in desk.groups] == [1, 7]


async def test_a_group_has_a_largest_size_and_keeps_the_order() -> None:
    desk = Desk()
    line = group(desk, size=4)
    acts = [act(number) for number in range(10)]

    results = await asyncio.gather(*(line.submit(one) for one in acts))

    assert [len(some) for _, some in desk.groups] == [4, 4, 2]
    assert results == acts


async def test_a_second_lane_works_while_the_first_is_busy() -> None:
    desk = Desk()
    line = group(desk, "left", "right")
    desk.open.clear()

    first = line.submit(act(0))
    await asyncio.sleep(0)
    second = line.submit(act(1))
    await asyncio.sleep(0)

    assert {lane for lane, _ in desk.groups} == {"left", "right"}
    desk.open.set()
    await asyncio.gather(first, second)


async def test_a_group_that_fails_fails_each_caller_with_an_error_of_its_own() -> None:
    desk = Desk()
    desk.error = StorageFailed("disk full")
    desk.error.__cause__ = OSError(28)
    line = group(desk)

    errors = await asyncio.gather(
        *(line.submit(act(number)) for number in range(3)), return_exceptions=True
    )

    assert [str(error) for error in errors] == ["disk full"] * 3
    assert len({id(error) for error in errors}) == 3
    assert all(isinstance(one, StorageFailed) and one.__cause__ for one in errors)


async def test_the_line_goes_on_after_a_group_that_failed() -> None:
    desk = Desk()
    line = group(desk)
    desk.error = StorageFailed("disk full")
    with pytest.raises(StorageFailed):
        await line.submit(act(0))
    desk.error = None
    fine = act(1)

    assert await line.submit(fine) is fine


async def test_a_bug_in_a_lane_denies_its_callers_and_stops_nobody_else() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    desk = Desk()
    desk.error = ZeroDivisionError("a bug")
    line = group(desk, size=1)
    broken, waiting = line.submit(act(0)), line.submit(act(1))

    with pytest.raises(StorageFailed, match="not known"):
        await broken
    desk.error = None

    assert await waiting is not None
    assert isinstance(told[0]["exception"], ZeroDivisionError)


async def test_an_act_that_waited_too_long_is_not_run() -> None:
    desk = Desk()
    line = group(desk, wait_limit=0.01)
    desk.open.clear()
    first = line.submit(act(0))
    await asyncio.sleep(0)
    late = line.submit(act(1))
    await asyncio.sleep(0.05)
    desk.open.set()
    await first

    with pytest.raises(StorageFailed, match="busy too long"):
        await late

    assert len(desk.groups) == 1


async def test_drain_waits_for_all_that_was_submitted() -> None:
    desk = Desk()
    line = group(desk, size=2)
    futures = [line.submit(act(number)) for number in range(9)]

    await line.drain()

    assert all(future.done() for future in futures)


async def test_callers_are_told_when_the_loop_ends_under_them() -> None:
    desk = Desk()
    line = group(desk, size=1)
    desk.open.clear()
    running, waiting = line.submit(act(0)), line.submit(act(1))
    await asyncio.sleep(0)
    tasks = asyncio.all_tasks() - {asyncio.current_task()}

    for task in tasks:
        task.cancel()

    with pytest.raises(StorageFailed, match="not known"):
        await running
    with pytest.raises(StorageFailed, match="stopping"):
        await waiting
