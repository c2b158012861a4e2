"""Whether the upstream still has a video."""

from gateway.ports import Database
from gateway.store import job_content
from tests.store.rows import bound
from tests.store.test_jobs import found


async def test_content_is_lost_once(database: Database) -> None:
    job_id = await bound(database)

    assert await database.write(lambda tx: job_content.lose(tx, job_id))
    assert not await database.write(lambda tx: job_content.lose(tx, job_id))
    assert (await found(database, job_id)).content_gone
