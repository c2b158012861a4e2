"""A file that is appended to and read concurrently, outside of the event loop."""

import asyncio
import errno
import hashlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from gateway.domain.content import BlobFailed

P = ParamSpec("P")
T = TypeVar("T")

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Workers:
    """The threads of one store, so that a disk that hangs blocks no others."""

    def __init__(self, number: int = 8) -> None:
        self._pool = ThreadPoolExecutor(number, thread_name_prefix="content")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it in a thread; it continues if the caller is cancelled.

        Raises:
            BlobFailed: it raised an OSError.

        """
        try:
            return await asyncio.wrap_future(self._pool.submit(work, *args, **kwargs))
        except OSError as error:
            raise failed(error) from error

    async def obtain(self, work: Callable[[], T], give_back: Callable[[T], None]) -> T:
        """As `run`; if the caller was cancelled, `give_back` gets the result, in a thread.

        Raises:
            BlobFailed: it raised an OSError.

        """
        future = self._pool.submit(work)
        try:
            return await asyncio.wrap_future(future)
        except OSError as error:
            raise failed(error) from error
        except asyncio.CancelledError:
            future.add_done_callback(partial(_return, give_back))
            raise

    async def close(self) -> None:
        """Finish running work, and end the threads."""
        await asyncio.to_thread(self._pool.shutdown)


def _return(give_back: Callable[[T], None], future: Future[T]) -> None:
    if not future.cancelled() and future.exception() is None:
        give_back(future.result())


def failed(error: OSError) -> BlobFailed:
    """Return the error as a BlobFailed, without the path."""
    words = error.strerror or str(error) or type(error).__name__
    return BlobFailed("full" if error.errno in _NO_ROOM else "io", words)


class Descriptor:
    """A file descriptor for many threads, closed when the last of them is done.

    If it were closed earlier, its number could already belong to another file.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._lock = threading.Lock()
        self._users = 0
        self._closing = False

    @contextmanager
    def use(self) -> Iterator[int]:
        """Yield the number, which stays valid inside this context.

        Raises:
            OSError: it was closed.

        """
        with self._lock:
            if self._closing:
                raise OSError(errno.EBADF, "it was closed")
            self._users += 1
        try:
            yield self._number
        finally:
            with self._lock:
                self._users -= 1
                self._close_if_idle()

    def close(self) -> None:
        """Allow no further use; the file is closed after the last running one."""
        with self._lock:
            if not self._closing:
                self._closing = True
                self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._closing and self._users == 0:
            os.close(self._number)


class Spool:
    """The bytes of a draft, their number and their digest.

    One writer at a time, which waits for each write; any number of readers.
    """

    def __init__(self, descriptor: Descriptor, workers: Workers) -> None:
        self._descriptor = descriptor
        self._workers = workers
        self._digest = hashlib.sha256()
        self._size = 0

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._size

    @property
    def sha256(self) -> str:
        """The digest of the bytes written so far, in hexadecimal."""
        return self._digest.hexdigest()

    async def write(self, chunk: bytes) -> None:
        """Append a chunk; one that fails counts as not written."""
        await self._workers.run(self._append, chunk, self._size)
        self._size += len(chunk)

    async def read(self, start: int, length: int) -> bytes:
        """Return up to `length` bytes from `start`."""
        wanted = max(0, min(length, self._size - start))
        return await self._workers.run(self._read, start, wanted)

    async def sync(self) -> None:
        """Sync the file to disk."""
        await self._workers.run(self._sync)

    def close(self) -> None:
        """Close the file."""
        self._descriptor.close()

    def _append(self, chunk: bytes, at: int) -> None:
        rest = memoryview(chunk)
        with self._descriptor.use() as number:
            while rest:
                done = os.pwrite(number, rest, at)
                rest, at = rest[done:], at + done
        self._digest.update(chunk)

    def _read(self, start: int, length: int) -> bytes:
        with self._descriptor.use() as number:
            return os.pread(number, length, start)

    def _sync(self) -> None:
        with self._descriptor.use() as number:
            os.fsync(number)
