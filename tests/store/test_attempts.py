"""Attempts to submit a job."""

import pytest

from gateway.domain.errors import StorageFailed
from gateway.ports import Database, Transaction
from gateway.store import attempts
from tests.store.rows import bound, inserted
from tests.store.test_jobs import found


async def test_every_attempt_is_recorded_with_its_outcome(database: Database) -> None:
    job = await found(database, await inserted(database))

    def act(tx: Transaction) -> None:
        attempts.finish(tx, job, 1, "refused", "429")
        attempts.start(tx, job.id, 2, now=20)

    await database.write(act)
    rows = await database.read(lambda tx: [dict(row) for row in attempts.of_job(tx, job)])

    assert [(r["attempt"], r["started_at"], r["outcome"], r["detail"]) for r in rows] == [
        (1, job.created_at, "refused", "429"),
        (2, 20, None, None),
    ]
    with pytest.raises(StorageFailed):
        await database.write(lambda tx: attempts.start(tx, job.id, 2, now=30))


async def test_a_first_attempt_needs_no_row_until_it_is_not_accepted(database: Database) -> None:
    one = await found(database, await inserted(database))
    other = await found(database, await bound(database))

    def outcomes(tx: Transaction) -> list[object]:
        return [row["outcome"] for job in (one, other) for row in attempts.of_job(tx, job)]

    assert await database.read(outcomes) == [None, "accepted"]
    await database.write(lambda tx: attempts.finish(tx, one, 1, "unknown", "no answer"))
    assert await database.read(outcomes) == ["unknown", "accepted"]
