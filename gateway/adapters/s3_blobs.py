"""Videos as objects of an S3 bucket. Credentials, region and endpoint come from the environment
or the machine's role, as for the AWS tools; obstore reads them.
"""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Any

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from gateway.adapters.spool import Descriptor, Spool, Workers
from gateway.domain.content import BlobFailed, BlobMissing, is_blob_name
from gateway.ports import Found

# Each request reads this much, so a slow client occupies neither a connection nor more memory.
_WINDOW = 2 * 1024 * 1024
_PART = 5 * 1024 * 1024  # of an upload; S3 allows 10,000 parts, so a video may have 50 GB
_PARTS_AT_ONCE = 2

# No `client_options`: they would override the environment (AWS_ALLOW_HTTP and others).
# obstore's limits are 5 s to connect and 30 s for a request, which transfers at most one part.
_RETRY: Mapping[str, Any] = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}


class S3Blobs:
    """A prefix of a bucket. The last request of an upload makes the complete video visible.

    Before, the video is in an unnamed file of this machine, which disappears in a crash.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        """Open `s3://bucket/prefix` without a request to S3. `options` are S3Store's, for tests.

        Raises:
            BlobFailed: obstore rejects the environment's settings.

        """
        self._store_url = url
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        with _told():
            self._bucket = S3Store(
                bucket,
                prefix=prefix or None,
                retry_config=_RETRY,
                **(options or {}),
            )
        self._workers = Workers()

    @property
    def store(self) -> str:
        """See `gateway.ports.Blobs`: the URL, for all processes that use the bucket."""
        return self._store_url

    async def draft(self, name: str) -> "_Draft":
        """See `gateway.ports.Blobs`."""
        if not is_blob_name(name):
            raise ValueError(f"not a name that the gateway gives: {name[:80]!r}")
        number = await self._workers.obtain(_nameless_file, os.close)
        return _Draft(name, Spool(Descriptor(number), self._workers), self._bucket)

    @asynccontextmanager
    async def open(self, name: str) -> "AsyncIterator[_Object]":
        """See `gateway.ports.Blobs`."""
        try:
            with _told():
                meta = await obstore.head_async(self._bucket, name)
        except BlobFailed as error:
            if _says_missing(error) and await self._is_there():
                raise BlobMissing(name) from error
            raise
        yield _Object(self._bucket, name, meta["size"])

    async def delete(self, name: str) -> None:
        """See `gateway.ports.Blobs`."""
        with _told():
            await obstore.delete_async(self._bucket, name)

    async def found(self) -> AsyncIterator[Found]:
        """See `gateway.ports.Blobs`."""
        with _told():
            async for batch in obstore.list(self._bucket, chunk_size=1000):
                for meta in batch:
                    if is_blob_name(meta["path"]):
                        yield Found(meta["path"], meta["last_modified"])

    async def close(self) -> None:
        """See `gateway.ports.Blobs`."""
        await self._workers.close()

    async def _is_there(self) -> bool:
        """Return whether the bucket exists."""
        try:
            with _told():
                async for _ in obstore.list(self._bucket, chunk_size=1):
                    break
        except BlobFailed:
            return False
        return True


class _Draft:
    """See `gateway.ports.Draft`."""

    def __init__(self, name: str, spool: Spool, bucket: S3Store) -> None:
        self._spool = spool
        self._bucket = bucket
        self.name = name
        self.write = spool.write
        self.read = spool.read
        self.close = spool.close

    @property
    def size(self) -> int:
        return self._spool.size

    @property
    def sha256(self) -> str:
        return self._spool.sha256

    async def keep(self) -> None:
        with _told():
            await obstore.put_async(
                self._bucket,
                self.name,
                self._chunks(),
                attributes={"Content-Type": "video/mp4"},
                chunk_size=_PART,
                max_concurrency=_PARTS_AT_ONCE,
            )
            meta = await obstore.head_async(self._bucket, self.name)
        if meta["size"] != self.size:
            raise BlobFailed("mismatch", f"S3 has {meta['size']} of {self.size} bytes")

    async def discard(self) -> None:
        with suppress(BlobFailed), _told():
            await obstore.delete_async(self._bucket, self.name)

    async def _chunks(self) -> AsyncIterator[bytes]:
        start = 0
        while chunk := await self._spool.read(start, _WINDOW):
            yield chunk
            start += len(chunk)


@dataclass(frozen=True, slots=True)
class _Object:
    """See `gateway.ports.Blob`."""

    bucket: S3Store
    name: str
    size: int

    @property
    def file(self) -> IO[bytes] | None:
        return None

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        while start < stop:
            end = min(start + _WINDOW, stop)
            with _told():
                part = await obstore.get_range_async(self.bucket, self.name, start=start, end=end)
            if len(part) != end - start:
                raise BlobFailed("mismatch", "S3 sent fewer bytes than were asked for")
            yield bytes(part)
            start = end


@contextmanager
def _told() -> Iterator[None]:
    """Convert errors of obstore to BlobFailed.

    S3's messages name the bucket and the key, never a credential; the first line is kept.
    """
    try:
        yield
    except (BaseError, OSError, ValueError) as error:
        words = str(error).strip().splitlines() or [""]
        raise BlobFailed("io", f"{type(error).__name__}: {words[0][:200]}") from error


def _says_missing(error: BlobFailed) -> bool:
    return isinstance(error.__cause__, FileNotFoundError)


def _nameless_file() -> int:
    """A temporary file that disappears when it is closed, also in a crash."""
    with tempfile.TemporaryFile(buffering=0) as file:
        return os.dup(file.fileno())
