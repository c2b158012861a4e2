"""Tests of the sandbox's clock: faster, stopped and advanced."""

import asyncio
from datetime import UTC, datetime

import pytest

from gateway.sandbox.clock import AdvanceableClock, SandboxClock
from tests.fakes.clock import FakeClock


class ManualTime:
    """Monotonic seconds that a test sets."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


def test_seconds_pass_at_the_given_speed() -> None:
    real = ManualTime()
    clock = SandboxClock(60, real)

    real.seconds += 2

    assert clock.monotonic() == 120


def test_now_is_the_real_time_at_any_speed() -> None:
    clock = SandboxClock(1_000_000)

    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5


async def test_a_clock_at_zero_speed_moves_only_by_advance() -> None:
    clock = SandboxClock(0)
    sleeping = asyncio.create_task(clock.sleep(10))
    await asyncio.sleep(0)

    await clock.advance(9)
    early = sleeping.done()
    await clock.advance(1)
    await sleeping

    assert not early
    assert clock.monotonic() == 10


async def test_a_sleep_is_shorter_at_a_higher_speed() -> None:
    clock = SandboxClock(1_000)

    async with asyncio.timeout(5):
        await clock.sleep(20)

    assert clock.monotonic() >= 20


async def test_sleeping_for_no_time_returns_at_once() -> None:
    await SandboxClock(0).sleep(0)
    await SandboxClock(0).sleep(-1)


async def test_negative_seconds_and_speeds_are_rejected() -> None:
    with pytest.raises(ValueError, match="seconds must not be negative"):
        await SandboxClock(0).advance(-1)
    with pytest.raises(ValueError, match="speed must not be negative"):
        SandboxClock(-1)


def test_the_fake_clock_can_be_advanced() -> None:
    assert isinstance(FakeClock(), AdvanceableClock)
