"""Claims: whoever comes first holds a fingerprint or an idempotency key."""

import asyncio
from functools import partial

from gateway.domain.job import JobId
from gateway.ports import Database, Transaction
from gateway.store import dedupe


async def test_a_fingerprint_is_claimed_once_per_team(database: Database) -> None:
    async def claim(team: str, job_id: str) -> str | None:
        return await database.write(lambda tx: dedupe.claim(tx, team, "f", job_id))

    assert await claim("growth", "a") is None
    assert await claim("growth", "b") == "a"
    assert await claim("growth", "a") == "a"
    assert await claim("rivals", "c") is None


async def test_of_a_hundred_at_once_one_holds_the_claim(database: Database) -> None:
    holders = await asyncio.gather(
        *(
            database.write(partial(dedupe.claim, team="growth", fingerprint="f", job_id=f"job-{n}"))
            for n in range(100)
        )
    )

    (first,) = {holder for holder in holders if holder is not None}
    assert holders.count(None) == 1
    assert holders[int(first.removeprefix("job-"))] is None


async def test_a_claim_is_taken_over_only_from_who_holds_it(database: Database) -> None:
    await database.write(lambda tx: dedupe.claim(tx, "growth", "f", "a"))

    assert not await database.write(lambda tx: dedupe.take_over(tx, "growth", "f", "x", "b"))
    assert await database.write(lambda tx: dedupe.take_over(tx, "growth", "f", "a", "b"))
    assert not await database.write(lambda tx: dedupe.take_over(tx, "growth", "f", "a", "c"))
    assert await database.write(lambda tx: dedupe.claim(tx, "growth", "f", "d")) == "b"


async def test_a_claim_that_was_released_is_free(database: Database) -> None:
    await database.write(lambda tx: dedupe.claim(tx, "growth", "f", "a"))
    await database.write(lambda tx: dedupe.release(tx, "another"))
    assert await database.write(lambda tx: dedupe.claim(tx, "growth", "f", "b")) == "a"

    await database.write(lambda tx: dedupe.release(tx, "a"))

    assert await database.write(lambda tx: dedupe.claim(tx, "growth", "f", "b")) is None


async def test_a_key_remembers_what_it_was_used_for(database: Database) -> None:
    async def claimed(fingerprint: str, job_id: str, now: int) -> dedupe.KeyClaim | None:
        return await database.write(
            lambda tx: dedupe.claim_key(tx, "growth", "k", fingerprint, job_id, now=now)
        )

    assert await claimed("f", "a", 10) is None
    assert await claimed("g", "b", 20) == dedupe.KeyClaim("f", JobId("a"), 10)


async def test_keys_move_with_the_request_that_joined_and_go_with_one_that_was_refused(
    database: Database,
) -> None:
    def act(tx: Transaction) -> None:
        dedupe.claim_key(tx, "growth", "k", "f", "a", now=10)
        dedupe.move_keys(tx, "a", "b")

    await database.write(act)
    held = await database.write(lambda tx: dedupe.claim_key(tx, "growth", "k", "f", "c", now=20))
    assert held is not None
    assert held.job_id == "b"

    await database.write(lambda tx: dedupe.release_keys(tx, "b"))
    assert (
        await database.write(lambda tx: dedupe.claim_key(tx, "growth", "k", "f", "c", now=30))
    ) is None


async def test_a_key_is_dropped_only_by_the_job_that_holds_it(database: Database) -> None:
    def act(tx: Transaction) -> list[bool]:
        dedupe.claim_key(tx, "growth", "k", "f", "a", now=10)
        dedupe.drop_key(tx, "growth", "k", "b")
        kept = dedupe.claim_key(tx, "growth", "k", "f", "c", now=20) is not None
        dedupe.drop_key(tx, "growth", "k", "a")
        return [kept, dedupe.claim_key(tx, "growth", "k", "f", "c", now=20) is None]

    assert await database.write(act) == [True, True]


async def test_old_keys_are_forgotten_a_batch_at_a_time(database: Database) -> None:
    def act(tx: Transaction) -> list[int]:
        for n in range(5):
            dedupe.claim_key(tx, "growth", f"k{n}", "f", f"job-{n}", now=n)
        return [dedupe.forget_old_keys(tx, before=4, limit=3) for _ in range(3)]

    assert await database.write(act) == [3, 1, 0]
