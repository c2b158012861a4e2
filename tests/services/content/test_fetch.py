"""One download, told apart from its clients: what goes wrong on the way, and what is left then."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import pytest

from gateway.adapters.database import open_database
from gateway.adapters.local_blobs import LocalBlobs
from gateway.domain.errors import StorageFailed
from gateway.domain.job import Job, JobId, Status
from gateway.domain.upstream import ContentFailed
from gateway.ports import ContentStream, Database, Transaction
from gateway.services.content.fetch import Fetches, NotShared
from gateway.services.content.store import AssetStore
from gateway.services.job_cache import JobCache
from gateway.store import assets, withdrawals
from gateway.store.withdrawals import Withdrawal
from gateway.telemetry.bundle import Telemetry
from tests.fakes.clock import FakeClock
from tests.harness import until

T = TypeVar("T")

FILM = random.Random(5).randbytes(1_000_000)

JOB = Job(
    id=JobId("gen-vid-1790000000-abc"),
    team="growth",
    key="ci",
    upstream="openrouter",
    upstream_id="up-1",
    model="m",
    status=Status.COMPLETED,
    version=3,
    created_at=0,
    ended_at=1,
    cause=None,
    error=None,
    estimate_micros=0,
    cost_micros=0,
    raw_cost=None,
    is_byok=None,
    outputs=1,
    copy_expires_at=None,
    zdr=False,
    retain=True,
    request_id="r",
    traceparent=None,
    content_gone=False,
    profile="p",
    announced=True,
)


@dataclass
class Upstream:
    """Hands out films, one for each download in turn, the last again and again."""

    films: Sequence[bytes] = (FILM,)
    fails_after: int | None = None  # bytes, of the first download
    content_type: str = "video/mp4"
    downloads: int = 0
    hold: asyncio.Event = field(default_factory=asyncio.Event)  # awaited before the last chunk

    def __post_init__(self) -> None:
        self.hold.set()

    @asynccontextmanager
    async def source(self) -> AsyncIterator[ContentStream]:
        film = self.films[min(self.downloads, len(self.films) - 1)]
        stops = self.fails_after if self.downloads == 0 else None
        self.downloads += 1
        yield _Stream(film, stops, self.content_type, self.hold)


@dataclass
class _Stream:
    film: bytes
    stops: int | None
    content_type: str
    hold: asyncio.Event

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.film), 100_000):
            if self.stops is not None and start >= self.stops:
                raise ContentFailed("cut")
            if start + 100_000 >= len(self.film):
                await self.hold.wait()
            yield self.film[start : start + 100_000]


class Stage:
    """A shelf on a real folder and a real database, and the fetches before it."""

    def __init__(self, folder: Path, database: Database, max_bytes: int = 10**9) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.telemetry = Telemetry()
        blobs = LocalBlobs.open_folder(folder, create=True)
        assert blobs is not None
        self.blobs = blobs
        self.asset_store = AssetStore(
            database,
            self.clock,
            random.SystemRandom(),  # two stages of one folder must not give the same names
            blobs,
            "cache",
            max_bytes,
            JobCache(database, self.clock, max_age=None),
            self.telemetry,
            installation="us",
        )
        self.fetches = Fetches(self.asset_store, self.telemetry)

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.glob("??/*"))

    async def close(self) -> None:
        await self.fetches.close()
        await self.blobs.close()


class Failing:
    """A database whose next write may have happened or not: nobody knows."""

    def __init__(self, database: Database, *, happens: bool) -> None:
        self._database = database
        self._happens = happens

    async def write(self, act: Callable[[Transaction], T]) -> T:
        if self._happens:
            await self._database.write(act)
        raise StorageFailed("the connection broke")

    async def read(self, act: Callable[[Transaction], T]) -> T:
        return await self._database.read(act)

    async def close(self) -> None:
        await self._database.close()


@pytest.fixture
async def kept(sqlite_url: str) -> AsyncIterator[Database]:
    database = await open_database(sqlite_url)
    yield database
    await database.close()


@pytest.fixture
async def stage(tmp_path: Path, kept: Database) -> AsyncIterator[Stage]:
    stage = Stage(tmp_path / "content", kept)
    yield stage
    await stage.close()


def _begun(stage: Stage) -> Callable[[], Awaitable[bool]]:
    async def begun() -> bool:
        return stage.files() != []

    return begun


async def _followed(stage: Stage, source: Callable[[], AbstractAsyncContextManager]) -> bytes:
    fetch = stage.fetches.begin(JOB, 0, source)
    async with fetch.follow() as chunks:
        return b"".join([chunk async for chunk in chunks])


async def test_what_was_fetched_is_stored_and_told_by_a_row(stage: Stage, kept: Database) -> None:
    upstream = Upstream()
    fetch = stage.fetches.begin(JOB, 0, upstream.source)

    assert await fetch.ended() == "stored"
    (asset,) = await kept.read(lambda tx: assets.of_job(tx, JOB.id))
    assert stage.files() == [asset.name]
    assert asset.size == len(FILM)


async def test_who_asks_meanwhile_joins(stage: Stage) -> None:
    upstream = Upstream()
    upstream.hold.clear()
    first = stage.fetches.begin(JOB, 0, upstream.source)
    second = stage.fetches.begin(JOB, 0, upstream.source)
    upstream.hold.set()

    assert first is second
    assert await first.ended() == "stored"
    assert upstream.downloads == 1
    await asyncio.sleep(0)
    assert stage.fetches.under_way(JOB.id, 0) is None


async def test_a_client_goes_on_by_itself_when_the_store_fails_midway(
    tmp_path: Path, kept: Database
) -> None:
    stage = Stage(tmp_path / "content", kept, max_bytes=450_000)
    upstream = Upstream()

    assert await _followed(stage, upstream.source) == FILM
    assert upstream.downloads == 2
    assert stage.files() == []
    await stage.close()


async def test_two_different_videos_are_never_joined_into_one(
    tmp_path: Path, kept: Database
) -> None:
    stage = Stage(tmp_path / "content", kept, max_bytes=450_000)
    other = random.Random(6).randbytes(1_000_000)

    with pytest.raises(ContentFailed, match="other bytes"):
        await _followed(stage, Upstream([FILM, other]).source)
    await stage.close()


async def test_a_second_download_that_is_too_short_is_no_end(
    tmp_path: Path, kept: Database
) -> None:
    stage = Stage(tmp_path / "content", kept, max_bytes=450_000)

    with pytest.raises(ContentFailed, match="shorter"):
        await _followed(stage, Upstream([FILM, FILM[:300_000]]).source)
    await stage.close()


async def test_a_store_that_takes_nothing_leaves_the_client_to_itself(
    tmp_path: Path, kept: Database
) -> None:
    stage = Stage(tmp_path / "content", kept)
    (tmp_path / "content").rename(tmp_path / "away")
    (tmp_path / "content").write_text("no folder")
    upstream = Upstream()

    with pytest.raises(NotShared):
        await _followed(stage, upstream.source)

    assert upstream.downloads == 0
    assert not stage.asset_store.takes(JOB)  # it rests
    await stage.clock.advance(11)
    assert stage.asset_store.takes(JOB)
    await stage.close()


async def test_an_upstream_that_breaks_off_leaves_nothing(stage: Stage) -> None:
    with pytest.raises(ContentFailed, match="cut"):
        await _followed(stage, Upstream(fails_after=500_000).source)

    assert stage.files() == []
    assert stage.asset_store.takes(JOB)  # the store is not to blame


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json"])
async def test_what_can_not_be_a_video_is_refused(stage: Stage, kind: str) -> None:
    with pytest.raises(ContentFailed):
        await _followed(stage, Upstream(content_type=kind).source)

    assert stage.files() == []


async def test_nothing_at_all_is_no_video(stage: Stage) -> None:
    with pytest.raises(ContentFailed, match="no bytes"):
        await _followed(stage, Upstream([b""]).source)

    assert stage.files() == []


async def test_stopping_cuts_the_clients_and_leaves_nothing(stage: Stage) -> None:
    upstream = Upstream()
    upstream.hold.clear()
    client = asyncio.create_task(_followed(stage, upstream.source))
    await until(_begun(stage))

    await stage.fetches.close()

    with pytest.raises(ContentFailed):
        await client
    await stage.blobs.close()
    assert stage.files() == []


async def test_what_was_taken_back_meanwhile_is_not_stored(stage: Stage, kept: Database) -> None:
    upstream = Upstream()
    upstream.hold.clear()
    fetch = stage.fetches.begin(JOB, 0, upstream.source)
    await kept.write(lambda tx: withdrawals.add(tx, Withdrawal(JOB.id, 0, "ops", None)))
    upstream.hold.set()

    assert await fetch.ended() == "not_stored"
    assert stage.files() == []


@pytest.mark.parametrize("happens", [True, False])
async def test_a_database_that_does_not_say_leaves_the_file_to_be_tidied(
    tmp_path: Path, kept: Database, happens: bool
) -> None:
    """With the row the video is stored, without it the next tidying removes the file."""
    stage = Stage(tmp_path / "content", Failing(kept, happens=happens))
    fetch = stage.fetches.begin(JOB, 0, Upstream().source)

    assert await fetch.ended() == "not_stored"
    rows = await kept.read(lambda tx: assets.of_job(tx, JOB.id))
    assert len(rows) == int(happens)
    assert [row.name for row in rows] == stage.files() or not happens
    assert len(stage.files()) == 1
    await stage.close()


async def test_what_another_process_stored_first_stays_and_ours_goes(
    stage: Stage, kept: Database, tmp_path: Path
) -> None:
    upstream = Upstream()
    upstream.hold.clear()
    fetch = stage.fetches.begin(JOB, 0, upstream.source)
    other = Stage(tmp_path / "content", kept)
    assert await other.fetches.begin(JOB, 0, Upstream().source).ended() == "stored"
    before = [name for name in stage.files() if not name.startswith(".")]
    upstream.hold.set()

    assert await fetch.ended() == "not_stored"
    assert stage.files() == before
    await other.close()
