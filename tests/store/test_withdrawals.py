"""Withdrawals of videos."""

from gateway.ports import Database
from gateway.store import withdrawals
from gateway.store.withdrawals import Withdrawal
from tests.store.rows import inserted


async def test_the_first_withdrawal_of_a_job_stays(database: Database) -> None:
    job = await inserted(database)
    first, second = Withdrawal(job, 1, "ops", "asked"), Withdrawal(job, 2, "other", None)

    added = [
        await database.write(lambda tx, one=one: withdrawals.add(tx, one))  # type: ignore[misc]
        for one in (first, second)
    ]

    assert added == [True, False]
    assert await database.read(lambda tx: withdrawals.find(tx, job)) == first
    assert await database.read(lambda tx: withdrawals.find(tx, "gen-vid-1-none")) is None
