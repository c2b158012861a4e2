"""What every content store promises, on a folder and on a server that speaks S3."""

import asyncio
import hashlib
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.adapters.blobs import UnusableContentStore, open_blobs
from gateway.adapters.local_blobs import LocalBlobs
from gateway.adapters.s3_blobs import S3Blobs
from gateway.domain.content import BlobFailed, BlobMissing
from gateway.ports import Blobs, Draft
from tests.fakes.s3 import S3Server

NAME = "gen-vid-1790000000-abc-0-e41jrqx2db4p.mp4"
FILM = random.Random(4).randbytes(9_000_000)  # more than one part of an upload, and one window


@pytest.fixture(params=["folder", "s3"])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Blobs]:
    store: Blobs
    if request.param == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        store = S3Blobs(f"s3://{server.bucket()}/pre/fix", server.options)
    else:
        opened = LocalBlobs.open_folder(tmp_path / "content", create=True)
        assert opened is not None
        store = opened
    yield store
    await store.close()


async def _written(blobs: Blobs, name: str = NAME, film: bytes = FILM) -> Draft:
    draft = await blobs.draft(name)
    for start in range(0, len(film), 300_000):
        await draft.write(film[start : start + 300_000])
    return draft


async def _kept(blobs: Blobs, name: str = NAME, film: bytes = FILM) -> None:
    draft = await _written(blobs, name, film)
    await draft.keep()
    draft.close()


async def _read(blobs: Blobs, start: int = 0, stop: int = len(FILM)) -> bytes:
    async with blobs.open(NAME) as blob:
        assert blob.size == len(FILM)
        return b"".join([chunk async for chunk in blob.read(start, stop)])


async def _names(blobs: Blobs) -> list[str]:
    return [one.name async for one in blobs.found()]


async def test_what_was_kept_is_read_back(blobs: Blobs) -> None:
    await _kept(blobs)

    assert await _read(blobs) == FILM
    assert await _names(blobs) == [NAME]


@pytest.mark.parametrize(("start", "stop"), [(0, 1), (7, 4_000_001), (8_999_999, 9_000_000)])
async def test_any_part_is_read(blobs: Blobs, start: int, stop: int) -> None:
    await _kept(blobs)

    assert await _read(blobs, start, stop) == FILM[start:stop]


async def test_a_draft_knows_its_size_and_digest(blobs: Blobs) -> None:
    draft = await _written(blobs)

    assert draft.name == NAME
    assert draft.size == len(FILM)
    assert draft.sha256 == hashlib.sha256(FILM).hexdigest()
    draft.close()


async def test_nothing_is_in_the_store_before_it_is_kept(blobs: Blobs) -> None:
    draft = await _written(blobs)

    assert await _names(blobs) == []
    with pytest.raises(BlobMissing):
        await _read(blobs)
    draft.close()


async def test_a_draft_is_read_while_it_grows_and_after_it_was_kept(blobs: Blobs) -> None:
    draft = await blobs.draft(NAME)
    await draft.write(b"hello ")
    early = await draft.read(0, 100)
    await draft.write(b"world")

    assert early == b"hello "
    assert await draft.read(4, 3) == b"o w"
    await draft.keep()
    assert await draft.read(0, 100) == b"hello world"
    draft.close()


async def test_a_draft_that_is_discarded_leaves_nothing_but_can_be_read(blobs: Blobs) -> None:
    draft = await _written(blobs)

    await draft.discard()

    assert await _names(blobs) == []
    assert await draft.read(5, 10) == FILM[5:15]
    draft.close()


async def test_a_kept_draft_that_is_discarded_after_all_is_gone(blobs: Blobs) -> None:
    draft = await _written(blobs)
    await draft.keep()

    await draft.discard()

    assert await _names(blobs) == []
    draft.close()


async def test_a_deleted_video_is_missing_and_deleting_it_again_is_no_error(blobs: Blobs) -> None:
    await _kept(blobs)

    await blobs.delete(NAME)
    await blobs.delete(NAME)

    with pytest.raises(BlobMissing):
        await _read(blobs)


async def test_a_closed_draft_writes_and_reads_no_more(blobs: Blobs) -> None:
    draft = await _written(blobs)
    draft.close()

    with pytest.raises(BlobFailed):
        await draft.write(b"more")
    with pytest.raises(BlobFailed):
        await draft.read(0, 5)
    draft.close()  # again: no harm


async def test_closing_while_others_read_spoils_nothing(blobs: Blobs) -> None:
    """The file's number must not mean another file while a thread still works with it."""
    draft = await _written(blobs)

    reads = [asyncio.create_task(draft.read(0, len(FILM))) for _ in range(8)]
    await asyncio.sleep(0)
    draft.close()
    results = await asyncio.gather(*reads, return_exceptions=True)

    for result in results:
        assert result == FILM or isinstance(result, BlobFailed)


async def test_only_names_that_the_gateway_gives_are_taken(blobs: Blobs) -> None:
    for name in ("../escape.mp4", "/etc/passwd", ".hidden.mp4", "a/b.mp4", "x.mov", ""):
        with pytest.raises(ValueError, match="not a name"):
            await blobs.draft(name)


async def test_many_drafts_at_once_do_not_mix(blobs: Blobs) -> None:
    films = {f"job-{number}-0-x.mp4": bytes([number]) * 400_000 for number in range(12)}

    await asyncio.gather(*(_kept(blobs, name, film) for name, film in films.items()))

    for name, film in films.items():
        async with blobs.open(name) as blob:
            assert b"".join([chunk async for chunk in blob.read(0, blob.size)]) == film


def test_a_url_chooses_the_store(tmp_path: Path) -> None:
    folder = open_blobs(str(tmp_path / "content"), create=True)
    bucket = open_blobs("s3://acme/videos", create=True)

    assert isinstance(folder, LocalBlobs)
    assert isinstance(bucket, S3Blobs)
    assert bucket.store == "s3://acme/videos"


def test_a_folder_that_is_no_store_stays_none_where_nothing_is_to_be_stored(
    tmp_path: Path,
) -> None:
    assert open_blobs(str(tmp_path / "content"), create=False) is None
    assert not (tmp_path / "content").exists()


def test_a_folder_that_can_not_be_made_is_told_in_plain_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(UnusableContentStore, match=r"content\.url: can't use .*file/content"):
        open_blobs(str(tmp_path / "file" / "content"), create=True)


WITHOUT_OBSTORE = """
import sys
sys.modules["obstore"] = None
from gateway.adapters.blobs import UnusableContentStore, open_blobs
open_blobs(sys.argv[1], create=True)
print("a folder needs no obstore")
try:
    open_blobs("s3://bucket/prefix", create=True)
except UnusableContentStore as error:
    print(error)
"""


def test_s3_without_obstore_says_what_to_install(tmp_path: Path) -> None:
    """In a process of its own: this one has loaded obstore."""
    done = subprocess.run(
        (sys.executable, "-c", WITHOUT_OBSTORE, str(tmp_path / "content")),
        capture_output=True,
        text=True,
        check=True,
    )

    folder, s3 = done.stdout.splitlines()
    assert folder == "a folder needs no obstore"
    assert s3.startswith("content.url: s3://bucket/prefix needs the package obstore: pip install")
