"""Resolutions, sizes and aspect ratios: parsing and comparing them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

_SIZE = re.compile(r"\s*([0-9]{1,5})\s*[xX\u00d7]\s*([0-9]{1,5})\s*")
_LINES = re.compile(r"([0-9]{3,4})p")
_THOUSANDS = {"1k": 1080, "2k": 1440, "4k": 2160, "8k": 4320}
"""Lines of the names that count columns. If a name is ambiguous, the larger number."""

_SAME_SHAPE = 0.05
"""How far apart two equal ratios may be: 992x432 is listed as 21:9 and is 1.6 % off; the closest
two names (4:3 and 3:2) are 12 % apart."""


@dataclass(frozen=True, slots=True)
class Size:
    """Width and height in whole pixels, each at least 1."""

    width: int
    height: int

    @property
    def area(self) -> int:
        """The number of pixels of one frame."""
        return self.width * self.height

    @property
    def ratio(self) -> Fraction:
        """Width over height."""
        return Fraction(self.width, self.height)

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


def parse_size(text: str) -> Size | None:
    """Parse a size like `1280x720`; None if the text is not a size."""
    match = _SIZE.fullmatch(text)
    if match is None or not (int(match[1]) and int(match[2])):
        return None
    return Size(int(match[1]), int(match[2]))


def parse_ratio(text: str) -> Fraction | None:
    """Parse a ratio like `16:9` into width over height; None if the text is not a ratio."""
    width, _, height = text.strip().partition(":")
    if not (_small_number(width) and _small_number(height)):
        return None
    return Fraction(int(width), int(height))


def normal(resolution: str) -> str:
    """Normalise a resolution for comparison: requests use `4K`, price keys `4k`."""
    return resolution.strip().lower()


def lines(resolution: str) -> int | None:
    """Return the height of a landscape picture of that resolution (`720p`: 720, `4K`: 2160)."""
    name = normal(resolution)
    match = _LINES.fullmatch(name)
    return int(match[1]) if match else _THOUSANDS.get(name)


def wide_area(resolution: str) -> int | None:
    """Return the pixels of a 16:9 picture of that resolution, rounded up; None if unknown."""
    height = lines(resolution)
    return None if height is None else -(-(height * height * 16) // 9)


def resolution_of(size: Size, resolutions: Iterable[str]) -> str | None:
    """Return the resolution that a size belongs to; None if that is unclear.

    The short side decides (`1120x480` is 480p). If no resolution has that many lines, the nearest
    area within a third decides (`640x640`, `752x560` and `992x432` are all 480p).
    """
    known = [(name, height) for name in resolutions if (height := lines(name)) is not None]
    for name, height in known:
        if height == min(size.width, size.height):
            return name
    near = [(distance(size.area, height * height * 16 / 9), name) for name, height in known]
    gap, nearest = min(near, default=(1.0, ""))
    return nearest if gap < 1 / 3 else None


def same_shape(one: Fraction, other: Fraction) -> bool:
    """Return whether two ratios count as the same aspect ratio (see `_SAME_SHAPE`)."""
    return distance(one, other) < _SAME_SHAPE


def distance(one: Fraction | float, other: Fraction | float) -> float:
    """Return the difference of two positive numbers as a share of the smaller; 0 if equal."""
    low, high = sorted((float(one), float(other)))
    return high / low - 1


def _small_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) > 0
