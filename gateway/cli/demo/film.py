"""Is a downloaded file a video that plays? Every frame of it is decoded to know."""

from dataclasses import dataclass
from pathlib import Path

import av

from gateway.cli.demo.failed import DemoFailed


@dataclass(frozen=True, slots=True)
class Film:
    """What is really in the file."""

    width: int
    height: int
    frames: int
    seconds: float

    def __str__(self) -> str:
        """For a person."""
        return f"{self.width}x{self.height}, {self.seconds:.1f} s, {self.frames} frames"


def watch(path: Path) -> Film:
    """Decode the whole file.

    Raises:
        DemoFailed: it is no video, or breaks off.

    """
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            frames = sum(1 for _ in container.decode(stream))
            seconds = float((container.duration or 0) / av.time_base)
            film = Film(stream.width, stream.height, frames, seconds)
    except (av.error.FFmpegError, IndexError) as error:
        raise DemoFailed(f"{path} is not a video that plays: {error}") from error
    if not frames:
        raise DemoFailed(f"{path} has no frames")
    return film
