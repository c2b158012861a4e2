"""The archival queue: claimed once, held by a lease, fenced by a token. On both databases."""

import asyncio

from gateway.ports import Database
from gateway.store import archivals
from gateway.store.archivals import Archival


async def _plan(database: Database, *outputs: int, due: int = 0) -> None:
    for output in outputs:
        await database.write(
            lambda tx, output=output: archivals.plan(  # type: ignore[misc]
                tx, "job", output, now=due, give_up_at=1000
            )
        )


async def _lease(
    database: Database, token: str, *, now: int = 10, until: int = 100, limit: int = 10
) -> list[Archival]:
    return await database.write(
        lambda tx: archivals.lease(tx, now=now, until=until, token=token, limit=limit)
    )


async def test_an_output_is_queued_once(database: Database) -> None:
    await _plan(database, 0, 0, 1)

    assert await database.read(lambda tx: archivals.waiting(tx, "job")) == [0, 1]


async def test_a_due_output_is_leased_once(database: Database) -> None:
    await _plan(database, 0, 1, 2)

    held = await asyncio.gather(*(_lease(database, f"token {n}", limit=2) for n in range(4)))

    outputs = [one.output for lease in held for one in lease]
    assert len(outputs) == len(set(outputs))
    rest = await _lease(database, "last")
    assert sorted(outputs + [one.output for one in rest]) == [0, 1, 2]


async def test_an_output_that_is_not_due_is_not_leased(database: Database) -> None:
    await _plan(database, 0, due=50)

    assert not await database.read(lambda tx: archivals.due(tx, now=49))
    assert await _lease(database, "early", now=49) == []
    assert await database.read(lambda tx: archivals.due(tx, now=50))


async def test_an_expired_lease_can_be_taken_and_fences_the_first_holder(
    database: Database,
) -> None:
    await _plan(database, 0)
    (first,) = await _lease(database, "first", until=100)
    assert await _lease(database, "second", now=99) == []
    (second,) = await _lease(database, "second", now=100, until=200)

    assert not await database.write(lambda tx: archivals.renew(tx, first, until=900))
    assert not await database.write(lambda tx: archivals.put_off(tx, first, due_at=900))
    assert not await database.write(lambda tx: archivals.drop(tx, first))
    assert await database.write(lambda tx: archivals.renew(tx, second, until=300))
    assert await database.write(lambda tx: archivals.drop(tx, second))
    assert await database.read(lambda tx: archivals.waiting(tx, "job")) == []


async def test_a_postponed_output_is_due_later_with_one_more_attempt(database: Database) -> None:
    await _plan(database, 0)
    (held,) = await _lease(database, "token")

    await database.write(lambda tx: archivals.put_off(tx, held, due_at=60))

    assert await _lease(database, "early", now=59) == []
    (again,) = await _lease(database, "late", now=60)
    assert (again.attempts, again.give_up_at) == (1, 1000)


async def test_a_settled_output_is_no_longer_leased(database: Database) -> None:
    await _plan(database, 0, 1, 2)
    await _lease(database, "token")

    await database.write(lambda tx: archivals.settle(tx, "job", 1))
    one_less = await database.read(lambda tx: archivals.waiting(tx, "job"))
    await database.write(lambda tx: archivals.settle(tx, "job"))

    assert one_less == [0, 2]
    assert await database.read(lambda tx: archivals.waiting(tx, "job")) == []


async def test_a_process_that_owns_the_database_starts_without_leases(database: Database) -> None:
    await _plan(database, 0)
    await _lease(database, "of a process that died", until=100_000)

    await database.write(lambda tx: archivals.void_leases(tx, now=20))

    assert len(await _lease(database, "mine", now=20)) == 1
