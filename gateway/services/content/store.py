"""The stored videos of jobs: find, open, store them, and record missing ones."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Literal

from gateway.domain.content import Asset, BlobFailed, BlobMissing, TooLarge, blob_name
from gateway.domain.errors import StorageFailed
from gateway.domain.job import Job
from gateway.domain.units import epoch_ms
from gateway.domain.upstream import ContentFailed
from gateway.ports import Blob, Blobs, Clock, Database, Draft, Transaction
from gateway.services.job_cache import JobCache
from gateway.store import archivals, assets, job_content, jobs, withdrawals
from gateway.store.assets import Removal
from gateway.store.withdrawals import Withdrawal
from gateway.telemetry.bundle import Telemetry

Mode = Literal["passthrough", "cache", "archive"]

_REST = 10.0  # seconds without another attempt to store, after the store failed


@dataclass(frozen=True, slots=True)
class Holding:
    """The stored copies of one output. `elsewhere`: only another replica's store has it."""

    asset: Asset | None
    elsewhere: bool
    withdrawn: Withdrawal | None

    @property
    def somewhere(self) -> bool:
        """Whether any store has the output, by the rows."""
        return self.asset is not None or self.elsewhere


class Uses:
    """The videos that this process is reading, and those it read since the last `take`."""

    def __init__(self) -> None:
        """Create an empty set of uses."""
        self._reading: Counter[str] = Counter()
        self._used: set[str] = set()

    @contextmanager
    def reading(self, name: str) -> Iterator[None]:
        """Count the video as being read inside the `with` block."""
        self._reading[name] += 1
        self._used.add(name)
        try:
            yield
        finally:
            self._reading[name] -= 1
            if not self._reading[name]:
                del self._reading[name]

    def now_read(self, name: str) -> bool:
        """Return whether the video is being read now."""
        return name in self._reading

    def take(self) -> set[str]:
        """Return the videos that are being read or were read since the last `take`."""
        used = self._used | self._reading.keys()
        self._used = set()
        return used

    def put_back(self, names: set[str]) -> None:
        """Return uses that could not be recorded to the set; the next `take` includes them."""
        self._used |= names


