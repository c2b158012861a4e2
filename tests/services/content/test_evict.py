"""Eviction: by age and space, never while a video is read, and with a record of each removal."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gateway.adapters.local_blobs import LocalBlobs
from gateway.domain.content import Asset, blob_name
from gateway.domain.units import epoch_ms
from gateway.ports import Database, Row, Transaction
from gateway.services.content.evict import GRACE, Evictor
from gateway.services.content.fetch import Fetches
from gateway.services.content.store import AssetStore
from gateway.services.job_cache import JobCache
from gateway.store import assets
from gateway.telemetry.bundle import Telemetry
from tests.fakes.clock import FakeClock

T = TypeVar("T")

DAY = 86_400.0


class Store:
    """A folder with videos of 100 bytes, their rows, and an evictor."""

    def __init__(
        self, folder: Path, database: Database, *, room_for: int = 100, shared: bool = False
    ) -> None:
        self.folder = folder
        self.database = database
        self.clock = FakeClock()
        self.telemetry = Telemetry()
        self.random = random.Random(3)
        blobs = LocalBlobs.open_folder(folder, create=True)
        assert blobs is not None
        self.blobs = blobs
        self.asset_store = AssetStore(
            database,
            self.clock,
            self.random,
            blobs,
            "cache",
            room_for * 100,
            JobCache(database, self.clock, max_age=None),
            self.telemetry,
            installation="us",
        )
        self.fetches = Fetches(self.asset_store, self.telemetry)
        self.evictor = Evictor(
            database,
            self.clock,
            blobs,
            self.asset_store,
            self.fetches,
            self.telemetry,
            retention=timedelta(days=30),
            shared=shared,
        )

    async def put(self, job: str, *, upstream_until: int | None = None) -> Asset:
        """Create a completed job with one stored video."""
        draft = await self.blobs.draft(blob_name(job, 0, "us", self.random))
        await draft.write(b"x" * 100)
        await draft.keep()
        draft.close()
        now = epoch_ms(self.clock.now())
        asset = Asset(draft.name, job, 0, self.blobs.store, "growth", 100, draft.sha256, now, now)

        def act(tx: Transaction) -> None:
            tx.execute(_JOB, id=job, token=f"hash of {job}", now=now, until=upstream_until)
            assets.add(tx, asset)

        await self.database.write(act)
        await self.clock.advance(1)
        return asset

    async def round(self) -> None:
        await self.evictor.write_uses()
        await self.evictor.announce()
        await self.evictor.carry_out()

    async def jobs(self) -> list[str]:
        """Return the jobs with stored videos, by the rows; check that the files agree."""
        rows = await self.database.read(lambda tx: tx.fetch("SELECT name, job_id FROM assets"))
        files = {path.name for path in self.folder.glob("??/*")}
        assert files == {row["name"] for row in rows}
        return sorted(row["job_id"] for row in rows)

    async def removals(self) -> list[Row]:
        return list(
            await self.database.read(
                lambda tx: tx.fetch("SELECT * FROM asset_removals ORDER BY stored_at")
            )
        )

    async def gone(self, job: str) -> bool:
        def act(tx: Transaction) -> Mapping[str, Any] | None:
            return tx.fetchrow("SELECT content_gone FROM jobs WHERE id = :id", id=job)

        row = await self.database.read(act)
        assert row is not None
        return bool(row["content_gone"])

    async def close(self) -> None:
        await self.blobs.close()


class Meanwhile:
    """A database that runs a callback before its next write."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.before_write: Callable[[], object] = lambda: None

    async def write(self, act: Callable[[Transaction], T]) -> T:
        self.before_write()
        self.before_write = lambda: None
        return await self._database.write(act)

    async def read(self, act: Callable[[Transaction], T]) -> T:
        return await self._database.read(act)

    async def close(self) -> None:
        await self._database.close()


