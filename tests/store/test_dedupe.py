"""Claims: the first job holds a fingerprint or an idempotency key."""

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


async def test_one_of_a_hundred_concurrent_claims_succeeds(database: Database) -> None:
    holders = await asyncio.gather(
        *(
            database.write(partial(dedupe.claim, team="growth", fingerprint="f", job_id=f"job-{n}"))
            for n in range(100)
        )
    )

    (first,) = {holder for holder in holders if holder is not None}
    assert holders.count(None) == 1
    assert holders[int(first.removeprefix("job-"))] is None


async def test_a_claim_is_taken_over_only_from_its_holder(database: Database) -> None:
    await database.write(lambda tx: dedupe.claim(tx, "growth", "f", "a"))

    assert not await database.write(lambda tx: dedupe.take_over(tx, "growth", "f", "x", "b"))
    assert await database.write(lambda tx: dedupe.take_over(tx, "growth", "f", "a", "b"))
    assert not await database.write(lambda tx: dedupe.take_over(tx, "growth", "f", "a", "c"))
    assert await database.write(lambda tx: dedupe.claim(tx, "growth", "f", "d")) == "b"


async def test_a_released_claim_is_free(database: Database) -> None:
    await database.write(lambda tx: dedupe.claim(tx, "growth", "f", "a"))
    await database.write(lambda tx: dedupe.release(tx, "another"))
    assert await database.write(lambda tx: dedupe.claim(tx, "growth", "f", "b")) == "a"

    await database.write(lambda tx: dedupe.release(tx, "a"))

    assert await database.write(lambda tx: dedupe.claim(tx, "growth", "f", "b")) is None


async def test_an_idempotency_key_keeps_its_first_use(database: Database) -> None:
    async def claimed(fingerprint: str, job_id: str, now: int) -> dedupe.KeyClaim | None:
        return await database.write(
            lambda tx: dedupe.claim_key(tx, "growth", "k", fingerprint, job_id, now=now)
        )

    assert await claimed("f", "a", 10) is None
    assert await claimed("g", "b", 20) == dedupe.KeyClaim("f", JobId("a"), 10)


async def test_keys_move_to_a_joined_job_and_are_deleted_with_a_refused_one(
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


async def test_an_idempotency_key_is_deleted_only_for_its_job(database: Database) -> None:
    def act(tx: Transaction) -> list[bool]:
        dedupe.claim_key(tx, "growth", "k", "f", "a", now=10)
        dedupe.drop_key(tx, "growth", "k", "b")
        kept = dedupe.claim_key(tx, "growth", "k", "f", "c", now=20) is not None
        dedupe.drop_key(tx, "growth", "k", "a")
        return [kept, dedupe.claim_key(tx, "growth", "k", "f", "c", now=20) is None]

    assert await database.write(act) == [True, True]


async def test_old_idempotency_keys_are_deleted_in_batches(database: Database) -> None:
    def act(tx: Transaction) -> list[int]:
        for n in range(5):
            dedupe.claim_key(tx, "growth", f"k{n}", "f", f"job-{n}", now=n)
        return [dedupe.forget_old_keys(tx, before=4, limit=3) for _ in range(3)]

    assert await database.write(act) == [3, 1, 0]
