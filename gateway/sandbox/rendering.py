"""Renders small, playable H.264 videos of a given size and length, and caches them.

It encodes one second and repeats it, so that thirty seconds take no longer than one. Needs the
extra `sandbox` (PyAV, NumPy).
"""

import asyncio
import importlib
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

FRAMES_PER_SECOND = 24

_TICK = Fraction(1, FRAMES_PER_SECOND)


class RendererMissing(Exception):
    """PyAV or NumPy is not installed; the message says how to install them."""


class VideoCache:
    """An LRU cache of rendered videos of up to `max_bytes`."""

    def __init__(self, max_bytes: int = 64 * 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._videos: OrderedDict[tuple[int, int, int], bytes] = OrderedDict()
        self._lock = asyncio.Lock()  # one rendering at a time, because it uses a whole core

    async def get(self, width: int, height: int, seconds: int) -> bytes:
        """Return the video; render it in a thread if it is not cached.

        Raises:
            RendererMissing: PyAV is not installed.

        """
        key = (width, height, seconds)
        if key not in self._videos:
            async with self._lock:
                if key not in self._videos:  # another task may have rendered it meanwhile
                    self._store(key, await asyncio.to_thread(render, *key))
        self._videos.move_to_end(key)
        return self._videos[key]

    @property
    def size(self) -> int:
        """Return the size of the cache in bytes."""
        return sum(len(video) for video in self._videos.values())

    def _store(self, key: tuple[int, int, int], video: bytes) -> None:
        self._videos[key] = video
        while self.size > self._max_bytes and len(self._videos) > 1:
            self._videos.popitem(last=False)


def check_renderer(load: Callable[[str], Any] = importlib.import_module) -> None:
    """Check at the start that videos can be rendered; `load` imports a module by its name.

    Raises:
        RendererMissing: PyAV or NumPy is missing.

    """
    _import_renderer(load)


def with_label(video: bytes, label: str) -> bytes:
    """Append a text that players skip (an ISO 14496-12 `free` box).

    It makes the bytes of every job different, so that tests detect a mix-up.
    """
    text = label.encode()
    return video + (8 + len(text)).to_bytes(4, "big") + b"free" + text


def render(width: int, height: int, seconds: int) -> bytes:
    """Render a silent video of a bar that crosses a grey background once per second.

    The index comes first, so that the video can be streamed.

    Raises:
        RendererMissing: PyAV is not installed.

    """
    av, numpy = _import_renderer()
    with tempfile.TemporaryDirectory(prefix="video-sandbox-") as folder:
        path = Path(folder) / "video.mp4"  # libav can move the index only within a real file
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
    """Encode one second as a closed group of pictures, one packet per frame."""
    picture = numpy.full((height * 3 // 2, width), 128, numpy.uint8)
    background = numpy.linspace(40, 120, width).astype(numpy.uint8)
    packets: list[bytes] = []
    for number in range(FRAMES_PER_SECOND):
        picture[:height] = background
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


def _import_renderer(
    load: Callable[[str], Any] = importlib.import_module,
) -> tuple[Any, Any]:
    try:
        av, numpy = load("av"), load("numpy")
    except ImportError as error:
        raise RendererMissing(
            "PyAV and NumPy, which render the sandbox's videos, are not installed; run "
            "pip install 'video-gateway[sandbox]'"
        ) from error
    return av, numpy
