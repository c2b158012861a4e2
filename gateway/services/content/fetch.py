"""Download an upstream's video into the store while clients read it.

The download runs as fast as the store accepts it. Each client reads the written part at its own
speed: a slow or disconnected client delays nobody, and needs memory for one chunk. If the store
fails, each client continues with a download of its own.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from typing import Literal

from gateway.domain.content import SNIFFED, BlobFailed, ByteRange, TooLarge, may_be_video
from gateway.domain.job import Job
from gateway.domain.upstream import ContentFailed
from gateway.ports import ContentStream, Draft
from gateway.services.content.store import AssetStore
from gateway.services.tasks import Tasks
from gateway.telemetry.bundle import Telemetry

_CHUNK = 256 * 1024

Source = Callable[[], AbstractAsyncContextManager[ContentStream]]
"""Opens the upstream's output; each call is a separate download."""

FetchOutcome = Literal["stored", "not_stored", "gone", "failed"]


class NotShared(Exception):
    """The store failed before the first byte: the caller must download the video itself."""


class Fetch:
    """One download. Call `run` once, and `follow` any number of times to read it from the start."""

    def __init__(self, job: Job, index: int, source: Source, asset_store: AssetStore) -> None:
        """Create a download; it contacts the upstream only in `run`."""
        self.job = job
        self.index = index
        self.outcome: FetchOutcome | None = None  # None: still running
        self.name: str | None = None  # its future name in the store
        self._source = source
        self._asset_store = asset_store
        self._draft: Draft | None = None
        self._holders = 1  # readers of the draft: the run itself, and each follower
        self._written = 0  # bytes counted in `AssetStore.writing`
        self._opened = False  # the upstream started to send the video
        self._whole = False  # the upstream sent the whole video
        self._announced: int | None = None  # bytes of the video, as the upstream announced them
        self.failure: ContentFailed | None = None  # the upstream failed
        self._news = asyncio.Event()

    async def run(self) -> None:
        """Download and store the video; failures go to the asset store and to the followers."""
        try:
            self.outcome = await self._run()
        except BaseException as error:
            self.failure = ContentFailed(f"the download was stopped by {type(error).__name__}")
            self.outcome = "failed"
            raise
        finally:
            self._asset_store.writing -= self._written
            self._written = 0
            self._tell()
            self._let_go()

    async def ended(self) -> FetchOutcome:
        """Wait for the download to end and return its outcome."""
        while self.outcome is None:
            await self._news.wait()
        return self.outcome

    @property
    def size(self) -> int | None:
        """The bytes of the whole video; None while they are unknown."""
        if self._whole and self._draft is not None:
            return self._draft.size
        return self._announced

    async def sized(self) -> int | None:
        """Wait until the size is known and return it; None if the store failed before that.

        Raises:
            ContentFailed: the upstream did not send the whole video.

        """
        while self.size is None:
            if self.failure is not None:
                raise self._again()
            if self.outcome is not None:
                return None
            await self._news.wait()
        return self.size

    @asynccontextmanager
    async def follow(self) -> AsyncIterator["Copy"]:
        """Yield the copy that is being written, for reading it as the bytes arrive.

        Raises:
            ContentFailed: on entering, if the upstream does not send the video.
            NotShared: on entering, if the store failed before the first byte.

        """
        self._holders += 1
        try:
            while not self._opened and self.outcome is None:
                await self._news.wait()
            if not self._opened:
                raise self._again() if self.failure is not None else NotShared
            yield Copy(self)
        finally:
            self._let_go()

    async def chunks(self, start: int, stop: int | None) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from the draft; if the store fails, download the rest again."""
        draft, at = self._draft, start
        if draft is None:
            return
        while stop is None or at < stop:
            if at < draft.size:
                chunk = await _read(draft, at, _CHUNK if stop is None else min(_CHUNK, stop - at))
                at += len(chunk)
                yield chunk
            elif self._whole:
                if stop is not None:
                    raise ContentFailed("the video is shorter than announced")
                return
            elif self.failure is not None:
                raise self._again()
            elif self.outcome is not None:
                async with aclosing(self._rest(draft, at, stop)) as rest:
                    async for chunk in rest:
                        yield chunk
                return
            else:
                await self._news.wait()

    async def _run(self) -> FetchOutcome:
        try:
            self._draft = await self._asset_store.draft(self.job, self.index)
            self.name = self._draft.name
            async with opened_video(self._source) as stream:
                self._announced = stream.size
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
                raise TooLarge("full", "the running downloads fill content.max_gb")
            await draft.write(chunk)
            self._asset_store.writing += len(chunk)
            self._written += len(chunk)
            self._tell()

    async def _rest(
        self, draft: Draft, start: int, stop: int | None
    ) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from `start` of a second download, because upstreams ignore Range.

        The skipped bytes must equal those in the draft. Otherwise the client would get halves of
        two different videos.
        """
        at = 0
        async with opened_video(self._source) as stream:
            async for chunk in stream:
                seen = chunk[: max(0, start - at)]
                known = await _read(draft, at, len(seen)) if seen else b""
                if seen[: len(known)] != known:
                    raise ContentFailed("a second download differs from the first")
                fresh = chunk[len(seen) : None if stop is None else max(len(seen), stop - at)]
                at += len(chunk)
                if fresh:
                    yield fresh
                if stop is not None and at >= stop:
                    return
        if at < (start if stop is None else stop):
            raise ContentFailed("a second download is shorter than the first")

    def _again(self) -> ContentFailed:
        """Return a copy of the upstream's failure for another reader."""
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


