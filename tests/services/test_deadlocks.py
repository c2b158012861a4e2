"""Two replicas that buy, end and correct at once: each act takes its locks in one order."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from typing import Any
from unittest import mock

import pytest

from gateway.adapters import postgres
from gateway.adapters.postgres import PostgresDatabase
from gateway.domain.job import Status
from tests.services.books import Books, in_force

DAY = {"period": "day", "limit_usd": 1000}
OF_MODEL = {"period": "day", "limit_usd": 1000, "models": ["x/*"]}
OF_KEY = {"period": "month", "limit_usd": 1000, "key": "ci"}
RULES: dict[str, Any] = {
    "budgets": [DAY, OF_MODEL],
    "teams": {"red": {"budgets": [DAY, OF_MODEL, OF_KEY]}, "blue": {"budgets": [OF_MODEL, DAY]}},
}
JOBS = 120


@pytest.fixture
async def replicas(postgres_url: str) -> AsyncIterator[tuple[Books, Books]]:
    databases = [await PostgresDatabase.open(postgres_url, connections=8) for _ in range(2)]
    one, other = (Books(database, in_force(RULES)) for database in databases)
    other._numbers = one._numbers  # ids of jobs and of events are told apart
    other.publisher.source.seed(2)
    yield one, other
    for database in databases:
        await database.close()


async def test_who_buys_and_who_ends_never_wait_for_each_other_in_a_circle(
    replicas: tuple[Books, Books],
) -> None:
    """PostgreSQL finds a circle after a second, and somebody's act begins again."""
    chance = random.Random(5)
    for team in ("red", "blue"):  # every window is opened
        await replicas[0].submit(team, 1000)

    async def live(number: int, here: Books, there: Books) -> None:
        job = (
            await here.submit(
                chance.choice(["red", "blue"]),
                1000,
                key=chance.choice(["ci", "web"]),
                model=chance.choice(["x/one", "y/two"]),
                fingerprint=f"{number % 70:064d}",
            )
        ).job
        if number % 3 == 0:
            await there.refuse(job)
            return
        await here.accept(job)
        await asyncio.gather(
            here.end(job.id, Status.COMPLETED, "0.0005"),
            there.end(job.id, Status.COMPLETED, "0.0007"),
        )

    pairs = itertools.cycle(itertools.permutations(replicas))
    with mock.patch.object(postgres, "_pause", wraps=postgres._pause) as met:
        await asyncio.gather(*(live(n, *next(pairs)) for n in range(JOBS)))

    assert met.call_count == 0
    assert await replicas[0].broken() == []
