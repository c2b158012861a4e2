"""Videos as plain files in a folder; a file is complete or absent, also after a crash."""

import fcntl
import os
import secrets
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import IO, Self

from gateway.adapters.spool import Descriptor, Spool, Workers, failed
from gateway.domain.content import BlobFailed, BlobMissing, is_blob_name
from gateway.ports import Found

_MARK = ".store"  # has the store's id; if it is readable, the folder is the one that was opened
_PART = ".part"
_CHUNK = 256 * 1024


class LocalBlobs:
    """A folder of at most 256 folders of videos.

    A video is written to a temporary file in its folder, synced and renamed, and the folder is
    synced. The writer locks the temporary file; one without a lock was left by a crashed process,
    and the next start removes it.
    """

    def __init__(self, folder: Path, store: str) -> None:
        """Use `open_folder`."""
        self._folder = folder
        self._store = store
        self._workers = Workers()

    @classmethod
    def open_folder(cls, folder: Path, *, create: bool) -> Self | None:
        """Return the store in that folder; None if there is none and `create` is False.

        Blocks the thread. Removes temporary files of crashed processes.

        Raises:
            BlobFailed: the folder can't be created, read or written to.

        """
        folder = folder.resolve()
        try:
            if create:
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                _write_once(folder / _MARK, f"local:{secrets.token_hex(16)}")
            elif not (folder / _MARK).exists():
                return None
            store = (folder / _MARK).read_text().strip()
            for part in folder.glob(f"??/.*{_PART}"):
                _remove_if_left(part)
        except OSError as error:
            raise failed(error) from error
        return cls(folder, store)

    @property
    def store(self) -> str:
        """See `gateway.ports.Blobs`: one id for all processes that share the folder."""
        return self._store

    async def draft(self, name: str) -> "_Draft":
        """See `gateway.ports.Blobs`."""
        return await self._workers.obtain(lambda: self._begin(name), _Draft.abandon)

    @asynccontextmanager
    async def open(self, name: str) -> "AsyncIterator[_File]":
        """See `gateway.ports.Blobs`."""
        try:
            blob = await self._workers.run(_File.opened, self._place(name), self._workers)
        except BlobFailed as error:
            if isinstance(error.__cause__, FileNotFoundError) and await self._is_there():
                raise BlobMissing(name) from error
            raise
        try:
            yield blob
        finally:
            blob.file.close()

    async def delete(self, name: str) -> None:
        """See `gateway.ports.Blobs`."""
        await self._workers.run(self._place(name).unlink, missing_ok=True)

    async def found(self) -> AsyncIterator[Found]:
        """See `gateway.ports.Blobs`."""
        for shard in await self._workers.run(self._shards):
            for one in await self._workers.run(_listed, shard):
                yield one

    async def close(self) -> None:
        """See `gateway.ports.Blobs`."""
        await self._workers.close()

    async def _is_there(self) -> bool:
        """Return whether the folder is still the one that was opened, not an empty mount point."""
        try:
            return await self._workers.run((self._folder / _MARK).read_text) == self._store
        except BlobFailed:
            return False

    def _place(self, name: str) -> Path:
        if not is_blob_name(name):
            raise ValueError(f"not a name that the gateway gives: {name[:80]!r}")
        return self._folder / sha256(name.encode()).hexdigest()[:2] / name

    def _begin(self, name: str) -> "_Draft":
        place = self._place(name)
        if not place.parent.exists():
            place.parent.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(self._folder)
        part = place.with_name(f".{name}{_PART}")
        number = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(number, fcntl.LOCK_EX)
            if os.fstat(number).st_nlink == 0:
                raise OSError("another process took it for a leftover before it was locked")
        except OSError:
            os.close(number)
            raise
        return _Draft(part, place, Spool(Descriptor(number), self._workers), self._workers)

    def _shards(self) -> list[Path]:
        return sorted(path for path in self._folder.iterdir() if len(path.name) == 2)


class _Draft:
    """See `gateway.ports.Draft`."""

    def __init__(self, part: Path, place: Path, spool: Spool, workers: Workers) -> None:
        self._part = part
        self._place = place
        self._spool = spool
        self._workers = workers
        # A caller that is cancelled in `keep` calls `discard`; the two must not run concurrently.
        self._turn = threading.Lock()
        self._discarded = False
        self.name = place.name
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
        await self._spool.sync()
        await self._workers.run(self._keep)

    async def discard(self) -> None:
        with suppress(BlobFailed):
            await self._workers.run(self._discard)

    def abandon(self) -> None:
        """Remove the draft; blocks the thread."""
        with suppress(OSError):
            self._discard()
        self.close()

    def _keep(self) -> None:
        with self._turn:
            if self._discarded:
                raise OSError("it was discarded")
            self._part.rename(self._place)
            _sync_folder(self._place.parent)

    def _discard(self) -> None:
        with self._turn:
            self._discarded = True
            self._part.unlink(missing_ok=True)
            self._place.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class _File:
    """See `gateway.ports.Blob`."""

    file: IO[bytes]
    size: int
    workers: Workers

    @classmethod
    def opened(cls, place: Path, workers: Workers) -> Self:
        file = place.open("rb", buffering=0)
        return cls(file, os.fstat(file.fileno()).st_size, workers)

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes]:
        while start < stop:
            chunk = await self.workers.run(
                os.pread, self.file.fileno(), min(_CHUNK, stop - start), start
            )
            if not chunk:
                raise BlobFailed("mismatch", "the file is shorter than it was")
            yield chunk
            start += len(chunk)


def _write_once(path: Path, text: str) -> None:
    """Write the file if it is missing; concurrent writers never leave a part of it."""
    fresh = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with fresh.open("x", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(fresh)
            _sync_folder(path.parent)
    finally:
        fresh.unlink(missing_ok=True)


def _remove_if_left(part: Path) -> None:
    """Remove a temporary file, unless its writer is still running."""
    try:
        number = os.open(part, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink(missing_ok=True)
    except BlockingIOError:
        return
    finally:
        os.close(number)


def _listed(shard: Path) -> list[Found]:
    return list(_videos(shard))


def _videos(shard: Path) -> Iterator[Found]:
    with os.scandir(shard) as entries:
        for entry in entries:
            if is_blob_name(entry.name):
                with suppress(FileNotFoundError):
                    yield Found(entry.name, datetime.fromtimestamp(entry.stat().st_mtime, UTC))


def _sync_folder(folder: Path) -> None:
    """Sync the folder, so that a new name in it survives a power loss."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