class Copy:
    """A video that is being downloaded, as one client reads it. Its bytes have not all arrived."""

    def __init__(self, fetch: Fetch) -> None:
        """Create a reader of a running download; valid inside `Fetch.follow`."""
        self._fetch = fetch

    @property
    def size(self) -> int | None:
        """The bytes of the whole video; None while they are unknown."""
        return self._fetch.size

    async def sized(self) -> int | None:
        """Wait until the size is known; None: it won't be, because the store failed.

        Raises:
            ContentFailed: the upstream did not send the whole video.

        """
        return await self._fetch.sized()

    def read(self, start: int = 0, stop: int | None = None) -> AsyncGenerator[bytes, None]:
        """Yield these bytes as they arrive; `stop` None: up to the end. Close it after use.

        Raises:
            ContentFailed: the video ends early, or the rest can't be downloaded.

        """
        return self._fetch.chunks(start, stop)


class Fetches:
    """The running downloads of this process: at most one per output."""

    def __init__(self, asset_store: AssetStore, telemetry: Telemetry) -> None:
        """Create an empty set of downloads; `close` ends them."""
        self.ended = 0  # finished downloads; a reader that sees a change reads the store again
        self._asset_store = asset_store
        self._tasks = Tasks(
            lambda name, error: telemetry.log.error(
                "content.fetch_failed", task=name, error=type(error).__name__
            )
        )
        self._running: dict[tuple[str, int], Fetch] = {}

    def under_way(self, job_id: str, index: int) -> Fetch | None:
        """Return the running download of this output, if there is one."""
        fetch = self._running.get((job_id, index))
        return fetch if fetch is not None and fetch.outcome is None else None

    def begin(self, job: Job, index: int, source: Source) -> Fetch:
        """Start downloading an output, or return the download that is already running."""
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
        """The names of blobs that are being written and have no row yet."""
        return {fetch.name for fetch in self._running.values() if fetch.name is not None}

    def _over(self, fetch: Fetch) -> None:
        self.ended += 1
        key = (fetch.job.id, fetch.index)
        if self._running.get(key) is fetch:
            del self._running[key]

    async def close(self) -> None:
        """Cancel every download; incomplete videos are discarded."""
        await self._tasks.drain(0)


class OpenedVideo:
    """An upstream's video whose first bytes were checked."""

    def __init__(self, stream: ContentStream, start: bytes, rest: AsyncIterator[bytes]) -> None:
        """Create the video from the bytes read so far and an iterator over the rest."""
        self._stream = stream
        self._start = start
        self._rest = rest

    @property
    def content_type(self) -> str:
        """The content type from the upstream."""
        return self._stream.content_type

    @property
    def size(self) -> int | None:
        """The bytes of the whole video as the upstream announced them."""
        return self._stream.size

    @property
    def part(self) -> ByteRange | None:
        """The part of the video that this is; None: the whole."""
        return self._stream.part

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield every byte from the start; it can be iterated once.

        Raises:
            ContentFailed: the upstream's response ends early.

        """
        yield self._start
        async for chunk in self._rest:
            yield chunk


@asynccontextmanager
async def opened_video(source: Source) -> AsyncIterator[OpenedVideo]:
    """Open the upstream's output and check that it is a video.

    Raises:
        ContentFailed: on entering, also if the response is empty or not a video.

    """
    async with source() as stream:
        chunks = aiter(stream)
        start = b""
        async for chunk in chunks:
            start += chunk
            if len(start) >= SNIFFED:
                break
        if not start:
            raise ContentFailed("the response is empty")
        part = stream.part  # one that is short or starts later has no beginning to recognize
        inside = part is not None and (part.start > 0 or part.length < SNIFFED)
        if not may_be_video(stream.content_type, start, inside=inside):
            raise ContentFailed(f"the response is not a video but {stream.content_type[:60]}")
        yield OpenedVideo(stream, start, chunks)


async def _read(draft: Draft, start: int, length: int = _CHUNK) -> bytes:
    try:
        return await draft.read(start, length)
    except BlobFailed as error:
        raise ContentFailed(f"the stored part can't be read: {error.why}") from error
