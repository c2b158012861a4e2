"""A team's rate and its open jobs, with wrong clocks."""

import pytest

from gateway.domain.errors import Reason, Refused
from gateway.ports import Database
from gateway.services.submission.rate_limit import TrafficLimits, admit
from gateway.store import limits

BOUNDS = TrafficLimits(requests_per_minute=2)
NOW = 1_800_000_000_000
HOUR = 3_600_000


async def take(database: Database, name: str, now: int) -> None:
    await database.write(lambda tx: admit(tx, "red", name, BOUNDS, now=now))


async def taken(database: Database, now: int) -> int:
    return await database.read(lambda tx: limits.recent_hits(tx, "red", now=now))


async def test_a_clock_that_was_set_back_does_not_block_a_team(database: Database) -> None:
    await take(database, "a", NOW)
    await take(database, "b", NOW)
    back = NOW - HOUR

    assert await taken(database, back) == 0
    await take(database, "c", back)
    await take(database, "d", back)

    with pytest.raises(Refused) as refusal:
        await take(database, "e", back)
    assert refusal.value.reason is Reason.RATE_LIMITED
    assert refusal.value.retry_after == 60


async def test_a_replica_whose_clock_is_seconds_ahead_is_still_counted(database: Database) -> None:
    await take(database, "a", NOW + 2000)
    await take(database, "b", NOW + 2000)

    assert await taken(database, NOW) == 2
    with pytest.raises(Refused) as refusal:
        await take(database, "c", NOW)
    assert refusal.value.retry_after == 62


async def test_a_minute_is_exactly_a_minute(database: Database) -> None:
    await take(database, "a", NOW)
    await take(database, "b", NOW + 1)

    with pytest.raises(Refused) as refusal:
        await take(database, "c", NOW + 59_999)
    assert refusal.value.retry_after == 1
    await take(database, "c", NOW + 60_000)
    with pytest.raises(Refused):
        await take(database, "d", NOW + 60_000)
    await take(database, "d", NOW + 60_001)
