"""Video tokens, the billing unit of Seedance, computed from the rendered pixels.

tokens = width x height / 1024 x (24 x seconds + 1). The extra frame matches the recorded job
(640x640, 4 s: 38,800 tokens, 0.1358 USD). The rendered pixels differ from `supported_sizes`: that
job was listed as 480x480. The estimate therefore uses an upper bound:

- if aspect ratio and resolution are certain and published by ByteDance: the published picture, the
  largest of the generations 1.0 to 2.5 (`_RENDERED`);
- otherwise the 16:9 picture of that resolution plus 5 % (every published picture is within 4.7 %);
- at least the largest size that the catalog lists for that resolution (and ratio, if certain).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from gateway.domain.capability import Capabilities
from gateway.domain.resolution import (
    Size,
    normal,
    parse_ratio,
    parse_size,
    resolution_of,
    same_shape,
    wide_area,
)

_FRAMES_PER_SECOND = 24
_PIXELS_PER_TOKEN = 1024
_MARGIN = Fraction(105, 100)


@dataclass(frozen=True, slots=True)
class Picture:
    """The largest possible output frame of a request: its pixels and their source."""

    area: int
    source: str


def tokens(area: int, seconds: int) -> Decimal:
    """Return the exact video tokens of `seconds` at 24 frames per second plus one frame."""
    return Decimal(area * (_FRAMES_PER_SECOND * seconds + 1)) / _PIXELS_PER_TOKEN


def largest_picture(
    capabilities: Capabilities,
    resolution: str | None,
    ratio: Fraction | None,
    asked: Size | None = None,
) -> Picture | None:
    """Return the largest possible picture of that resolution; None if it is unknown.

    `ratio` is the aspect ratio if the request determines it, or None if the upstream or an input
    image does. `asked` is the size in the request.
    """
    sizes = _listed(capabilities, resolution, ratio) + ([asked] if asked else [])
    listed = [_listed_picture(size) for size in sizes]
    rendered = _rendered(capabilities.id, resolution, ratio)
    return max((p for p in (*listed, rendered) if p), key=lambda p: p.area, default=None)


def _listed_picture(size: Size) -> Picture:
    return Picture(size.area, f"{size} px")


def _listed(
    capabilities: Capabilities, resolution: str | None, ratio: Fraction | None
) -> list[Size]:
    sizes = [size for text in capabilities.sizes or () if (size := parse_size(text))]
    if resolution is not None:
        known = capabilities.resolutions or (resolution,)
        sizes = [s for s in sizes if normal(resolution_of(s, known) or "") == normal(resolution)]
    return [s for s in sizes if ratio is None or same_shape(s.ratio, ratio)]


def _rendered(model: str, resolution: str | None, ratio: Fraction | None) -> Picture | None:
    if resolution is None:
        return None
    if ratio is not None and model.startswith("bytedance/"):
        published = _published(normal(resolution), ratio)
        if published:
            return _listed_picture(published)
    wide = wide_area(resolution)
    if wide is None:
        return None
    area = -(-wide * _MARGIN.numerator // _MARGIN.denominator)
    return Picture(area, f"{area} px, the 16:9 picture of {resolution} plus 5 %")


def _published(resolution: str, ratio: Fraction) -> Size | None:
    """Return ByteDance's picture for a ratio in either orientation: 9:16 has the pixels of 16:9."""
    lying = max(ratio, 1 / ratio)
    for name, size in _RENDERED.get(resolution, {}).items():
        if same_shape(parse_ratio(name) or lying, lying):
            return size
    return None


_RENDERED: Mapping[str, Mapping[str, Size]] = {
    "480p": {
        "16:9": Size(864, 496),
        "4:3": Size(752, 560),
        "1:1": Size(640, 640),
        "21:9": Size(992, 432),
    },
    "720p": {
        "16:9": Size(1280, 720),
        "4:3": Size(1120, 832),
        "1:1": Size(960, 960),
        "21:9": Size(1504, 640),
    },
    "1080p": {
        "16:9": Size(1920, 1088),
        "4:3": Size(1664, 1248),
        "1:1": Size(1440, 1440),
        "21:9": Size(2206, 946),
    },
    "4k": {
        "16:9": Size(3840, 2160),
        "4:3": Size(3326, 2494),
        "1:1": Size(2880, 2880),
        "21:9": Size(4398, 1886),
    },
}
"""Output pixels by resolution and ratio, from ByteDance's "Create a video generation task"
(ModelArk, September 2026). If generations differ, the largest."""