_JOB = """
INSERT INTO jobs (
  id, team, key_name, upstream, model, status, version, created_at, ended_at, estimate_micros,
  outputs, copy_expires_at, content_gone, zdr, retain, fingerprint, dedupe, profile, token_hash,
  decision, config_version, request_id, announced, polls
) VALUES (
  :id, 'growth', 'ci', 'openrouter', 'm', 'completed', 1, :now, :now, 0, 1, :until, 0, 0, 1, 'f',
  'miss', 'p', :token, '{}', 'v', 'r', 1, 0
)
"""


@pytest.fixture
async def store(tmp_path: Path, database: Database) -> AsyncIterator[Store]:
    store = Store(tmp_path / "content", database, room_for=3)
    yield store
    await store.close()


async def test_videos_within_the_limit_are_kept(store: Store) -> None:
    for job in ("a", "b", "c"):
        await store.put(job)

    await store.round()

    assert await store.jobs() == ["a", "b", "c"]


async def test_the_least_recently_used_videos_are_evicted(store: Store) -> None:
    kept = [await store.put(job) for job in ("a", "b", "c", "d", "e")]
    async with store.asset_store.open(kept[0]):
        pass
    await store.clock.advance(1)

    await store.round()

    assert await store.jobs() == ["a", "d", "e"]


async def test_a_video_that_is_being_read_is_evicted_after_its_reader(store: Store) -> None:
    kept = [await store.put(job) for job in ("a", "b", "c", "d")]

    async with store.asset_store.open(kept[0]):
        await store.clock.advance(100)
        for job in ("e", "f", "g"):
            await store.put(job)
        await store.round()
        assert "a" in await store.jobs()
    for job in ("h", "i", "j"):
        await store.put(job)
    await store.round()

    assert await store.jobs() == ["h", "i", "j"]


async def test_a_file_opened_just_before_its_removal_is_deleted_after_its_reader(
    tmp_path: Path, database: Database
) -> None:
    """The reader finds the row just before its removal."""
    meanwhile = Meanwhile(database)
    store = Store(tmp_path / "content", meanwhile, room_for=3)
    kept = [await store.put(job) for job in ("a", "b", "c", "d")]
    await store.evictor.announce()
    reading = ExitStack()
    meanwhile.before_write = lambda: reading.enter_context(
        store.asset_store.uses.reading(kept[0].name)
    )

    await store.evictor.carry_out()
    async with store.blobs.open(kept[0].name) as blob:
        assert blob.size == 100
    reading.close()
    await store.evictor.carry_out()

    assert await store.jobs() == ["b", "c", "d"]
    await store.close()


async def test_a_video_older_than_retention_is_evicted_despite_free_space(store: Store) -> None:
    await store.put("a")
    await store.clock.advance(29 * DAY)
    await store.put("b")
    await store.round()
    assert await store.jobs() == ["a", "b"]

    await store.clock.advance(1 * DAY)
    await store.round()

    assert await store.jobs() == ["b"]


async def test_a_removal_is_recorded_with_video_time_and_reason(store: Store) -> None:
    kept = await store.put("a")
    for job in ("b", "c", "d"):
        await store.put(job)
    await store.round()

    (row,) = await store.removals()

    now = epoch_ms(store.clock.now())
    expected = {
        "name": kept.name,
        "job_id": "a",
        "output": 0,
        "size": 100,
        "sha256": kept.sha256,
        "stored_at": kept.stored_at,
        "removed_at": now,
        "reason": "space",
        "made_by": "gateway",
        "last_copy": 1,
    }
    assert {name: row[name] for name in expected} == expected


