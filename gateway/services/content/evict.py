"""Evict stored videos by age and space, and remove files without a row."""

from collections.abc import Sequence
from datetime import timedelta

from gateway.domain.content import Asset, BlobFailed, is_of, make_room
from gateway.domain.units import epoch_ms
from gateway.ports import Blobs, Clock, Database, Found, Transaction
from gateway.services.content.fetch import Fetches
from gateway.services.content.store import AssetStore
from gateway.store import assets, job_content
from gateway.store.assets import MarkedAsset, Removal
from gateway.telemetry.bundle import Telemetry

_BATCH = 200  # rows per step; the next step handles the rest

# The time between marking and deleting a video if other processes use the store. It is much longer
# than the interval at which each of them records the videos it reads (EVERY_SECONDS).
GRACE = timedelta(seconds=30)
EVERY_SECONDS = 5.0

# A younger file without a row may belong to another process that is about to write the row.
_STRAY_AGE = timedelta(hours=1)


class Evictor:
    """Removes videos by age and by space, least recently used first, never while they are read.

    It first marks a video for deletion in its row and deletes it later; a read in between removes
    the mark. Several processes may do this with one store at once.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        blobs: Blobs,
        asset_store: AssetStore,
        fetches: Fetches,
        telemetry: Telemetry,
        *,
        retention: timedelta,
        shared: bool,
    ) -> None:
        """Create an evictor; `shared`: other processes may use the database and the store."""
        self._database = database
        self._clock = clock
        self._blobs = blobs
        self._asset_store = asset_store
        self._fetches = fetches
        self._telemetry = telemetry
        self._retention = retention
        self._shared = shared
        self._leaving: set[str] = set()  # removed from the database; deleted once nobody reads it

    async def write_uses(self) -> None:
        """Record the videos read since the last call, in one transaction."""
        used = self._asset_store.uses.take()
        if not used:
            return
        now = self._now()
        try:
            await self._database.write(lambda tx: assets.touch(tx, used, now=now))
        except BaseException:
            self._asset_store.uses.put_back(used)
            raise

    async def announce(self) -> None:
        """Mark videos for deletion that are too old or that must make room."""
        now = self._now()
        expired_at = now - int(self._retention.total_seconds() * 1000)
        store = self._blobs.store

        def look(tx: Transaction) -> tuple[list[Asset], list[Asset], int]:
            old = assets.stored_before(tx, store, moment=expired_at, limit=_BATCH)
            held = assets.totals(tx, store).size + self._asset_store.writing
            excess = held - self._asset_store.max_bytes
            return old, assets.least_used(tx, store, limit=_BATCH) if excess > 0 else [], excess

        old, least_used, excess = await self._database.read(look)
        expired = self._unread(old)
        excess -= sum(asset.size for asset in expired)
        squeezed = make_room((a for a in self._unread(least_used) if a not in expired), excess)
        if not expired and not squeezed:
            return

        def act(tx: Transaction) -> None:
            for asset in expired:
                assets.mark_for_deletion(tx, asset, "retention", now=now)
            for asset in squeezed:
                assets.mark_for_deletion(tx, asset, "space", now=now)

        await self._database.write(act)

    async def carry_out(self) -> None:
        """Remove videos that were marked long enough ago and are not being read."""
        grace = GRACE if self._shared else timedelta(0)
        moment = self._now() - int(grace.total_seconds() * 1000)
        store = self._blobs.store
        marked = await self._database.read(
            lambda tx: assets.marked_before(tx, store, moment=moment, limit=_BATCH)
        )
        for one in marked:
            if not self._asset_store.uses.now_read(one.asset.name):
                await self._remove(one)
        for name in sorted(self._leaving):
            if not self._asset_store.uses.now_read(name):
                self._leaving.discard(name)
                await self._delete(name)

    async def tidy(self) -> None:
        """Remove files without a row, which a crash between file and row leaves behind.

        Only files of this installation are removed; the store may contain files of others.

        Raises:
            BlobFailed: the store does not respond.

        """
        batch: list[Found] = []
        async for found in self._blobs.found():
            if is_of(self._asset_store.installation, found.name):
                batch.append(found)
            if len(batch) == _BATCH:
                await self._tidy(batch)
                batch = []
        await self._tidy(batch)

    async def _remove(self, one: MarkedAsset) -> None:
        """Delete a video's row, so that no new read starts, and queue its file for deletion.

        The row is deleted first, because `tidy` finds a file without a row.
        """
        now = self._now()
        at_upstream = one.upstream_until is not None and one.upstream_until * 1000 > now

        def act(tx: Transaction) -> tuple[bool, bool]:
            held = assets.holdings(tx, one.asset.job_id, one.asset.output)
            last_copy = len(held) == 1 and not at_upstream
            removal = Removal(one.because, "gateway", last_copy, now)
            removed = assets.remove(tx, one.asset, removal)
            if removed and last_copy and one.upstream_until is not None:
                job_content.lose(tx, one.asset.job_id)  # the upstream's stated expiry has passed
            return removed, last_copy

        removed, last_copy = await self._database.write(act)
        if removed:
            self._leaving.add(one.asset.name)
            self._told(one, last_copy, now)

    def _told(self, one: MarkedAsset, last_copy: bool, now: int) -> None:
        """Count and log an eviction; evicting a last copy for space is a warning."""
        asset = one.asset
        early = one.because == "space" and last_copy
        tell = self._telemetry.log.warning if early else self._telemetry.log.info
        tell(
            "content.evicted",
            job=asset.job_id,
            output=asset.output,
            team=asset.team,
            reason=one.because,
            last_copy=last_copy,
            bytes=asset.size,
            sha256=asset.sha256,
            stored_seconds=(now - asset.stored_at) // 1000,
            unused_seconds=(now - asset.last_used_at) // 1000,
        )
        self._telemetry.metrics.content_evicted(one.because)

    async def _tidy(self, batch: Sequence[Found]) -> None:
        if not batch:
            return
        # The order matters: a file that is being written now is in the set, or it has its row when
        # the next line reads the database.
        writing = self._fetches.names
        names = {found.name for found in batch}
        known = await self._database.read(lambda tx: assets.known(tx, names))
        young = self._clock.now() - _STRAY_AGE if self._shared else None
        for found in batch:
            if found.name in known or found.name in writing:
                continue
            if young is None or found.modified < young:
                await self._delete(found.name)
                self._telemetry.log.warning("content.stray_removed", name=found.name)

    async def _delete(self, name: str) -> None:
        try:
            await self._blobs.delete(name)
        except BlobFailed as error:
            # It has no row any more, so the next `tidy` tries again.
            self._telemetry.log.error("content.not_removed", name=name, why=error.why)

    def _unread(self, candidates: Sequence[Asset]) -> list[Asset]:
        return [asset for asset in candidates if not self._asset_store.uses.now_read(asset.name)]

    def _now(self) -> int:
        return epoch_ms(self._clock.now())
