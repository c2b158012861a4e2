"""Two replicas that submit, end and correct concurrently: each act locks in the same order."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from typing import Any

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


class Conflicts:
    """Counts the repetitions of acts."""

    def __init__(self) -> None:
        self.count = 0

    def note(self, repeat: int) -> float:
        self.count += 1
        return postgres.backoff(repeat)


@pytest.fixture
def conflicts() -> Conflicts:
    return Conflicts()


@pytest.fixture
async def replicas(postgres_url: str, conflicts: Conflicts) -> AsyncIterator[tuple[Books, Books]]:
    databases = [
        await PostgresDatabase.open(postgres_url, connections=8, pause=conflicts.note)
        for _ in range(2)
    ]
    one, other = (Books(database, in_force(RULES)) for database in databases)
    other.numbers = one.numbers  # the replicas share one sequence of ids
    other.publisher.source.seed(2)
    yield one, other
    for database in databases:
        await database.close()


async def test_submitting_and_ending_never_deadlock(
    replicas: tuple[Books, Books],
    conflicts: Conflicts,
) -> None:
    """PostgreSQL detects a deadlock after a second and aborts one transaction."""
    chance = random.Random(5)
    for team in ("red", "blue"):  # opens every window
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
    await asyncio.gather(*(live(n, *next(pairs)) for n in range(JOBS)))

    assert conflicts.count == 0
    assert await replicas[0].broken() == []
