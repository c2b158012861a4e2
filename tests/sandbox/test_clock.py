"""Sandbox time: sped up, standing still, and moved by hand."""

import asyncio
from datetime import UTC, datetime

import pytest

from gateway.sandbox.clock import Movable, SandboxClock
from tests.fakes.clock import FakeClock


class Real:
    """True seconds, turned by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_seconds_pass_as_many_times_faster_as_told() -> None:
    real = Real()
    clock = SandboxClock(60, real)

    real.seconds += 2

    assert clock.monotonic() == 120


def test_the_moment_shown_is_the_true_one_whatever_the_speed() -> None:
    clock = SandboxClock(1_000_000)

    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5


async def test_a_clock_at_zero_speed_waits_to_be_moved() -> None:
    clock = SandboxClock(0)
    sleeping = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)

    await clock.advance(9)
    early = sleeping.done()
    await clock.advance(1)
    await sleeping

    assert not early
    assert clock.monotonic() == 10


async def test_a_sleep_is_as_short_as_the_speed_makes_it() -> None:
    clock = SandboxClock(1_000)

    async with asyncio.timeout(5):
        await clock.sleep(20)

    assert clock.monotonic() >= 20


async def test_sleeping_for_no_time_returns_at_once() -> None:
    await SandboxClock(0).sleep(0)
    await SandboxClock(0).sleep(-1)


async def test_time_only_moves_forward() -> None:
    with pytest.raises(ValueError, match="forward"):
        await SandboxClock(0).advance(-1)
    with pytest.raises(ValueError, match="negative"):
        SandboxClock(-1)


def test_the_tests_clock_can_be_moved_through_the_control_api_too() -> None:
    assert isinstance(FakeClock(), Movable)