class AssetStore:
    """The blob store and the rows about its content. Without a store it is always empty."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        source: random.Random,
        blobs: Blobs | None,
        mode: Mode,
        max_bytes: int,
        job_cache: JobCache,
        telemetry: Telemetry,
        *,
        installation: str,
        gone_after: float = 60.0,
    ) -> None:
        """Create a store with the settings of the process's start; `gone_after` is in seconds.

        `installation` is the id that all replicas share; it marks their files in the store.
        """
        self._database = database
        self._clock = clock
        self._random = source
        self._blobs = blobs
        self._mode = mode
        self._job_cache = job_cache
        self._telemetry = telemetry
        self._gone_after = gone_after
        self._rests_until = clock.monotonic()
        self.max_bytes = max_bytes
        self.installation = installation
        self.uses = Uses()
        self.writing = 0
        """Bytes of running downloads, which have no row yet."""

    def holds(self, tx: Transaction) -> assets.Totals | None:
        """Return the totals of this process's store, with all replicas' files; None: no store."""
        return None if self._blobs is None else assets.totals(tx, self._blobs.store)

    def takes(self, job: Job) -> bool:
        """Return whether the job's videos may be stored now and the store works.

        Videos of a team with `retain: false` or of a ZDR request are never stored
        (docs/architecture.md, rule 6).
        """
        if self._blobs is None or self._mode == "passthrough" or not job.retain:
            return False
        return self._clock.monotonic() >= self._rests_until

    async def find(self, job: Job, index: int) -> Holding:
        """Return the stored copies of one output, here and elsewhere.

        Raises:
            StorageFailed: the database did not answer.

        """
        if not job.retain:
            withdrawn = await self._database.read(lambda tx: withdrawals.find(tx, job.id))
            return Holding(None, elsewhere=False, withdrawn=withdrawn)

        def act(tx: Transaction) -> tuple[list[Asset], Withdrawal | None]:
            return assets.holdings(tx, job.id, index), withdrawals.find(tx, job.id)

        held, withdrawn = await self._database.read(act)
        store = self._blobs.store if self._blobs is not None else None
        ours = next((asset for asset in held if asset.store == store), None)
        return Holding(ours, elsewhere=ours is None and bool(held), withdrawn=withdrawn)

    @asynccontextmanager
    async def open(self, asset: Asset) -> AsyncIterator[Blob]:
        """Open the stored bytes; they are not evicted inside the `with` block.

        Raises:
            BlobMissing: on entering: the blob does not exist; its row has been removed.
            BlobFailed: on entering: the store failed.

        """
        if self._blobs is None:
            raise BlobMissing(asset.name)
        with self.uses.reading(asset.name):
            try:
                async with self._blobs.open(asset.name) as blob:
                    if blob.size != asset.size:
                        raise BlobMissing(asset.name)
                    yield blob
            except BlobMissing:
                await self._forget(asset)
                raise

    async def draft(self, job: Job, index: int) -> Draft:
        """Create a draft for storing an output.

        Raises:
            BlobFailed: the output can't be stored.

        """
        if self._blobs is None:
            raise BlobFailed("io", "there is no content store")
        return await self._blobs.draft(blob_name(job.id, index, self.installation, self._random))

    async def keep(self, job: Job, index: int, draft: Draft) -> bool:
        """Store the draft; False if another process stored the output or it was withdrawn.

        Raises:
            BlobFailed: the draft is not stored.

        """
        if self._blobs is None:
            raise BlobFailed("io", "there is no content store")
        await draft.keep()
        now = epoch_ms(self._clock.now())
        asset = Asset(
            name=draft.name,
            job_id=job.id,
            output=index,
            store=self._blobs.store,
            team=job.team,
            size=draft.size,
            sha256=draft.sha256,
            stored_at=now,
            last_used_at=now,
        )
        try:
            taken, after = await self._database.write(lambda tx: record_asset(tx, asset))
        except StorageFailed as error:
            # It is unknown whether the row was written, so the file stays: with the row it is
            # stored, without the row the next cleanup removes it.
            self.failed(job, index, BlobFailed("io", f"the database failed: {error}"))
            return False
        if after is not None:
            self._job_cache.put(after)
        if not taken:
            await draft.discard()
            return False
        self._telemetry.log.info(
            "content.stored", job=job.id, output=index, bytes=asset.size, sha256=asset.sha256
        )
        return True

    def failed(self, job: Job, index: int, error: BlobFailed) -> None:
        """Count and log that a video was not stored; clients still get its bytes.

        If the store caused it, nothing else is stored for a while.
        """
        if error.reason in ("full", "io") and not isinstance(error, TooLarge):
            self._rests_until = self._clock.monotonic() + _REST
        self._telemetry.metrics.content_store_failed(error.reason)
        self._telemetry.log.warning(
            "content.not_stored", job=job.id, output=index, reason=error.reason, why=error.why
        )

    async def note_failure(
        self, job: Job, error: ContentFailed, *, elsewhere: bool = False
    ) -> bool:
        """Return whether the upstream's failure means that the video is gone, and record it.

        One 404 is not enough: the video may be late, or a proxy may have answered. The video is
        gone after a 410, after a 404 past the expiry that the upstream stated, or when the upstream
        itself has answered 404 for `gone_after`. `elsewhere`: a store still has the video.
        """
        now = epoch_ms(self._clock.now())
        gone = error.gone or (error.not_found and _has_expired(job, now))
        if not gone and error.missing:
            since = await self._missing_since(job, now)
            gone = now - since >= self._gone_after * 1000
        if gone and not elsewhere:
            await self.lost(job)
        return gone

    async def note_found(self, job: Job) -> None:
        """Record that the upstream has the video, if it was recorded as missing."""
        if job.content_missing_since is None:
            return

        def act(tx: Transaction) -> Job | None:
            job_content.mark_found(tx, job.id)
            return jobs.find(tx, job.id)

        after = await self._database.write(act)
        if after is not None:
            self._job_cache.put(after)

    async def _missing_since(self, job: Job, now: int) -> int:
        def act(tx: Transaction) -> Job | None:
            job_content.mark_missing(tx, job.id, now=now)
            return jobs.find(tx, job.id)

        after = await self._database.write(act)
        if after is None:
            return now
        self._job_cache.put(after)
        return after.content_missing_since or now

    async def lost(self, job: Job) -> None:
        """Record that the video is gone everywhere, so that no request joins the job."""

        def act(tx: Transaction) -> Job | None:
            return jobs.find(tx, job.id) if job_content.lose(tx, job.id) else None

        after = await self._database.write(act)
        if after is not None:
            self._job_cache.put(after)
            self._telemetry.log.warning("content.gone", job=job.id, team=job.team)

    async def _forget(self, asset: Asset) -> None:
        """Remove the row of a blob that is missing or incomplete in the store."""
        removal = Removal("missing", "gateway", last_copy=True, at=epoch_ms(self._clock.now()))
        if await self._database.write(lambda tx: assets.remove(tx, asset, removal)):
            self._telemetry.metrics.content_evicted("missing")
            self._telemetry.log.error(
                "content.missing", job=asset.job_id, output=asset.output, sha256=asset.sha256
            )
        if self._blobs is not None:
            try:
                await self._blobs.delete(asset.name)
            except BlobFailed as error:
                self._telemetry.log.warning("content.not_removed", why=error.why)


def _has_expired(job: Job, now: int) -> bool:
    """Return whether the expiry that the upstream stated has passed."""
    return job.copy_expires_at is not None and job.copy_expires_at * 1000 <= now


def record_asset(tx: Transaction, asset: Asset) -> tuple[bool, Job | None]:
    """Add a stored video's row unless it was withdrawn; return the job if it changed."""
    jobs.lock(tx, asset.job_id)  # a concurrent withdrawal waits, or is already visible
    if withdrawals.find(tx, asset.job_id) is not None or not assets.add(tx, asset):
        return False, None
    archivals.settle(tx, asset.job_id, asset.output)
    regained = job_content.regain(tx, asset.job_id)
    return True, jobs.find(tx, asset.job_id) if regained else None
