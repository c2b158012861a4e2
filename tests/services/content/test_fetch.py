"""One download that several clients follow: its failures, and what they leave behind."""

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
from gateway.domain.content import ByteRange
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
    """Serves one film per download in turn, and repeats the last."""

    films: Sequence[bytes] = (FILM,)
    fails_after: int | None = None  # bytes, of the first download
    content_type: str = "video/mp4"
    downloads: int = 0
    hold: asyncio.Event = field(default_factory=asyncio.Event)  # awaited before the last chunk
    announces: bool = False  # whether it says how many bytes there are

    def __post_init__(self) -> None:
        self.hold.set()

    @asynccontextmanager
    async def source(self) -> AsyncIterator[ContentStream]:
        film = self.films[min(self.downloads, len(self.films) - 1)]
        stops = self.fails_after if self.downloads == 0 else None
        self.downloads += 1
        size = len(film) if self.announces else None
        yield _Stream(film, stops, self.content_type, self.hold, size)


@dataclass
class _Stream:
    film: bytes
    stops: int | None
    content_type: str
    hold: asyncio.Event
    size: int | None = None
    part: ByteRange | None = None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.film), 100_000):
            if self.stops is not None and start >= self.stops:
                raise ContentFailed("cut")
            if start + 100_000 >= len(self.film):
                await self.hold.wait()
            yield self.film[start : start + 100_000]


class Stage:
    """An asset store on a real folder and a real database, with its fetches."""

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
            random.SystemRandom(),  # two stages of one folder must generate different names
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
    """A database whose next write has an unknown outcome."""

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
    async with fetch.follow() as copy:
        return b"".join([chunk async for chunk in copy.read()])


async def test_a_fetched_video_is_stored_with_a_row(stage: Stage, kept: Database) -> None:
    upstream = Upstream()
    fetch = stage.fetches.begin(JOB, 0, upstream.source)

    assert await fetch.ended() == "stored"
    (asset,) = await kept.read(lambda tx: assets.of_job(tx, JOB.id))
    assert stage.files() == [asset.name]
    assert asset.size == len(FILM)


async def test_a_second_client_joins_the_running_download(stage: Stage) -> None:
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


async def test_a_range_is_read_from_the_copy_that_is_being_written(stage: Stage) -> None:
    upstream = Upstream(announces=True)
    upstream.hold.clear()
    fetch = stage.fetches.begin(JOB, 0, upstream.source)

    async with fetch.follow() as copy:
        size = await copy.sized()
        part = b"".join([chunk async for chunk in copy.read(150_000, 250_000)])
        still_running = fetch.outcome is None
        upstream.hold.set()

    assert (size, part, still_running) == (len(FILM), FILM[150_000:250_000], True)


async def test_a_size_that_was_not_announced_is_known_at_the_end(stage: Stage) -> None:
    upstream = Upstream()
    fetch = stage.fetches.begin(JOB, 0, upstream.source)

    async with fetch.follow() as copy:
        before = copy.size
        assert (before, await copy.sized()) == (None, len(FILM))
        assert [chunk async for chunk in copy.read(999_990, 1_000_000)] == [FILM[-10:]]


async def test_an_upstream_that_breaks_off_before_the_size_is_known_is_a_failure(
    stage: Stage,
) -> None:
    fetch = stage.fetches.begin(JOB, 0, Upstream(fails_after=500_000).source)

    async with fetch.follow() as copy:
        with pytest.raises(ContentFailed, match="cut"):
            await copy.sized()


@pytest.mark.parametrize(("start", "stop"), [(0, 1_000_000), (100, 500_000), (800_000, 900_000)])
async def test_a_range_is_continued_by_a_second_download_if_the_store_fails_midway(
    tmp_path: Path, kept: Database, start: int, stop: int
) -> None:
    stage = Stage(tmp_path / "content", kept, max_bytes=450_000)
    upstream = Upstream(announces=True)
    fetch = stage.fetches.begin(JOB, 0, upstream.source)

    async with fetch.follow() as copy:
        part = b"".join([chunk async for chunk in copy.read(start, stop)])

    assert part == FILM[start:stop]
    assert upstream.downloads == 2
    await stage.close()


async def test_a_range_that_a_shorter_second_download_lacks_is_a_failure(
    tmp_path: Path, kept: Database
) -> None:
    """The client was told the length of the part: ended early, it must be cut."""
    stage = Stage(tmp_path / "content", kept, max_bytes=450_000)
    upstream = Upstream([FILM, FILM[:850_000]], announces=True)
    fetch = stage.fetches.begin(JOB, 0, upstream.source)

    async with fetch.follow() as copy:
        with pytest.raises(ContentFailed, match="shorter"):
            [chunk async for chunk in copy.read(800_000, 900_000)]
    await stage.close()


