"""Disputes of costs far above the estimate."""

from gateway.ports import Database
from gateway.store import disputes
from tests.store.rows import inserted


async def test_a_dispute_opens_once_for_each_cost_and_closes_once(database: Database) -> None:
    job = await inserted(database)

    first = await database.write(lambda tx: disputes.open_one(tx, job, "red", 10, 5_000, now=1))
    same = await database.write(lambda tx: disputes.open_one(tx, job, "red", 10, 5_000, now=2))
    other = await database.write(lambda tx: disputes.open_one(tx, job, "red", 10, 6_000, now=3))
    [shown] = await database.read(lambda tx: disputes.unsettled(tx, "red"))
    closed = [
        await database.write(lambda tx: disputes.close(tx, job, "accepted", now=4))
        for _ in range(2)
    ]

    assert (first, same, other) == (True, False, True)
    assert (shown.cost_micros, shown.opened_at) == (6_000, 3)
    assert closed == [True, False]
    assert not await database.read(lambda tx: disputes.is_open(tx, job))
    assert await database.read(lambda tx: list(disputes.unsettled(tx))) == []
