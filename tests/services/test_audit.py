"""The audit trail in the database: written in the recorded transaction, and verified later."""

import asyncio
import json
import random
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from gateway.domain.audit import START, Actor, AuditedAct, Link
from gateway.domain.errors import Refused
from gateway.domain.job import Status
from gateway.ports import Database, Transaction
from gateway.services import audit
from gateway.services.access.api_keys import Keyring
from gateway.store import audit as rows
from tests.fakes.clock import FakeClock
from tests.services.books import Books, in_force

OPS = Actor("ops", "10.0.0.1")


async def told(database: Database) -> list[tuple[str, str, str, str]]:
    """Return (act, subject, actor, origin), oldest first."""
    records = await audit.latest(database, 100)
    return [
        (one.entry.act, one.entry.subject, one.entry.made_by, one.entry.origin)
        for one in reversed(records)
    ]


async def write(database: Database, number: int) -> None:
    now = FakeClock().now() + timedelta(seconds=number)
    await database.write(
        lambda tx: audit.record(
            tx, AuditedAct.KEY_CREATED, OPS, f"red/{number}", now, number=number
        )
    )


async def change(database: Database, sql: str, **params: Any) -> None:
    await database.write(lambda tx: tx.execute(sql, **params))


async def words(database: Database, since: Link = START) -> list[str]:
    return [f"{one.number}: {one.words}" for one in (await audit.verify(database, since)).faults]


@pytest.fixture
async def five(database: Database) -> Database:
    for number in range(1, 6):
        await write(database, number)
    return database


async def test_an_empty_trail_has_no_faults(database: Database) -> None:
    assert await audit.verify(database) == audit.ChainCheck(START, 0, ())


async def test_a_check_returns_the_last_record(five: Database) -> None:
    verdict = await audit.verify(five)

    assert verdict.faults == ()
    assert verdict.checked == 5
    assert verdict.head == await five.read(rows.head)


async def test_a_long_trail_is_checked_in_parts(
    five: Database,
) -> None:
    assert (await audit.verify(five, batch_size=2)).checked == 5
    await change(five, "DELETE FROM audit WHERE number = 3")
    assert await words(five) == ["4: record 3 is missing before it"]


async def test_every_manipulation_of_rows_is_detected(five: Database) -> None:
    head = (await audit.verify(five)).head
    await change(five, "UPDATE audit SET made_by = 'nobody' WHERE number = 2")
    assert await words(five) == ["2: its content was changed: its hash does not match"]

    await change(five, "DELETE FROM audit WHERE number <= 2")
    assert await words(five) == ["3: records 1-2 are missing before it"]

    await change(five, "DELETE FROM audit WHERE number = 5")
    assert (await words(five))[-1] == "5: record 5 is missing at the end"
    assert await words(five, head) == ["5: it is missing"], "the saved record is missing"


async def test_a_rewritten_trail_is_detected_by_a_saved_record(
    five: Database,
) -> None:
    noted = (await audit.verify(five)).head
    await change(five, "DELETE FROM audit")
    await change(five, "UPDATE audit_head SET number = 0, hash = :hash", hash=START.hash)
    for number in (1, 2, 4, 5, 6):
        await write(five, number)

    assert await words(five) == [], "the forged chain is consistent"
    assert "5: it has another hash: the trail was rewritten" in await words(five, noted)


async def test_a_head_that_was_set_back_is_detected(five: Database) -> None:
    await change(five, "UPDATE audit_head SET hash = :hash", hash=START.hash)
    assert await words(five) == ["5: the audit trail's head row has another hash"]

    await change(five, "DELETE FROM audit_head")
    assert await words(five) == ["0: the audit trail's head row is missing"]


async def test_concurrent_records_form_one_chain(database: Database) -> None:
    await asyncio.gather(*(write(database, number) for number in range(40)))

    verdict = await audit.verify(database)

    assert verdict.faults == ()
    assert verdict.checked == 40


async def test_an_act_that_fails_leaves_no_record_and_no_gap(five: Database) -> None:
    def failing(tx: Transaction) -> None:
        audit.record(tx, AuditedAct.KEY_CREATED, OPS, "red/never", FakeClock().now())
        raise LookupError

    with pytest.raises(LookupError):
        await five.write(failing)
    await write(five, 6)

    verdict = await audit.verify(five)
    assert verdict.faults == ()
    assert verdict.checked == 6


async def test_created_and_revoked_keys_are_recorded_with_actor_and_origin(
    database: Database,
) -> None:
    clock = FakeClock()
    ring = Keyring(database, clock, random.Random(1), in_force({}))
    made = await ring.create("red", "ci", OPS)
    with pytest.raises(Refused):
        await ring.create("red", "ci", OPS)
    await ring.revoke("red", "ci", Actor("eve", "10.0.0.2"))
    with pytest.raises(Refused):
        await ring.revoke("red", "ci", OPS)

    assert await told(database) == [
        ("key.created", "red/ci", "ops", "10.0.0.1"),
        ("key.revoked", "red/ci", "eve", "10.0.0.2"),
    ]
    (created, *_) = reversed(await audit.latest(database, 10))
    assert made.secret not in created.entry.details
    assert json.loads(created.entry.details) == {"hash": made.stored.hash}


async def test_a_corrected_budget_is_recorded_with_both_amounts(database: Database) -> None:
    books = Books(database, in_force({}))
    opened = await books.submit("red", 400_000)
    await books.accept(opened.job)
    await books.end(opened.job.id, Status.COMPLETED, "0.3")
    assert await told(database) == []

    await books.end(opened.job.id, Status.COMPLETED, "0.35")
    await books.end(opened.job.id, Status.COMPLETED, "0.35")

    (record,) = await audit.latest(database, 10)
    assert record.entry.act == "budget.corrected"
    assert record.entry.subject == opened.job.id
    assert record.entry.made_by == "upstream main"
    assert json.loads(record.entry.details) == {
        "team": "red",
        "was_usd": "0.30",
        "now_usd": "0.35",
        "upstream_said": "completed",
    }


async def test_a_start_with_another_configuration_is_recorded(database: Database) -> None:
    now, process = FakeClock().now(), Actor("start", "process 1")
    for version in ("v1", "v1", "v2", "v2"):
        await database.write(partial(audit.record_start, actor=process, version=version, now=now))
    await database.write(
        lambda tx: audit.record(tx, AuditedAct.CONFIG_RELOADED, Actor("SIGHUP", "p"), "v3", now)
    )
    await database.write(lambda tx: audit.record_start(tx, process, "v3", now))

    assert [(act, subject) for act, subject, *_ in await told(database)] == [
        ("config.loaded", "v1"),
        ("config.loaded", "v2"),
        ("config.reloaded", "v3"),
    ]
