"""Records of refused requests."""

from gateway.ports import Database, Transaction
from gateway.store import refusals


async def test_refusals_are_listed_newest_first_and_deleted_when_old(database: Database) -> None:
    def a_refusal(number: int) -> refusals.RefusalRecord:
        return refusals.RefusalRecord(
            str(number), number, "growth", "ci", "m", "cost_limit", "{}", "r-1"
        )

    def act(tx: Transaction) -> list[int]:
        for number in range(5):
            refusals.add(tx, a_refusal(number))
        return [refusals.forget(tx, before=3, limit=2) for _ in range(3)]

    assert await database.write(act) == [2, 1, 0]
    kept = await database.read(lambda tx: refusals.latest(tx, 10))
    assert list(kept) == [a_refusal(4), a_refusal(3)]
