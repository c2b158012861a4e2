"""Real, small, playable H.264 films of a given length and shape, made once per shape and length.

One second is encoded and repeated, so that thirty seconds cost no more than one. Needs the extra
`sandbox` (PyAV, NumPy).
"""

import asyncio
import tempfile
from collections import OrderedDict
from fractions import Fraction
from pathlib import Path
from typing import Any

FRAMES_PER_SECOND = 24

_TICK = Fraction(1, FRAMES_PER_SECOND)


class CannotRender(Exception):
    """The extra is not installed; the message says what to do."""


class Films:
    """Rendered films, the least recently used forgotten beyond `max_bytes`."""

    def __init__(self, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._films: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()
        self._turn = asyncio.Lock()  # one rendering at a time: it takes a whole core

    async def get(self, width: int, height: int, seconds: int) -> bytes:
        """The film; rendered in a thread, so that nobody else waits for it.

        Raises:
            CannotRender: PyAV is not installed.

        """
        key = (width, height, seconds)
        if key not in self._films:
            async with self._turn:
                if key not in self._films:  # somebody may have rendered it meanwhile
                    self._keep(key, await asyncio.to_thread(render, *key))
        self._films.move_to_end(key)
        return self._films[key]

    @property
    def size(self) -> int:
        """Bytes kept."""
        return sum(len(film) for film in self._films.values())

    def _keep(self, key: tuple[int, int, int], film: bytes) -> None:
        self._films[key] = film
        while self.size > self._max_bytes and len(self._films) > 1:
            self._films.popitem(last=False)


def check_tools() -> None:
    """Say at once, not at the first download, that something must be installed.

    Raises:
        CannotRender: PyAV or NumPy is missing.

    """
    _tools()


def labelled(film: bytes, label: str) -> bytes:
    """The film with a text behind it that players skip (an ISO 14496-12 `free` box), so that no
    two jobs have the same bytes and a mix-up shows.
    """
    text = label.encode()
    return film + (8 + len(text)).to_bytes(4, "big") + b"free" + text


def render(width: int, height: int, seconds: int) -> bytes:
    """A bar that crosses a grey wall once a second, silent, index first so that it streams.

    Raises:
        CannotRender: PyAV is not installed.

    """
    av, numpy = _tools()
    with tempfile.TemporaryDirectory(prefix="video-sandbox-") as folder:
        path = Path(folder) / "film.mp4"  # the index can only be moved to the front of a real file
        with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
            stream = container.add_stream("libx264", rate=FRAMES_PER_SECOND)
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.options = {"preset": "ultrafast", "crf": "38", "bf": "0", "sc_threshold": "0"}
            stream.gop_size = FRAMES_PER_SECOND
            stream.codec_context.thread_count = 1
            packets = _one_second(av, numpy, stream, width, height)
            for tick in range(seconds * FRAMES_PER_SECOND):
                data = packets[tick % FRAMES_PER_SECOND]
                container.mux(_packet(av, stream, data, tick))
        return path.read_bytes()


def _one_second(av: Any, numpy: Any, stream: Any, width: int, height: int) -> list[bytes]:
    """The packets of one closed group of pictures, one per frame."""
    picture = numpy.full((height * 3 // 2, width), 128, numpy.uint8)
    wall = numpy.linspace(40, 120, width).astype(numpy.uint8)
    packets: list[bytes] = []
    for number in range(FRAMES_PER_SECOND):
        picture[:height] = wall
        left = number * width // FRAMES_PER_SECOND
        picture[height // 3 : height // 2, left : left + max(2, width // 8)] = 220
        frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts = number
        packets += [bytes(packet) for packet in stream.encode(frame)]
    return packets + [bytes(packet) for packet in stream.encode(None)]


def _packet(av: Any, stream: Any, data: bytes, tick: int) -> Any:
    packet = av.Packet(data)
    packet.stream, packet.time_base = stream, _TICK
    packet.pts = packet.dts = tick
    packet.duration = 1
    packet.is_keyframe = tick % FRAMES_PER_SECOND == 0
    return packet


def _tools() -> tuple[Any, Any]:
    try:
        import av
        import numpy
    except ImportError as error:
        raise CannotRender(
            "the sandbox renders its films with PyAV and NumPy: "
            "pip install 'video-gateway[sandbox]'"
        ) from error
    return av, numpy
