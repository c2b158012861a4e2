"""The size of a rendered video, which is not always the requested size.

Recorded (docs/openrouter-contract.md section 5): Seedance renders 640x640 for 480p 1:1 and Grok
544x544, although both list 480x480. All other sizes are as listed.
"""

from collections.abc import Mapping

Size = tuple[int, int]

_SHORT_SIDES: Mapping[str, int] = {"1K": 1024, "2K": 1440, "4K": 2160}

_EQUAL_AREA: Mapping[str, Mapping[str, Size]] = {
    # Seedance keeps the area and adapts the sides. These are the sizes that Seedance 2.5 lists, and
    # 1.5 and 2.25 times these sizes where it lists none.
    "480p": {
        "16:9": (854, 480),
        "4:3": (752, 560),
        "1:1": (640, 640),
        "21:9": (992, 432),
    },
    "720p": {
        "16:9": (1280, 720),
        "4:3": (1112, 834),
        "1:1": (960, 960),
        "21:9": (1470, 630),
    },
    "1080p": {
        "16:9": (1920, 1080),
        "4:3": (1664, 1248),
        "1:1": (1440, 1440),
        "21:9": (2206, 946),
    },
    "4K": {
        "16:9": (3840, 2160),
        "4:3": (3326, 2494),
        "1:1": (2880, 2880),
        "21:9": (4398, 1886),
    },
}

_RECORDED: Mapping[tuple[str, str, str], Size] = {
    ("x-ai/grok-imagine-video", "480p", "1:1"): (544, 544),
}


def rendered_size(model: str, resolution: str, aspect_ratio: str) -> Size:
    """Return width and height of the output in pixels, both even as H.264 requires."""
    recorded = _RECORDED.get((model, resolution, aspect_ratio))
    if recorded is not None:
        return recorded
    if model.startswith("bytedance/seedance"):
        equal = _equal_area(resolution, aspect_ratio)
        if equal is not None:
            return equal
    return nominal_size(resolution, aspect_ratio)


def nominal_size(resolution: str, aspect_ratio: str) -> Size:
    """Return the size whose shorter side is the resolution."""
    across, down = (int(part) for part in aspect_ratio.split(":"))
    short = short_side(resolution)
    long = _even(short * max(across, down) / min(across, down))
    return (long, short) if across >= down else (short, long)


def short_side(resolution: str) -> int:
    """Return the shorter side of a resolution in pixels."""
    return _SHORT_SIDES[resolution] if resolution.endswith("K") else int(resolution[:-1])


def described_size(size: str) -> tuple[str, str]:
    """Return the resolution and the nearest aspect ratio of a `WIDTHxHEIGHT`."""
    width, height = parsed_size(size)
    names = {side: name for name, side in _SHORT_SIDES.items()}
    side = min(width, height)
    return names.get(side, f"{side}p"), _nearest_ratio(width, height)


def parsed_size(size: str) -> Size:
    """Parse `1280x720` into two numbers."""
    width, height = size.split("x")
    return int(width), int(height)


def equal_area_of(size: str) -> tuple[str, str] | None:
    """Return the resolution and aspect ratio of a size in Seedance's table, else None."""
    wanted = parsed_size(size)
    for resolution, shapes in _EQUAL_AREA.items():
        for ratio, listed in shapes.items():
            if listed == wanted:
                return resolution, ratio
            if listed[::-1] == wanted:
                return resolution, _inverted(ratio)
    return None


_RATIOS = ("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21")


def _nearest_ratio(width: int, height: int) -> str:
    def distance(ratio: str) -> float:
        across, down = (int(part) for part in ratio.split(":"))
        return abs(width / height - across / down)

    return min(_RATIOS, key=distance)


def _equal_area(resolution: str, aspect_ratio: str) -> Size | None:
    shapes = _EQUAL_AREA.get(resolution, {})
    if aspect_ratio in shapes:
        return shapes[aspect_ratio]
    inverted = shapes.get(_inverted(aspect_ratio))
    return inverted[::-1] if inverted is not None else None


def _inverted(aspect_ratio: str) -> str:
    return ":".join(reversed(aspect_ratio.split(":")))


def _even(pixels: float) -> int:
    return 2 * round(pixels / 2)
