"""Tests of rendered videos: codec, size, length, and that every frame decodes."""

import asyncio
import importlib
import io
from typing import Any

import av
import pytest

from gateway.sandbox.rendering import (
    RendererMissing,
    VideoCache,
    check_renderer,
    render,
    with_label,
)


def probe(video: bytes) -> tuple[str, int, int, float, int]:
    """Codec, width, height, seconds, and the number of frames that decode."""
    with av.open(io.BytesIO(video)) as container:
        (stream,) = container.streams.video
        frames = sum(1 for _ in container.decode(stream))
        seconds = container.duration / 1_000_000
        return stream.codec_context.name, stream.width, stream.height, seconds, frames


@pytest.mark.parametrize(
    ("width", "height", "seconds"), [(640, 640, 4), (854, 480, 1), (1470, 630, 2), (480, 854, 15)]
)
def test_a_video_is_h264_of_the_given_size_and_length(
    width: int, height: int, seconds: int
) -> None:
    video = render(width, height, seconds)

    assert probe(video) == ("h264", width, height, float(seconds), seconds * 24)
    assert len(video) < 200_000


def test_the_index_comes_first() -> None:
    video = render(320, 180, 1)

    assert video[4:8] == b"ftyp"
    assert 0 < video.index(b"moov") < video.index(b"mdat")


def test_the_picture_moves() -> None:
    with av.open(io.BytesIO(render(320, 180, 1))) as container:
        images = [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]

    assert len(set(images)) == 24


def test_a_label_changes_the_bytes_and_the_video_still_plays() -> None:
    video = render(320, 180, 1)

    one, other = with_label(video, "gen-vid-1/0"), with_label(video, "gen-vid-2/0")

    assert one != other
    assert probe(one) == probe(video)


async def test_concurrent_calls_render_a_video_once() -> None:
    videos = VideoCache()

    first, second = await asyncio.gather(videos.get(320, 180, 1), videos.get(320, 180, 1))

    assert first is second
    assert await videos.get(320, 180, 1) is first


async def test_the_least_recently_used_video_is_evicted() -> None:
    videos = VideoCache(max_bytes=1)

    first = await videos.get(320, 180, 1)
    second = await videos.get(180, 320, 1)

    assert videos.size == len(second)
    assert await videos.get(320, 180, 1) is not first


def test_a_missing_extra_is_an_error_with_the_install_command() -> None:
    def without_av(name: str) -> Any:
        if name == "av":
            raise ImportError(name)
        return importlib.import_module(name)

    with pytest.raises(RendererMissing, match=r"pip install 'video-gateway\[sandbox\]'"):
        check_renderer(without_av)
