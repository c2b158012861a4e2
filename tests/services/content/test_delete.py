"""Withdrawing a video while it is being stored, in two concurrent transactions."""

import asyncio
import threading
from collections.abc import Mapping

from gateway.adapters.postgres import PostgresDatabase
from gateway.domain.content import Asset
from gateway.domain.job import Status
from gateway.ports import Value
from gateway.services.content import delete, store
from gateway.store import assets
from gateway.store.withdrawals import Withdrawal
from tests.fakes.transactions import WatchedTransaction
from tests.services.books import Books, in_force


async def test_a_video_withdrawn_while_it_is_being_stored_is_removed(
    postgres_url: str,
) -> None:
    books = Books(await PostgresDatabase.open(postgres_url), in_force({}))
    job = await books.accept((await books.submit("red", 10)).job)
    await books.end(job.id, Status.COMPLETED, "0.1")
    asset = Asset(f"{job.id}-0-us-abc.mp4", job.id, 0, "local:1", "red", 9, "e" * 64, 1, 1)
    adding, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def late(sql: str, _params: Mapping[str, Value]) -> None:
        if "INSERT INTO assets" in sql:
            loop.call_soon_threadsafe(adding.set)
            assert go.wait(10)

    storing = asyncio.create_task(
        books.database.write(lambda tx: store.record_asset(WatchedTransaction(tx, late), asset))
    )
    await adding.wait()
    wanted = Withdrawal(job.id, 2, "an operator", None)
    taking = asyncio.create_task(books.database.write(lambda tx: delete.withdraw(tx, wanted)))
    await asyncio.wait([taking], timeout=0.3)  # it must wait for the lock on the job's row
    go.set()
    await storing
    _, _, removed = await taking

    assert removed == (asset,)
    assert await books.database.read(lambda tx: assets.of_job(tx, job.id)) == []
    await books.database.close()
