"""The archiver: a few at a time, each held by a lease for as long as it takes."""

import asyncio
from collections.abc import Sequence
from typing import cast

from gateway.services.content.archive import LEASE_SECONDS, Archive
from gateway.store.archivals import Archival
from gateway.telemetry.bundle import Telemetry
from gateway.workers.archiver import Archiver
from tests.fakes.clock import FakeClock


class FakeArchive:
    """Outputs that are due, and downloads that take until they are let go."""

    def __init__(self, due: int) -> None:
        self.due = [Archival("job", output, 0, 1000, "token") for output in range(due)]
        self.fetching: list[int] = []
        self.renewed: list[int] = []
        self.lost = False
        self.go_on = asyncio.Event()

    async def claim(self, limit: int) -> Sequence[Archival]:
        taken, self.due = self.due[:limit], self.due[limit:]
        return taken

    async def renew(self, held: Archival) -> bool:
        self.renewed.append(held.output)
        return not self.lost

    async def fetch(self, held: Archival) -> None:
        self.fetching.append(held.output)
        await self.go_on.wait()
        if held.output == 1:
            raise RuntimeError("a bug")


def _archiver(archive: FakeArchive, clock: FakeClock) -> Archiver:
    return Archiver(cast("Archive", archive), clock, Telemetry())


async def test_four_are_fetched_at_a_time_and_the_next_when_one_is_done() -> None:
    clock, archive = FakeClock(), FakeArchive(6)
    archiver = _archiver(archive, clock)

    await archiver.step()
    await archiver.step()
    await clock.advance(0)
    at_first = list(archive.fetching)
    archive.go_on.set()
    await clock.advance(0)
    await archiver.step()
    await clock.advance(0)

    assert at_first == [0, 1, 2, 3]
    assert archive.fetching == [0, 1, 2, 3, 4, 5]  # also after one that failed
    await archiver.close()


async def test_a_lease_is_renewed_for_as_long_as_the_download_goes_on() -> None:
    clock, archive = FakeClock(), FakeArchive(1)
    archiver = _archiver(archive, clock)
    await archiver.step()

    await clock.advance(LEASE_SECONDS * 2)
    during = len(archive.renewed)
    archive.go_on.set()
    await clock.advance(LEASE_SECONDS * 2)

    assert during == 6
    assert len(archive.renewed) == during
    await archiver.close()


async def test_a_lease_that_was_lost_is_not_asked_for_again() -> None:
    clock, archive = FakeClock(), FakeArchive(1)
    archive.lost = True
    archiver = _archiver(archive, clock)
    await archiver.step()

    await clock.advance(LEASE_SECONDS * 2)

    assert len(archive.renewed) == 1
    await archiver.close()


async def test_closing_ends_what_is_under_way() -> None:
    clock, archive = FakeClock(), FakeArchive(2)
    archiver = _archiver(archive, clock)
    await archiver.step()
    await clock.advance(0)

    await archiver.close()

    assert clock.sleepers == 0