async def test_the_size_stays_unknown_if_the_store_fails_before_the_end(
    tmp_path: Path, kept: Database
) -> None:
    stage = Stage(tmp_path / "content", kept, max_bytes=450_000)
    fetch = stage.fetches.begin(JOB, 0, Upstream().source)

    async with fetch.follow() as copy:
        assert await copy.sized() is None
        assert b"".join([chunk async for chunk in copy.read()]) == FILM
    await stage.close()


async def test_a_client_continues_by_itself_if_the_store_fails_midway(
    tmp_path: Path, kept: Database
) -> None:
    stage = Stage(tmp_path / "content", kept, max_bytes=450_000)
    upstream = Upstream()

    assert await _followed(stage, upstream.source) == FILM
    assert upstream.downloads == 2
    assert stage.files() == []
    await stage.close()


async def test_halves_of_different_videos_are_never_joined(tmp_path: Path, kept: Database) -> None:
    stage = Stage(tmp_path / "content", kept, max_bytes=450_000)
    other = random.Random(6).randbytes(1_000_000)

    with pytest.raises(ContentFailed, match="differs from the first"):
        await _followed(stage, Upstream([FILM, other]).source)
    await stage.close()


async def test_a_shorter_second_download_is_a_failure(tmp_path: Path, kept: Database) -> None:
    stage = Stage(tmp_path / "content", kept, max_bytes=450_000)

    with pytest.raises(ContentFailed, match="shorter"):
        await _followed(stage, Upstream([FILM, FILM[:300_000]]).source)
    await stage.close()


async def test_a_client_downloads_by_itself_if_the_store_accepts_nothing(
    tmp_path: Path, kept: Database
) -> None:
    stage = Stage(tmp_path / "content", kept)
    (tmp_path / "content").rename(tmp_path / "away")
    (tmp_path / "content").write_text("no folder")
    upstream = Upstream()

    with pytest.raises(NotShared):
        await _followed(stage, upstream.source)

    assert upstream.downloads == 0
    assert not stage.asset_store.takes(JOB)  # it pauses after a failure
    await stage.clock.advance(11)
    assert stage.asset_store.takes(JOB)
    await stage.close()


async def test_an_incomplete_download_is_discarded(stage: Stage) -> None:
    with pytest.raises(ContentFailed, match="cut"):
        await _followed(stage, Upstream(fails_after=500_000).source)

    assert stage.files() == []
    assert stage.asset_store.takes(JOB)  # the store did not fail


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json"])
async def test_a_response_that_is_not_a_video_is_refused(stage: Stage, kind: str) -> None:
    with pytest.raises(ContentFailed):
        await _followed(stage, Upstream(content_type=kind).source)

    assert stage.files() == []


async def test_an_empty_response_is_refused(stage: Stage) -> None:
    with pytest.raises(ContentFailed, match="the response is empty"):
        await _followed(stage, Upstream([b""]).source)

    assert stage.files() == []


async def test_closing_ends_the_clients_and_discards_the_draft(stage: Stage) -> None:
    upstream = Upstream()
    upstream.hold.clear()
    client = asyncio.create_task(_followed(stage, upstream.source))
    await until(_begun(stage))

    await stage.fetches.close()

    with pytest.raises(ContentFailed):
        await client
    await stage.blobs.close()
    assert stage.files() == []


async def test_a_video_withdrawn_meanwhile_is_not_stored(stage: Stage, kept: Database) -> None:
    upstream = Upstream()
    upstream.hold.clear()
    fetch = stage.fetches.begin(JOB, 0, upstream.source)
    await kept.write(lambda tx: withdrawals.add(tx, Withdrawal(JOB.id, 0, "ops", None)))
    upstream.hold.set()

    assert await fetch.ended() == "not_stored"
    assert stage.files() == []


@pytest.mark.parametrize("happens", [True, False])
async def test_with_an_unknown_database_outcome_the_file_is_kept(
    tmp_path: Path, kept: Database, happens: bool
) -> None:
    """With the row the video is stored; without it the next cleanup removes the file."""
    stage = Stage(tmp_path / "content", Failing(kept, happens=happens))
    fetch = stage.fetches.begin(JOB, 0, Upstream().source)

    assert await fetch.ended() == "not_stored"
    rows = await kept.read(lambda tx: assets.of_job(tx, JOB.id))
    assert len(rows) == int(happens)
    assert [row.name for row in rows] == stage.files() or not happens
    assert len(stage.files()) == 1
    await stage.close()


async def test_the_copy_of_the_first_process_is_kept(
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