async def test_evicting_a_last_copy_early_is_logged_and_counted(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    until = int(store.clock.now().timestamp()) + 10_000
    await store.put("copied", upstream_until=until)
    await store.put("only")
    for job in ("c", "d", "e"):
        await store.put(job)
    capsys.readouterr()

    await store.round()

    told = capsys.readouterr().out
    early = next(line for line in told.splitlines() if "job=only" in line)
    copied = next(line for line in told.splitlines() if "job=copied" in line)
    assert "warning" in early
    assert "last_copy=True" in early
    assert "info" in copied
    assert "last_copy=False" in copied
    page = store.telemetry.metrics.render()[0].decode()
    assert 'content_evictions_total{reason="space"} 2.0' in page


async def test_evicting_the_last_copy_after_the_upstreams_expiry_marks_the_content_gone(
    store: Store,
) -> None:
    now = int(store.clock.now().timestamp())
    await store.put("out", upstream_until=now - 5)
    await store.put("there", upstream_until=now + 10_000)
    await store.put("unsaid")
    for job in ("x", "y", "z"):
        await store.put(job)

    await store.round()

    assert [await store.gone(job) for job in ("out", "there", "unsaid")] == [True, False, False]


async def test_in_a_shared_store_a_removal_waits_and_a_read_cancels_it(
    tmp_path: Path, database: Database
) -> None:
    store = Store(tmp_path / "content", database, room_for=1, shared=True)
    other = Store(tmp_path / "content", database, room_for=1, shared=True)
    kept = [await store.put(job) for job in ("a", "b", "c")]
    await store.round()  # a and b are marked for deletion
    assert await store.jobs() == ["a", "b", "c"]

    other.clock = store.clock
    other.evictor = Evictor(
        database,
        store.clock,
        other.blobs,
        other.asset_store,
        other.fetches,
        other.telemetry,
        retention=timedelta(days=30),
        shared=True,
    )
    async with other.asset_store.open(kept[0]):
        await other.evictor.write_uses()
        await store.clock.advance(GRACE.total_seconds() + 1)
        await store.evictor.carry_out()
        assert await store.jobs() == ["a", "c"]

    await other.close()
    await store.close()


async def test_two_evictors_of_one_store_remove_as_much_as_one(
    tmp_path: Path, database: Database
) -> None:
    one = Store(tmp_path / "content", database, room_for=3)
    other = Store(tmp_path / "content", database, room_for=3)
    for job in ("a", "b", "c", "d", "e", "f"):
        await one.put(job)
    await other.clock.advance(6)

    await asyncio.gather(one.round(), other.round())

    assert await one.jobs() == ["d", "e", "f"]
    assert len(await one.removals()) == 3
    await one.close()
    await other.close()


async def test_files_without_a_row_are_removed_at_the_next_start(store: Store) -> None:
    """A crash between renaming the file and writing its row leaves such a file."""
    await store.put("a")
    draft = await store.blobs.draft(blob_name("b", 0, "us", store.random))
    await draft.keep()
    draft.close()

    await store.evictor.tidy()

    assert await store.jobs() == ["a"]


async def test_in_a_shared_store_only_old_files_without_a_row_are_removed(
    tmp_path: Path, database: Database
) -> None:
    store = Store(tmp_path / "content", database, shared=True)
    names = []
    for age in (timedelta(minutes=50), timedelta(minutes=70)):
        draft = await store.blobs.draft(blob_name("b", 0, "us", store.random))
        await draft.keep()
        draft.close()
        (path,) = [p for p in store.folder.glob("??/*") if p.name == draft.name]
        moment = (store.clock.now() - age).timestamp()
        os.utime(path, (moment, moment))
        names.append(draft.name)

    await store.evictor.tidy()

    assert [path.name for path in store.folder.glob("??/*")] == names[:1]
    await store.close()


async def test_files_of_another_installation_are_kept(store: Store) -> None:
    draft = await store.blobs.draft(blob_name("theirs", 0, "them", store.random))
    await draft.keep()
    draft.close()

    await store.evictor.tidy()

    assert [path.name for path in store.folder.glob("??/*")] == [draft.name]


async def test_a_use_that_could_not_be_recorded_is_recorded_later(store: Store) -> None:
    asset = await store.put("a")
    async with store.asset_store.open(asset):
        pass
    used = store.asset_store.uses.take()
    store.asset_store.uses.put_back(used)
    await store.clock.advance(50)

    await store.evictor.write_uses()

    (row,) = await store.database.read(lambda tx: assets.of_job(tx, "a"))
    assert row.last_used_at == epoch_ms(store.clock.now())
