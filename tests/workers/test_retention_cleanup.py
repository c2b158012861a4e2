"""What has served its time is forgotten in batches; what has not, stays."""

from gateway.domain.units import epoch_ms
from gateway.ports import Database, Transaction
from gateway.store import dedupe, refusals
from gateway.workers.retention_cleanup import RetentionCleanup
from tests.fakes.clock import FakeClock

DAY = 86_400_000


def refused(at: int, name: str) -> refusals.RefusalRecord:
    return refusals.RefusalRecord(name, at, "red", "ci", "x/one", "cost_limit", "{}", "req")


async def left(database: Database, table: str) -> int:
    row = await database.read(lambda tx: tx.fetchrow(f"SELECT COUNT(*) AS n FROM {table}"))
    assert row is not None
    return int(row["n"])


async def test_old_keys_and_refusals_go_a_batch_at_a_time(database: Database) -> None:
    clock = FakeClock()
    now = epoch_ms(clock.now())

    def fill(tx: Transaction) -> None:
        for number in range(700):
            at = now - DAY - 1 if number else now - DAY
            dedupe.claim_key(tx, "red", f"key {number}", "f", f"job {number}", now=at)
        refusals.add(tx, refused(now - 30 * DAY, "kept"))
        refusals.add(tx, refused(now - 30 * DAY - 1, "gone"))

    await database.write(fill)
    cleanup = RetentionCleanup(database, clock)

    assert await cleanup.step() < 1
    assert await left(database, "idempotency_keys") == 200
    assert await cleanup.step() > 60

    assert await left(database, "idempotency_keys") == 1
    found = await database.read(lambda tx: refusals.latest(tx, 10))
    assert [refusal.id for refusal in found] == ["kept"]
