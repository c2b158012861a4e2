"""The evictor's rounds: uses first, then removals; tidying at the start and each hour."""

import asyncio
from typing import cast

import pytest

from gateway.domain.content import BlobFailed
from gateway.services.content.evict import GRACE, Evictor
from gateway.telemetry.bundle import Telemetry
from gateway.workers.evictor import EvictionRound, eviction_loops
from tests.fakes.clock import FakeClock


class FakeEvictor:
    """Writes down what it is asked to do."""

    def __init__(self, *, store_fails: bool = False) -> None:
        self.done: list[str] = []
        self._store_fails = store_fails

    async def write_uses(self) -> None:
        self.done.append("uses")

    async def announce(self) -> None:
        self.done.append("announce")

    async def carry_out(self) -> None:
        self.done.append("carry out")

    async def tidy(self) -> None:
        self.done.append("tidy")
        if self._store_fails:
            raise BlobFailed("io", "the store is away")


async def test_the_first_round_tidies_and_then_one_an_hour() -> None:
    clock, evictor = FakeClock(), FakeEvictor()
    rounds = EvictionRound(cast("Evictor", evictor), clock, Telemetry())

    await rounds.step()
    assert evictor.done == ["uses", "announce", "carry out", "tidy"]

    evictor.done.clear()
    await clock.advance(3599)
    await rounds.step()
    assert evictor.done == ["uses", "announce", "carry out"]

    await clock.advance(2)
    await rounds.step()
    assert evictor.done[-1] == "tidy"


async def test_a_store_that_can_not_be_tidied_is_told_and_the_rounds_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    evictor = FakeEvictor(store_fails=True)
    rounds = EvictionRound(cast("Evictor", evictor), FakeClock(), Telemetry())

    pause = await rounds.step()
    await rounds.step()

    assert "content.store_failed" in capsys.readouterr().out
    assert evictor.done.count("announce") == 2
    assert pause * 3 <= GRACE.total_seconds()  # each process says what it reads before it is late


async def test_what_is_read_is_told_to_other_processes_also_while_a_round_takes_long() -> None:
    class SlowEvictor(FakeEvictor):
        async def tidy(self) -> None:
            await asyncio.Event().wait()

    clock, evictor = FakeClock(), SlowEvictor()
    loops = eviction_loops(cast("Evictor", evictor), clock, Telemetry())
    for loop in loops:
        loop.start()
    await clock.advance(0.001)
    before = evictor.done.count("uses")

    for _ in range(3):
        await clock.advance(GRACE.total_seconds() / 3)

    assert evictor.done.count("uses") >= before + 3
    for loop in loops:
        await loop.stop()
