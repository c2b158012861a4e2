"""Resolutions, sizes and aspect ratios: three spellings of how large a picture is."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

_SIZE = re.compile(r"\s*([0-9]{1,5})\s*[xX\u00d7]\s*([0-9]{1,5})\s*")
_LINES = re.compile(r"([0-9]{3,4})p")
_THOUSANDS = {"1k": 1080, "2k": 1440, "4k": 2160, "8k": 4320}
"""Lines of the names that count columns. Where a name has two interpretations, the larger."""

_SAME_SHAPE = 0.05
"""How far two ratios may be apart and still be one: the 992x432 that is sold as 21:9 is 1.6 % off,
the nearest two names (4:3 and 3:2) are 12 % apart."""


@dataclass(frozen=True, slots=True)
class Size:
    """A picture in whole pixels, both at least 1."""

    width: int
    height: int

    @property
    def area(self) -> int:
        """Pixels of one frame."""
        return self.width * self.height

    @property
    def ratio(self) -> Fraction:
        """Width over height."""
        return Fraction(self.width, self.height)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def parse_size(text: str) -> Size | None:
    """`1280x720` as a size; None if the text is not one."""
    match = _SIZE.fullmatch(text)
    if match is None or not (int(match[1]) and int(match[2])):
        return None
    return Size(int(match[1]), int(match[2]))


def parse_ratio(text: str) -> Fraction | None:
    """`16:9` as width over height; None if the text is not one."""
    width, _, height = text.strip().partition(":")
    if not (_small_number(width) and _small_number(height)):
        return None
    return Fraction(int(width), int(height))


def normal(resolution: str) -> str:
    """The one spelling by which resolutions are compared: requests say `4K`, price keys `4k`."""
    return resolution.strip().lower()


def lines(resolution: str) -> int | None:
    """Height of a landscape picture of that resolution (`720p`: 720, `4K`: 2160)."""
    name = normal(resolution)
    match = _LINES.fullmatch(name)
    return int(match[1]) if match else _THOUSANDS.get(name)


def wide_area(resolution: str) -> int | None:
    """Pixels of the 16:9 picture of that resolution, rounded up; None if it is unknown."""
    height = lines(resolution)
    return None if height is None else -(-(height * height * 16) // 9)


def resolution_of(size: Size, resolutions: Iterable[str]) -> str | None:
    """Which of these resolutions a size belongs to, None if that can't be told.

    The short side says it (`1120x480` is 480p); where no resolution has that many lines, the
    nearest area within a third does (`640x640`, `752x560` and `992x432` are all 480p).
    """
    known = [(name, height) for name in resolutions if (height := lines(name)) is not None]
    for name, height in known:
        if height == min(size.width, size.height):
            return name
    near = [(distance(size.area, height * height * 16 / 9), name) for name, height in known]
    gap, nearest = min(near, default=(1.0, ""))
    return nearest if gap < 1 / 3 else None


def same_shape(one: Fraction, other: Fraction) -> bool:
    """Whether two ratios are one and the same name (see `_SAME_SHAPE`)."""
    return distance(one, other) < _SAME_SHAPE


def distance(one: Fraction | float, other: Fraction | float) -> float:
    """How far two positive magnitudes are apart, as a share of the smaller; 0 when equal."""
    low, high = sorted((float(one), float(other)))
    return high / low - 1


def _small_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) > 0
