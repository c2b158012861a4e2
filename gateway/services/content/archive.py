"""Archive videos: fetch them when their jobs complete, before the upstream deletes them."""

import random
from datetime import timedelta

from gateway.domain.content import BlobFailed, next_try
from gateway.domain.job import Job, Status, new_token
from gateway.domain.units import epoch_ms
from gateway.ports import Clock, Database, Transaction
from gateway.services.content.download import Downloader
from gateway.services.content.fetch import FetchOutcome
from gateway.services.content.store import AssetStore, Mode
from gateway.store import archivals, jobs
from gateway.store.archivals import Archival
from gateway.telemetry.bundle import Telemetry

# How long to retry if the upstream does not state how long it keeps a video. It states that only
# for stored copies; no figure is published for the other ones (docs/openrouter-contract.md
# section 4).
_PATIENCE_MS = int(timedelta(days=3).total_seconds() * 1000)

LEASE_SECONDS = 120.0
"""A running download renews its lease after a third of this time."""


def plan(tx: Transaction, job: Job, mode: Mode, *, now: int) -> None:
    """Queue a completed job's outputs if they are to be archived.

    It is part of the transaction that ends the job; outputs that are not queued there are never
    archived.
    """
    if mode != "archive" or job.status is not Status.COMPLETED or not job.retain:
        return
    until = job.copy_expires_at
    give_up_at = now + _PATIENCE_MS if until is None else until * 1000
    for index in range(max(1, job.outputs)):
        archivals.plan(tx, job.id, index, now=now, give_up_at=give_up_at)


class Archive:
    """Leases queued outputs, fetches them, and schedules the next attempt."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        source: random.Random,
        downloader: Downloader,
        asset_store: AssetStore,
        telemetry: Telemetry,
    ) -> None:
        """Create an archive; `asset_store` counts and logs outputs that could not be fetched."""
        self._database = database
        self._clock = clock
        self._random = source
        self._downloader = downloader
        self._asset_store = asset_store
        self._telemetry = telemetry

    async def claim(self, limit: int) -> list[Archival]:
        """Lease up to `limit` outputs that are due."""
        now = self._now()
        if not await self._database.read(lambda tx: archivals.due(tx, now=now)):
            return []
        until = now + int(LEASE_SECONDS * 1000)
        token = new_token(self._random)
        return await self._database.write(
            lambda tx: archivals.lease(tx, now=now, until=until, token=token, limit=limit)
        )

    async def renew(self, held: Archival) -> bool:
        """Extend the lease of an output; False if it was lost."""
        until = self._now() + int(LEASE_SECONDS * 1000)
        return await self._database.write(lambda tx: archivals.renew(tx, held, until=until))

    async def fetch(self, held: Archival) -> None:
        """Fetch one output and record the outcome."""
        job = await self._database.read(lambda tx: jobs.find(tx, held.job_id))
        if job is None:
            await self._database.write(lambda tx: archivals.drop(tx, held))
            return
        with self._telemetry.work("content.archive", job.request_id, job.traceparent) as span:
            span.set(job=job.id, output=held.output)
            await self._archive(job, held)

    async def _archive(self, job: Job, held: Archival) -> None:
        outcome = await self._downloader.fetch(job, held.output)
        if outcome == "stored":
            await self._database.write(lambda tx: archivals.settle(tx, held.job_id, held.output))
            return
        due_at = next_try(held.attempts, self._now(), held.give_up_at)
        if outcome == "gone" or due_at is None:
            await self._give_up(job, held, outcome)
        else:
            await self._put_off(held, due_at, outcome)

    async def _give_up(self, job: Job, held: Archival, outcome: FetchOutcome) -> None:
        dropped = await self._database.write(lambda tx: archivals.drop(tx, held))
        if self._still_ours(dropped):
            why = "the upstream deleted it" if outcome == "gone" else "the deadline has passed"
            self._asset_store.failed(job, held.output, BlobFailed("missed", why))

    async def _put_off(self, held: Archival, due_at: int, outcome: FetchOutcome) -> None:
        put_off = await self._database.write(lambda tx: archivals.put_off(tx, held, due_at=due_at))
        if self._still_ours(put_off):
            self._telemetry.log.warning(
                "content.archive_put_off",
                job=held.job_id,
                output=held.output,
                attempts=held.attempts + 1,
                outcome=outcome,
                seconds=(due_at - self._now()) / 1000,
            )

    def _still_ours(self, written: bool) -> bool:
        if not written:
            self._telemetry.metrics.lease_lost("archiver")
        return written

    def _now(self) -> int:
        return epoch_ms(self._clock.now())
