import asyncio
from datetime import UTC, datetime, timedelta

from gateway.adapters.clock import SystemClock
from gateway.ports import Clock


def test_now_is_aware_and_in_utc() -> None:
    now = SystemClock().now()

    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


def test_monotonic_never_runs_backwards() -> None:
    clock: Clock = SystemClock()

    moments = [clock.monotonic() for _ in range(1000)]

    assert moments == sorted(moments)


async def test_sleep_waits_at_least_as_long_as_asked() -> None:
    clock = SystemClock()
    before = clock.monotonic()

    await clock.sleep(0.02)

    assert clock.monotonic() - before >= 0.019  # the loop's own clock is a little coarser


async def test_sleeping_for_nothing_or_less_only_lets_others_run() -> None:
    clock = SystemClock()
    ran: list[int] = []
    asyncio.get_running_loop().call_soon(ran.append, 1)

    await asyncio.wait_for(clock.sleep(-3600), timeout=20)

    assert ran == [1]
