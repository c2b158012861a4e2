"""Keys of sealed callback URLs."""

from gateway.domain.job import Cause, Status
from gateway.ports import Database
from gateway.store import callback_keys, jobs
from gateway.store.jobs import Ending
from tests.store.rows import bound


async def test_a_job_keeps_its_first_key_until_it_has_ended(database: Database) -> None:
    job = await bound(database)

    first = await database.write(lambda tx: callback_keys.obtain(tx, job, "one"))
    second = await database.write(lambda tx: callback_keys.obtain(tx, job, "two"))
    early = await database.write(lambda tx: callback_keys.delete_unused(tx, job))
    await database.write(lambda tx: jobs.end(tx, job, Ending(Status.FAILED, Cause.UPSTREAM), now=1))
    late = [await database.write(lambda tx: callback_keys.delete_unused(tx, job)) for _ in range(2)]

    assert (first, second) == ("one", "one")
    assert (early, late) == (False, [True, False])
    assert not await database.read(lambda tx: callback_keys.has_key(tx, job))
