"""An in-memory cache of jobs, so that a client's poll does not read the database."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass

from gateway.domain.errors import StorageFailed
from gateway.domain.job import Job
from gateway.ports import Clock, Database, Transaction
from gateway.store import jobs

_CAPACITY = 50_000  # jobs of about 1 kB each
_PATIENCE = 2.0  # seconds before the cached job is returned; the Python SDK times out after five


@dataclass(slots=True)
class _Seen:
    job: Job
    at: float  # monotonic seconds when the job was last read or written


class JobCache:
    """Job id -> job. A terminal job never expires; an open one expires after `max_age` seconds.

    `max_age` is None if this process is the only writer: every change then passes through `put`,
    and the cache is always current.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        max_age: float | None,
        capacity: int = _CAPACITY,
        patience: float = _PATIENCE,
    ) -> None:
        """Create an empty cache; another replica's change may stay unseen for `max_age` seconds."""
        self._capacity = capacity
        self._patience = patience
        self._database = database
        self._clock = clock
        self._max_age = max_age
        self._seen: OrderedDict[str, _Seen] = OrderedDict()

    def put(self, job: Job) -> None:
        """Cache a job after its transaction; an older version never replaces a newer one."""
        known = self._seen.get(job.id)
        if known is not None and known.job.version > job.version:
            return
        self._seen[job.id] = _Seen(job, self._clock.monotonic())
        self._seen.move_to_end(job.id)
        while len(self._seen) > self._capacity:
            self._seen.popitem(last=False)

    async def get(self, job_id: str, owners: Collection[str] | None) -> Job | None:
        """Return the job if one of these teams owns it, else None; `owners` None allows any team.

        If the database does not answer, the cached state is returned.

        Raises:
            StorageFailed: the job is not cached and the database did not answer.

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
            job = await self._read(job_id, None if known is None else self._patience)
        except StorageFailed:
            if known is None:
                raise
            return known.job
        if job is not None:
            self.put(job)
            return self._seen[job_id].job
        return None

    async def _read(self, job_id: str, patience: float | None) -> Job | None:
        """Read the job from the database, waiting at most `patience` seconds.

        None waits without a limit, because clients submit again when a poll fails.
        """
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
