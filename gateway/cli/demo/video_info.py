"""Check that a downloaded file is a playable video, by decoding every frame."""

from dataclasses import dataclass
from pathlib import Path

import av

from gateway.cli.demo.failed import DemoFailed


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """Properties of a decoded video file."""

    width: int
    height: int
    frames: int
    seconds: float

    def __str__(self) -> str:
        """Format as `640x480, 4.0 s, 96 frames`."""
        return f"{self.width}x{self.height}, {self.seconds:.1f} s, {self.frames} frames"


def decode_video(path: Path) -> VideoInfo:
    """Decode the whole file and return its properties.

    Raises:
        DemoFailed: the file is not a video, or is damaged or truncated.

    """
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            frames = sum(1 for _ in container.decode(stream))
            seconds = float((container.duration or 0) / av.time_base)
            info = VideoInfo(stream.width, stream.height, frames, seconds)
    except (av.error.FFmpegError, IndexError) as error:
        raise DemoFailed(f"{path} is not a playable video: {error}") from error
    if not frames:
        raise DemoFailed(f"{path} has no frames")
    return info
