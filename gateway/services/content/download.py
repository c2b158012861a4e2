"""Serve one output of a completed job from the store, a running download, or the upstream."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, replace

from gateway.domain.content import Asset, BlobFailed, BlobMissing, ByteRange, RangeRequest
from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Job, Status
from gateway.domain.upstream import ContentFailed
from gateway.ports import Blob, ContentStream, Upstream
from gateway.services.content.fetch import (
    Copy,
    Fetches,
    FetchOutcome,
    NotShared,
    Source,
    opened_video,
)
from gateway.services.content.store import AssetStore, Holding
from gateway.telemetry.bundle import Telemetry

_RETRY_AFTER = 5  # seconds
# Without an announced size, a range waits for the end of the download; proxies commonly give up on
# a silent request after 60 s, so a slower video is sent whole.
_SIZE_KNOWN_WITHIN = 45.0  # seconds
_NO_LONGER = "the upstream no longer has it"


@dataclass(frozen=True, slots=True)
class Stored:
    """A complete stored video; ranges of it can be read."""

    asset: Asset
    blob: Blob


@dataclass(frozen=True, slots=True)
class Flowing:
    """A video that is being downloaded from the upstream.

    The chunks are the bytes of `part`, or of the whole video, and raise ContentFailed if the
    upstream's response ends early. `size` is that of the whole video, None while it is unknown;
    it is known where `part` is. `ranges`: the gateway can serve any range of the video.
    """

    chunks: AsyncIterator[bytes]
    size: int | None = None
    part: ByteRange | None = None
    ranges: bool = False


@dataclass(frozen=True, slots=True)
class Description:
    """What is known of an output without its bytes. `asset`: its stored copy, if there is one."""

    asset: Asset | None
    size: int | None = None
    ranges: bool = False


class Downloader:
    """Finds the bytes of a job's output and stores them if that is allowed."""

    def __init__(
        self,
        upstreams: Mapping[str, Upstream],
        asset_store: AssetStore,
        fetches: Fetches,
        telemetry: Telemetry,
    ) -> None:
        """Create a downloader; `upstreams` by name. A job is read from its own upstream."""
        self._upstreams = upstreams
        self._asset_store = asset_store
        self._fetches = fetches
        self._telemetry = telemetry

    async def look(self, job: Job, index: int) -> Description:
        """Describe the output without its bytes and without asking the upstream.

        Raises:
            Refused: NOT_COMPLETED (409), INVALID_REQUEST (400, index out of range),
                CONTENT_GONE (410).
            StorageFailed: the database did not answer.

        """
        _check(job, index)
        holding = await self._asset_store.find(job, index)
        _refuse_withdrawn(job, holding)
        if holding.asset is None:
            self._source(job, index, holding)
            if job.content_gone and not holding.elsewhere:
                raise _gone(job, _NO_LONGER)
            fetch = self._fetches.under_way(job.id, index)
            size = None if fetch is None else fetch.size
            return Description(None, size, ranges=self._asset_store.takes(job))
        return Description(holding.asset, holding.asset.size, ranges=True)

    @asynccontextmanager
    async def open(
        self, job: Job, index: int, wanted: RangeRequest | None = None
    ) -> AsyncIterator[Stored | Flowing]:
        """Open the bytes.

        A video that is not stored is opened at the wanted range: in the copy that is being
        written, as soon as its size is known, or at an upstream that has ranges. Where neither is
        possible the whole is opened.

        Raises:
            Refused: as `look`; UPSTREAM_FAILED (502) or NOT_READY (503) if a retry may help.
            OutOfRange: the video is not stored and has no byte of the wanted range.
            StorageFailed: the database did not answer.

        """
        _check(job, index)
        async with AsyncExitStack() as stack:
            yield await self._opened(job, index, wanted, stack)

    async def fetch(self, job: Job, index: int) -> FetchOutcome:
        """Store the output without serving it; return the outcome.

        Raises:
            StorageFailed: the database did not answer.

        """
        holding = await self._asset_store.find(job, index)
        if holding.asset is not None or holding.elsewhere or holding.withdrawn is not None:
            return "stored"
        if not self._asset_store.takes(job):
            return "not_stored"
        try:
            source = self._source(job, index, holding)
        except Refused:
            return "failed"
        fetch = self._fetches.begin(job, index, source)
        outcome = await fetch.ended()
        failure = fetch.failure
        if failure is not None and await self._asset_store.note_failure(job, failure):
            return "gone"
        if outcome == "stored":
            await self._asset_store.note_found(job)
        return outcome

    async def _opened(
        self, job: Job, index: int, wanted: RangeRequest | None, stack: AsyncExitStack
    ) -> Stored | Flowing:
        holding = await self._found(job, index)
        _refuse_withdrawn(job, holding)
        asset = holding.asset
        if asset is not None:
            try:
                blob = await stack.enter_async_context(self._asset_store.open(asset))
            except BlobMissing:
                holding = replace(holding, asset=None)
            except BlobFailed as error:
                self._telemetry.log.error("content.store_failed", job=job.id, why=error.why)
            else:
                self._telemetry.metrics.content_lookup("hit")
                return Stored(asset, blob)
        if holding.asset is None and self._asset_store.takes(job):
            return await self._shared(job, index, holding, wanted, stack)
        return await self._alone(job, index, holding, wanted, stack)

    async def _found(self, job: Job, index: int) -> Holding:
        """Return the stored copies; repeat the query if a download ended during it."""
        while True:
            ended = self._fetches.ended
            holding = await self._asset_store.find(job, index)
            if holding.asset is not None or ended == self._fetches.ended:
                return holding

    async def _shared(
        self,
        job: Job,
        index: int,
        holding: Holding,
        wanted: RangeRequest | None,
        stack: AsyncExitStack,
    ) -> Flowing:
        """Join or start the download that all clients and the store share."""
        fetch, joined = self._fetches.under_way(job.id, index), True
        if fetch is None:
            source = self._source(job, index, holding)
            fetch, joined = self._fetches.begin(job, index, source), False
        try:
            copy = await stack.enter_async_context(fetch.follow())
            part = await _part_of(copy, wanted)
        except NotShared:
            return await self._alone(job, index, holding, wanted, stack)
        except ContentFailed as error:
            raise await self._refusal(job, holding, error) from error
        self._telemetry.metrics.content_lookup("joined" if joined else "miss")
        await self._asset_store.note_found(job)
        size = copy.size
        span = ByteRange(0, size) if part is None and size is not None else part
        read = copy.read() if span is None else copy.read(span.start, span.stop)
        chunks = await stack.enter_async_context(aclosing(read))
        return Flowing(chunks, size, part, ranges=True)

    async def _alone(
        self,
        job: Job,
        index: int,
        holding: Holding,
        wanted: RangeRequest | None,
        stack: AsyncExitStack,
    ) -> Flowing:
        """Download for this client only, without storing."""
        source = self._source(job, index, holding, wanted)
        try:
            stream = await stack.enter_async_context(opened_video(source))
        except ContentFailed as error:
            raise await self._refusal(job, holding, error) from error
        self._telemetry.metrics.content_lookup("miss")
        await self._asset_store.note_found(job)
        return Flowing(aiter(stream), stream.size, stream.part, ranges=stream.part is not None)

    async def _refusal(self, job: Job, holding: Holding, error: ContentFailed) -> Refused:
        """Return the refusal for an upstream that did not send the video."""
        if not await self._asset_store.note_failure(job, error, elsewhere=holding.somewhere):
            return Refused(
                Reason.UPSTREAM_FAILED,
                "The upstream did not return the video; try again.",
                retry_after=_RETRY_AFTER,
            )
        if holding.somewhere:
            return _out_of_reach(job)
        self._telemetry.metrics.content_lookup("gone")
        return _gone(job, _NO_LONGER)

    def _source(
        self, job: Job, index: int, holding: Holding, wanted: RangeRequest | None = None
    ) -> Source:
        """Return a function that opens the output at its upstream, or the wanted range of it.

        Raises:
            Refused: the upstream is not configured any more: CONTENT_GONE, or NOT_READY if another
                store has the output.

        """
        upstream, upstream_id = self._upstreams.get(job.upstream), job.upstream_id
        if upstream is None or upstream_id is None:
            if holding.somewhere:
                raise _out_of_reach(job)
            raise _gone(job, f"its upstream {job.upstream} is no longer configured")

        def source() -> AbstractAsyncContextManager[ContentStream]:
            return upstream.content(upstream_id, index, wanted)

        return source


