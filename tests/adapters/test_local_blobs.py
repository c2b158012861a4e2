"""A folder of videos: whole or absent, also with a full disk, a dead writer, an empty mount."""

import asyncio
import resource
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gateway.adapters.local_blobs import LocalBlobs
from gateway.domain.content import BlobFailed, BlobMissing

NAME = "gen-vid-1790000000-abc-0-e41jrqx2db4p.mp4"


@pytest.fixture
async def blobs(tmp_path: Path) -> AsyncIterator[LocalBlobs]:
    store = _opened(tmp_path)
    yield store
    await store.close()


def _opened(folder: Path) -> LocalBlobs:
    store = LocalBlobs.open_folder(folder, create=True)
    assert store is not None
    return store


def _files(folder: Path) -> list[str]:
    """The names of everything but the marks, temporary files too."""
    return sorted(path.name for path in folder.glob("??/*"))


def _modes(folder: Path) -> list[tuple[int, int]]:
    """The permissions of each video's folder and file."""
    return [
        (stat.S_IMODE(path.parent.stat().st_mode), stat.S_IMODE(path.stat().st_mode))
        for path in folder.glob("??/*.mp4")
    ]


@contextmanager
def _files_end_at(size: int) -> Iterator[None]:
    """The kernel lets no file of this process grow beyond `size`: as good as a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_a_full_disk_refuses_the_write_and_what_was_written_can_be_read(
    blobs: LocalBlobs, tmp_path: Path
) -> None:
    draft = await blobs.draft(NAME)

    with _files_end_at(1_000_000):
        await draft.write(b"a" * 999_999)
        with pytest.raises(BlobFailed) as failed:
            await draft.write(b"b" * 10)

    assert failed.value.reason == "full"
    assert draft.size == 999_999
    assert await draft.read(999_990, 100) == b"a" * 9
    await draft.discard()
    draft.close()
    assert _files(tmp_path) == []


async def test_a_folder_that_is_gone_fails_and_is_not_taken_for_a_missing_video(
    tmp_path: Path,
) -> None:
    """An empty mount point must not make the gateway forget what is stored behind it."""
    blobs = _opened(tmp_path / "mount")
    draft = await blobs.draft(NAME)
    await draft.keep()
    draft.close()
    (tmp_path / "mount").rename(tmp_path / "elsewhere")
    (tmp_path / "mount").mkdir()

    with pytest.raises(BlobFailed):
        async with blobs.open(NAME):
            pass

    (tmp_path / "mount").rmdir()
    (tmp_path / "elsewhere").rename(tmp_path / "mount")
    async with blobs.open(NAME) as blob:
        assert blob.size == 0
    await blobs.close()


async def test_others_can_not_read_what_is_stored(blobs: LocalBlobs, tmp_path: Path) -> None:
    draft = await blobs.draft(NAME)
    await draft.keep()
    draft.close()

    assert _modes(tmp_path) == [(0o700, 0o600)]


async def test_two_stores_on_one_folder_are_one_and_on_two_folders_are_two(tmp_path: Path) -> None:
    first, same = _opened(tmp_path / "a"), _opened(tmp_path / "a")
    other = _opened(tmp_path / "b")

    assert first.store == same.store != other.store
    for store in (first, same, other):
        await store.close()


async def test_a_video_that_is_removed_is_read_to_its_end_by_who_has_it_open(
    blobs: LocalBlobs,
) -> None:
    draft = await blobs.draft(NAME)
    await draft.write(b"the film")
    await draft.keep()
    draft.close()

    async with blobs.open(NAME) as blob:
        await blobs.delete(NAME)
        assert b"".join([chunk async for chunk in blob.read(0, 8)]) == b"the film"
    with pytest.raises(BlobMissing):
        async with blobs.open(NAME):
            pass


async def test_a_start_leaves_the_temporary_files_of_writers_that_live(
    blobs: LocalBlobs, tmp_path: Path
) -> None:
    draft = await blobs.draft(NAME)
    await draft.write(b"half")

    again = _opened(tmp_path)

    await draft.keep()
    async with again.open(NAME) as blob:
        assert blob.size == 4
    draft.close()
    await again.close()


_DIES = """
import asyncio, sys
from pathlib import Path
from gateway.adapters.local_blobs import LocalBlobs

async def main():
    blobs = LocalBlobs.open_folder(Path(sys.argv[1]), create=True)
    draft = await blobs.draft(sys.argv[2])
    for _ in range(20):
        await draft.write(b"x" * 50_000)
    print("half", flush=True)
    sys.stdin.readline()

asyncio.run(main())
"""


async def test_a_writer_that_is_killed_leaves_a_temporary_file_that_the_next_start_removes(
    tmp_path: Path,
) -> None:
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _DIES, str(tmp_path), NAME, stdin=-1, stdout=-1
    )
    assert writer.stdout is not None
    assert await writer.stdout.readline() == b"half\n"
    writer.kill()
    await writer.wait()
    (left,) = _files(tmp_path)

    blobs = _opened(tmp_path)

    assert left == f".{NAME}.part"
    assert _files(tmp_path) == []
    with pytest.raises(BlobMissing):
        async with blobs.open(NAME):
            pass
    await blobs.close()


async def test_a_foreign_file_is_neither_listed_nor_removed(
    blobs: LocalBlobs, tmp_path: Path
) -> None:
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / "notes.txt").write_text("mine")
    (tmp_path / "README").write_text("mine")

    found = [one async for one in blobs.found()]
    again = _opened(tmp_path)

    assert found == []
    assert (tmp_path / "ab" / "notes.txt").exists()
    await again.close()


async def test_who_is_cancelled_while_beginning_leaves_no_file_and_no_descriptor(
    tmp_path: Path,
) -> None:
    blobs = _opened(tmp_path)
    before = _descriptors()
    for delay in range(40):
        begun = asyncio.create_task(blobs.draft(NAME.replace("db4p", f"db{delay:02}")))
        for _ in range(delay % 4):
            await asyncio.sleep(0)
        begun.cancel()
        with suppress(asyncio.CancelledError):
            draft = await begun
            await draft.discard()
            draft.close()
    await blobs.close()

    assert _files(tmp_path) == []
    assert _descriptors() <= before


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
