"""Films play: right codec, shape and length, decodable to the last frame."""

import asyncio
import builtins
import io
from typing import Any

import av
import pytest

from gateway.sandbox.film import CannotRender, Films, check_tools, labelled, render


def probed(film: bytes) -> tuple[str, int, int, float, int]:
    """Codec, width, height, seconds, and the number of frames that decode."""
    with av.open(io.BytesIO(film)) as container:
        (stream,) = container.streams.video
        frames = sum(1 for _ in container.decode(stream))
        seconds = container.duration / 1_000_000
        return stream.codec_context.name, stream.width, stream.height, seconds, frames


@pytest.mark.parametrize(
    ("width", "height", "seconds"), [(640, 640, 4), (854, 480, 1), (1470, 630, 2), (480, 854, 15)]
)
def test_a_film_is_h264_of_the_asked_shape_and_length(
    width: int, height: int, seconds: int
) -> None:
    film = render(width, height, seconds)

    assert probed(film) == ("h264", width, height, float(seconds), seconds * 24)
    assert len(film) < 200_000


def test_the_index_comes_first_so_that_it_streams() -> None:
    film = render(320, 180, 1)

    assert film[4:8] == b"ftyp"
    assert 0 < film.index(b"moov") < film.index(b"mdat")


def test_the_picture_moves() -> None:
    with av.open(io.BytesIO(render(320, 180, 1))) as container:
        pictures = [frame.to_ndarray().tobytes() for frame in container.decode(video=0)]

    assert len(set(pictures)) == 24


def test_a_label_makes_two_films_differ_and_hurts_neither() -> None:
    film = render(320, 180, 1)

    one, other = labelled(film, "gen-vid-1/0"), labelled(film, "gen-vid-2/0")

    assert one != other
    assert probed(one) == probed(film)


async def test_a_film_is_rendered_once_for_all_who_wait() -> None:
    films = Films()

    first, second = await asyncio.gather(films.get(320, 180, 1), films.get(320, 180, 1))

    assert first is second
    assert await films.get(320, 180, 1) is first


async def test_the_least_recently_used_film_is_forgotten() -> None:
    films = Films(max_bytes=1)

    first = await films.get(320, 180, 1)
    second = await films.get(180, 320, 1)

    assert films.size == len(second)
    assert await films.get(320, 180, 1) is not first


def test_a_missing_extra_is_named_in_plain_words(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_av(name: str, *rest: Any, **more: Any) -> Any:
        if name == "av":
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_av)

    with pytest.raises(CannotRender, match=r"pip install 'video-gateway\[sandbox\]'"):
        check_tools()