async def _part_of(copy: Copy, wanted: RangeRequest | None) -> ByteRange | None:
    """Return the wanted part of a running download, when its size is known; None: the whole.

    Raises:
        OutOfRange: the video has no byte of it.
        ContentFailed: the upstream did not send the whole video.

    """
    if wanted is None:
        return None
    try:
        async with asyncio.timeout(_SIZE_KNOWN_WITHIN):
            size = await copy.sized()
    except TimeoutError:
        return None
    return None if size is None else wanted.within(size)


def _check(job: Job, index: int) -> None:
    """Check that the job has this output.

    Raises:
        Refused: NOT_COMPLETED (409), INVALID_REQUEST (400, index out of range).

    """
    if job.status is not Status.COMPLETED:
        raise Refused(
            Reason.NOT_COMPLETED,
            f"Job {job.id} is {job.status.on_the_wire}: it has no video"
            + ("" if job.status.terminal else " yet. Poll it until it is completed."),
            {"status": job.status.on_the_wire},
        )
    available = max(1, job.outputs)
    if index >= available:
        raise Refused(
            Reason.INVALID_REQUEST,
            f"Video index {index} out of range ({available} videos available)",
            {"field": "index", "value": index, "allowed": f"0 to {available - 1}"},
        )


def _refuse_withdrawn(job: Job, holding: Holding) -> None:
    if holding.withdrawn is not None:
        raise _gone(job, "the gateway's operators removed it")


def _out_of_reach(job: Job) -> Refused:
    return Refused(
        Reason.NOT_READY,
        f"The video of job {job.id} is in a content store that is currently unavailable; try"
        " again.",
        {"job": job.id},
        retry_after=_RETRY_AFTER,
    )


def _gone(job: Job, why: str) -> Refused:
    return Refused(
        Reason.CONTENT_GONE,
        f"The video of job {job.id} is gone: {why}.",
        {"job": job.id},
    )
