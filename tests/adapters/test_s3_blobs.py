"""A bucket: what only S3 can get wrong."""

import pytest

from gateway.adapters.s3_blobs import S3Blobs
from gateway.domain.content import BlobFailed, BlobMissing
from tests.fakes.s3 import S3Server

NAME = "gen-vid-1790000000-abc-0-e41jrqx2db4p.mp4"


async def test_a_bucket_that_does_not_exist_fails_and_has_nothing_missing(
    s3_server: S3Server,
) -> None:
    blobs = S3Blobs("s3://no-such-bucket/x", s3_server.options)
    draft = await blobs.draft(NAME)
    await draft.write(b"film")

    with pytest.raises(BlobFailed, match="FileNotFoundError"):
        await draft.keep()
    with pytest.raises(BlobFailed):
        async with blobs.open(NAME):
            pass
    with pytest.raises(BlobFailed):
        assert [one async for one in blobs.found()] == []
    draft.close()
    await blobs.close()


async def test_a_video_taken_away_while_it_is_read_breaks_the_reading(s3_server: S3Server) -> None:
    bucket = s3_server.bucket()
    blobs = S3Blobs(f"s3://{bucket}", s3_server.options)
    draft = await blobs.draft(NAME)
    await draft.write(b"x" * 5_000_000)
    await draft.keep()
    draft.close()

    async with blobs.open(NAME) as blob:
        chunks = aiter(blob.read(0, blob.size))
        await anext(chunks)
        s3_server.remove(bucket, NAME)
        with pytest.raises(BlobFailed):
            await anext(chunks)
    await blobs.close()


async def test_a_server_that_is_away_fails_in_words_without_a_secret(s3_server: S3Server) -> None:
    options = {**s3_server.options, "endpoint": "http://127.0.0.1:1"}
    blobs = S3Blobs("s3://videos/x", options)

    with pytest.raises(BlobFailed) as failed:
        await blobs.delete(NAME)

    assert failed.value.reason == "io"
    assert "test" not in failed.value.why
    await blobs.close()


async def test_prefixes_of_one_bucket_are_apart(s3_server: S3Server) -> None:
    bucket = s3_server.bucket()
    ours = S3Blobs(f"s3://{bucket}/ours", s3_server.options)
    theirs = S3Blobs(f"s3://{bucket}/theirs", s3_server.options)
    draft = await ours.draft(NAME)
    await draft.write(b"film")
    await draft.keep()
    draft.close()

    assert [one.name async for one in ours.found()] == [NAME]
    assert [one async for one in theirs.found()] == []
    with pytest.raises(BlobMissing):
        async with theirs.open(NAME):
            pass
    await ours.close()
    await theirs.close()


async def test_the_environment_says_where_s3_is(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    blobs = S3Blobs(f"s3://{s3_server.bucket()}/videos")

    assert [one async for one in blobs.found()] == []
    await blobs.close()
