"""One upstream download on its way into the store, and the clients that read along.

The upstream is read as fast as the store takes it. Clients read what was written, each at its own
pace: one that is slow or leaves holds nobody up, and memory holds one chunk for each. If the store
fails, each client goes on by itself from where it stands.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Literal

from gateway.domain.content import SNIFFED, BlobFailed, TooLarge, may_be_video
from gateway.domain.job import Job
from gateway.domain.upstream import ContentFailed
from gateway.ports import ContentStream, Draft
from gateway.services.content.store import AssetStore
from gateway.services.tasks import Tasks
from gateway.telemetry.bundle import Telemetry

_CHUNK = 256 * 1024

Source = Callable[[], AbstractAsyncContextManager[ContentStream]]
"""Opens the upstream's output; each call is a download of its own."""

FetchOutcome = Literal["stored", "not_stored", "gone", "failed"]


class NotShared(Exception):
    """The store failed before there was anything to read along: download it yourself."""


class Fetch:
    """One download. `run` it once; `follow` it from the beginning, any number of times."""

    def __init__(self, job: Job, index: int, source: Source, asset_store: AssetStore) -> None:
        """Nothing is asked of the upstream before `run`."""
        self.job = job
        self.index = index
        self.outcome: FetchOutcome | None = None  # None: under way
        self.name: str | None = None  # what it will be called in the store
        self._source = source
        self._asset_store = asset_store
        self._draft: Draft | None = None
        self._holders = 1  # who may still read the draft: the run itself, and each follower
        self._written = 0  # bytes that count as under way
        self._opened = False  # the upstream hands it over
        self._whole = False  # the upstream has handed it all over
        self.failure: ContentFailed | None = None  # the upstream broke off
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Download and store; what goes wrong is told to the shelf and to those who follow."""
        try:
            self.outcome = await self._run()
        except BaseException as error:
            self.failure = ContentFailed(f"it was ended by {type(error).__name__}")
            self.outcome = "failed"
            raise
        finally:
            self._asset_store.writing -= self._written
            self._written = 0
            self._tell()
            self._let_go()

    async def ended(self) -> FetchOutcome:
        """What became of it, once it is known."""
        while self.outcome is None:
            await self._news.wait()
        return self.outcome

    @asynccontextmanager
    async def follow(self) -> AsyncIterator[AsyncIterator[bytes]]:
        """The bytes from the first on, as they come.

        Raises:
            ContentFailed: on entering, if the upstream does not hand it over; out of the bytes,
                when it breaks off.
            NotShared: on entering, if the store failed before there was a byte.

        """
        self._holders += 1
        try:
            while not self._opened and self.outcome is None:
                await self._news.wait()
            if not self._opened:
                raise self._again() if self.failure is not None else NotShared
            async with aclosing(self._chunks()) as chunks:
                yield chunks
        finally:
            self._let_go()

    async def _run(self) -> FetchOutcome:
        try:
            self._draft = await self._asset_store.draft(self.job, self.index)
            self.name = self._draft.name
            async with opened_video(self._source) as stream:
                self._opened = True
                self._tell()
                await self._copy(stream, self._draft)
            self._whole = True
            self._tell()
            kept = await self._asset_store.keep(self.job, self.index, self._draft)
        except ContentFailed as error:
            await self._discard()
            self.failure = error
            if self._opened:
                self._asset_store.failed(self.job, self.index, BlobFailed("cut", error.why))
            return "gone" if error.gone else "failed"
        except BlobFailed as error:
            await self._discard()
            self._asset_store.failed(self.job, self.index, error)
            return "not_stored"
        except BaseException:
            await asyncio.shield(asyncio.ensure_future(self._discard()))
            raise
        else:
            return "stored" if kept else "not_stored"

    async def _copy(self, stream: ContentStream, draft: Draft) -> None:
        async for chunk in stream:
            if draft.size + len(chunk) > self._asset_store.max_bytes:
                raise TooLarge("full", "the video is larger than content.max_gb")
            if self._asset_store.writing + len(chunk) > self._asset_store.max_bytes:
                raise TooLarge("full", "the downloads under way fill content.max_gb")
            await draft.write(chunk)
            self._asset_store.writing += len(chunk)
            self._written += len(chunk)
            self._tell()

    async def _chunks(self) -> AsyncGenerator[bytes, None]:
        """Everything, from what was stored, and by a download of one's own where that ends."""
        draft, at = self._draft, 0
        if draft is None:
            return
        while True:
            if at < draft.size:
                chunk = await _read(draft, at)
                at += len(chunk)
                yield chunk
            elif self._whole:
                return
            elif self.failure is not None:
                raise self._again()
            elif self.outcome is not None:
                async with aclosing(self._rest(draft, at)) as rest:
                    async for chunk in rest:
                        yield chunk
                return
            else:
                await self._news.wait()

    async def _rest(self, draft: Draft, start: int) -> AsyncGenerator[bytes, None]:
        """What comes after `start`, from the upstream once more, which ignores Range.

        What is skipped must be what the client has already, byte for byte: the two halves of
        different videos would be worse than none.
        """
        at = 0
        async with opened_video(self._source) as stream:
            async for chunk in stream:
                seen = chunk[: max(0, start - at)]
                if seen and seen != await _read(draft, at, len(seen)):
                    raise ContentFailed("a second download has other bytes than the first")
                at += len(chunk)
                if len(seen) < len(chunk):
                    yield chunk[len(seen) :]
        if at < start:
            raise ContentFailed("a second download is shorter than the first")

    def _again(self) -> ContentFailed:
        """Return the upstream's failure, for one more reader."""
        return (self.failure or ContentFailed("unknown")).again()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _discard(self) -> None:
        if self._draft is not None:
            await self._draft.discard()

    def _let_go(self) -> None:
        self._holders -= 1
        if self._holders == 0 and self._draft is not None:
            self._draft.close()


