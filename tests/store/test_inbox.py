"""Received webhooks and the health of an upstream's webhooks, on both databases."""

from dataclasses import replace

import pytest

from gateway.ports import Database, Transaction
from gateway.store import inbox
from gateway.store.inbox import Receipt

RECEIPT = Receipt(
    upstream="main",
    upstream_id="up-1",
    job_id="job-1",
    type="video.generation.completed",
    idempotency_key="up-1-completed",
    body_sha256="a" * 64,
    received_at=1000,
    raw_cost="0.05",
)


@pytest.mark.parametrize(
    ("second", "counts"),
    [(RECEIPT, False), (replace(RECEIPT, idempotency_key="another"), False),
     (replace(RECEIPT, body_sha256="b" * 64), False),
     (replace(RECEIPT, body_sha256="b" * 64, idempotency_key="up-1-failed"), True),
     (replace(RECEIPT, body_sha256="b" * 64, upstream_id="up-2"), True),
     (replace(RECEIPT, upstream="other"), True)],
)  # fmt: skip
async def test_an_event_is_a_duplicate_by_its_bytes_or_its_key(
    database: Database, second: Receipt, counts: bool
) -> None:
    assert await database.write(lambda tx: inbox.take(tx, RECEIPT))

    assert await database.write(lambda tx: inbox.take(tx, second)) is counts


async def test_receipts_are_listed_by_job_and_deleted_when_old(database: Database) -> None:
    await database.write(lambda tx: inbox.take(tx, RECEIPT))

    assert await database.read(lambda tx: inbox.of_job(tx, "job-1")) == [RECEIPT]
    assert await database.write(lambda tx: inbox.forget(tx, before=1000, limit=10)) == 0
    assert await database.write(lambda tx: inbox.forget(tx, before=1001, limit=10)) == 1


async def test_webhooks_work_after_one_arrives_until_one_is_missed(
    database: Database,
) -> None:
    def life(tx: Transaction) -> list[bool]:
        seen = [inbox.working(tx, "main")]
        inbox.missed(tx, "main", now=1)
        seen.append(inbox.working(tx, "main"))
        inbox.note_received(tx, "main", now=2)
        seen.append(inbox.working(tx, "main"))
        inbox.missed(tx, "main", now=3)
        seen.append(inbox.working(tx, "main"))
        inbox.note_received(tx, "main", now=4)
        inbox.note_received(tx, "main", now=5)
        seen.append(inbox.working(tx, "main"))
        return [*seen, inbox.working(tx, "other")]

    assert await database.write(life) == [False, False, True, False, True, False]


async def test_an_expected_webhook_is_given_up_once(database: Database) -> None:
    def wait(tx: Transaction) -> None:
        for number in range(3):
            inbox.expect(tx, f"job-{number}", "main", now=number)
            inbox.expect(tx, f"job-{number}", "main", now=99)
        inbox.arrived(tx, "job-0")

    await database.write(wait)

    assert not await database.read(lambda tx: inbox.overdue(tx, before=0))
    given = await database.write(lambda tx: inbox.give_up(tx, before=1, limit=10))
    again = await database.write(lambda tx: inbox.give_up(tx, before=1, limit=10))
    assert ([one.job_id for one in given], again) == (["job-1"], [])
