"""What this process knows of jobs, so that a client's poll does not touch the database."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from gateway.domain.errors import StorageFailed
from gateway.domain.job import Job
from gateway.ports import Clock, Database, Transaction
from gateway.store import jobs

_CAPACITY = 50_000  # jobs of about 1 kB each
_PATIENCE = 2.0  # seconds until what is known is told; the Python SDK gives up after five


@dataclass(slots=True)
class _Seen:
    job: Job
    at: float  # monotonic seconds when it was last known to be true


class JobCache:
    """Job id -> job. What is terminal never changes; the rest is true for `max_age` seconds.

    `max_age` is None where this process is the only writer: then every change passes through
    `put`, and memory is never behind.
    """

    def __init__(self, database: Database, clock: Clock, *, max_age: float | None) -> None:
        """`max_age`: seconds that another replica's change may stay unseen."""
        self._database = database
        self._clock = clock
        self._max_age = max_age
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def put(self, job: Job) -> None:
        """Remember a job as its transaction left it; an older version never replaces a newer."""
        known = self._seen.get(job.id)
        if known is not None and known.job.version > job.version:
            return
        self._seen[job.id] = _Seen(job, self._clock.monotonic())
        self._seen.move_to_end(job.id)
        while len(self._seen) > _CAPACITY:
            self._seen.popitem(last=False)

    async def get(self, job_id: str, owners: Collection[str] | None) -> Job | None:
        """Return the job if one of these teams owns it (None: whoever does), else None.

        A job that is known is answered even while the database is not: its last state then.

        Raises:
            StorageFailed: the job is not known here and the database did not answer.

        """
        job = await self._find(job_id)
        return job if job is not None and (owners is None or job.team in owners) else None

    def peek(self, job_id: str, owners: Collection[str]) -> Job | None:
        """Return the job if it is in memory, true, and one of these teams owns it; never waits."""
        known = self._seen.get(job_id)
        if known is None or known.job.team not in owners or not self._fresh(known):
            return None
        return known.job

    async def _find(self, job_id: str) -> Job | None:
        known = self._seen.get(job_id)
        if known is not None and self._fresh(known):
            self._seen.move_to_end(job_id)
            return known.job
        try:
            job = await self._read(job_id, None if known is None else _PATIENCE)
        except StorageFailed:
            if known is None:
                raise
            return known.job
        if job is not None:
            self.put(job)
            return self._seen[job_id].job
        return None

    async def _read(self, job_id: str, patience: float | None) -> Job | None:
        """None waits as long as the database does: a refused poll makes clients submit again."""
        try:
            async with asyncio.timeout(patience):
                return await self._database.read(lambda tx: _read(tx, job_id))
        except TimeoutError:
            raise StorageFailed("the database did not answer in time") from None

    def _fresh(self, seen: _Seen) -> bool:
        if seen.job.status.terminal or self._max_age is None:
            return True
        return self._clock.monotonic() - seen.at < self._max_age


def _read(tx: Transaction, job_id: str) -> Job | None:
    return jobs.find(tx, job_id)