class Fetches:
    """The downloads under way in this process: one for each output, whoever asks for it."""

    def __init__(self, asset_store: AssetStore, telemetry: Telemetry) -> None:
        """Close it with `close`."""
        self.ended = 0  # downloads that are over: who sees it change looks into the store again
        self._asset_store = asset_store
        self._tasks = Tasks(
            lambda name, error: telemetry.log.error(
                "content.fetch_failed", task=name, error=type(error).__name__
            )
        )
        self._running: dict[tuple[str, int], Fetch] = {}

    def under_way(self, job_id: str, index: int) -> Fetch | None:
        """The download of this output, if there is one."""
        fetch = self._running.get((job_id, index))
        return fetch if fetch is not None and fetch.outcome is None else None

    def begin(self, job: Job, index: int, source: Source) -> Fetch:
        """Start to download an output, or join who does."""
        known = self.under_way(job.id, index)
        if known is not None:
            return known
        fetch = Fetch(job, index, source, self._asset_store)
        self._running[job.id, index] = fetch
        task = self._tasks.spawn(fetch.run(), f"content.fetch {job.id}")
        task.add_done_callback(lambda _: self._over(fetch))
        return fetch

    @property
    def names(self) -> set[str]:
        """What is being written and no row speaks of yet."""
        return {fetch.name for fetch in self._running.values() if fetch.name is not None}

    def _over(self, fetch: Fetch) -> None:
        self.ended += 1
        key = (fetch.job.id, fetch.index)
        if self._running.get(key) is fetch:
            del self._running[key]

    async def close(self) -> None:
        """End every download; what is not stored whole leaves nothing."""
        await self._tasks.drain(0)


class OpenedVideo:
    """An upstream's video, of which the first bytes were looked at."""

    def __init__(self, content_type: str, start: bytes, rest: AsyncIterator[bytes]) -> None:
        """`start` was read, `rest` was not."""
        self._content_type = content_type
        self._start = start
        self._rest = rest

    @property
    def content_type(self) -> str:
        """As the upstream states it."""
        return self._content_type

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Every byte, from the first on; once.

        Raises:
            ContentFailed: the upstream breaks off.

        """
        yield self._start
        async for chunk in self._rest:
            yield chunk


@asynccontextmanager
async def opened_video(source: Source) -> AsyncIterator[OpenedVideo]:
    """Open what the upstream hands over, if that is a video.

    Raises:
        ContentFailed: on entering; also where it is empty, or another kind of thing.

    """
    async with source() as stream:
        chunks = aiter(stream)
        start = b""
        async for chunk in chunks:
            start += chunk
            if len(start) >= SNIFFED:
                break
        if not start:
            raise ContentFailed("no bytes")
        if not may_be_video(stream.content_type, start):
            raise ContentFailed(f"it is {stream.content_type[:60]}")
        yield OpenedVideo(stream.content_type, start, chunks)


async def _read(draft: Draft, start: int, length: int = _CHUNK) -> bytes:
    try:
        return await draft.read(start, length)
    except BlobFailed as error:
        raise ContentFailed(f"what was written can't be read back: {error.why}") from error
