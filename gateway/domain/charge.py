"""The cost of one fully specified video: price times quantity, plus image fees, at least a minimum.

The arithmetic is exact if the caller's decimal context never rounds (see `pricing.estimate`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from gateway.domain.interpretations import Interpretation
from gateway.domain.price_keys import PriceKey, Unit, choose
from gateway.domain.resolution import normal
from gateway.domain.video_tokens import Picture, tokens


@dataclass(frozen=True, slots=True)
class Charge:
    """An amount in dollars, and the arithmetic behind it."""

    usd: Decimal
    lines: tuple[str, ...]
    by_tokens: bool = False


def charge(
    interpretation: Interpretation,
    keys: Sequence[PriceKey],
    *,
    images: int,
    picture: Picture | None,
) -> Charge | None:
    """Return the cost of the interpretation; None if no price key of the catalog applies.

    `images` is the number of input images, `picture` the largest possible output frame. None means
    that the frame is unknown, and then a model sold by the token has no price.
    """
    # If a model is sold both by the second and by the token, the higher price is reserved.
    sold = [_by_seconds(interpretation, keys), _by_tokens(interpretation, keys, picture)]
    length = max((part for part in sold if part), key=lambda part: part.usd, default=None)
    if length is None:
        return None
    usd, lines = length.usd, list(length.lines)
    extras = [key for key in keys if key.unit is Unit.IMAGE] if images else []
    for key in extras:
        usd += images * key.usd
        lines.append(_line(images, key, images * key.usd))
    if extras:
        lines.append(f"total {usd_in_full(usd)} USD")
    floor = max((key for key in keys if key.unit is Unit.JOB), key=lambda k: k.usd, default=None)
    if floor is not None and floor.usd > usd:
        usd = floor.usd
        lines.append(f"at least {usd_in_full(usd)} USD ({floor.name})")
    return Charge(usd, tuple(lines), length.by_tokens)


def usd_in_full(amount: Decimal) -> str:
    """Format dollars with every digit and at least two decimals: `0.1358`."""
    whole, _, decimals = _plain(amount).partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"


def _by_seconds(interpretation: Interpretation, keys: Sequence[PriceKey]) -> Charge | None:
    key = _key(interpretation, [key for key in keys if key.unit is Unit.SECOND])
    if key is None:
        return None
    usd = interpretation.duration * key.usd
    return Charge(usd, (_line(interpretation.duration, key, usd),))


def _by_tokens(
    interpretation: Interpretation, keys: Sequence[PriceKey], picture: Picture | None
) -> Charge | None:
    with_input = interpretation.input_seconds > 0
    sold = [key for key in keys if key.unit is Unit.TOKEN and key.video_input == with_input]
    key = _key(interpretation, sold)
    if key is None or picture is None:
        return None
    seconds = interpretation.duration + interpretation.input_seconds
    count = tokens(picture.area, seconds)
    usd = count * key.usd
    how = f"{picture.source} / 1024 x (24 x {seconds} s + 1) = {_plain(count)} tokens"
    return Charge(usd, (how, _line(_plain(count), key, usd)), by_tokens=True)


def _key(interpretation: Interpretation, keys: Sequence[PriceKey]) -> PriceKey | None:
    resolution = normal(interpretation.resolution) if interpretation.resolution else None
    return choose(keys, interpretation.mode, audio=interpretation.audio, resolution=resolution)


def _line(count: int | str, key: PriceKey, usd: Decimal) -> str:
    plural = "" if key.unit is Unit.SECOND or str(count) == "1" else "s"
    return f"{count} {key.unit.value}{plural} x {key.shown} ({key.name}) = {usd_in_full(usd)} USD"


def _plain(number: Decimal) -> str:
    return format(number.normalize(), "f")
