"""What a model supports and what it costs, parsed from one entry of the catalog.

The entry is untrusted input. A field that can't be parsed becomes unknown instead of an error, so
that one malformed field does not remove a model. A price is never guessed.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class NumberRange:
    """Numbers from `low` to `high`, both inclusive; None means unbounded."""

    low: Decimal | None
    high: Decimal | None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One model's entry in the catalog. None means unknown; the order in a tuple has no meaning."""

    id: str
    canonical_slug: str
    name: str
    resolutions: tuple[str, ...] | None = None
    aspect_ratios: tuple[str, ...] | None = None
    sizes: tuple[str, ...] | None = None
    durations: tuple[int, ...] | None = None
    frame_images: tuple[str, ...] | None = None
    upscale_factor: NumberRange | None = None
    creativity: tuple[int, ...] | None = None
    generate_audio: bool | None = None
    seed: bool | None = None
    passthrough: tuple[str, ...] | None = None
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    """Price by catalog key, in the key's own unit. Empty means that the price is unknown."""
    unreadable_prices: tuple[str, ...] = ()
    """Keys whose value is not a price. One such key makes the whole price unknown, never zero."""
    entry: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The original entry, for relaying the catalog to clients."""


def parse_capabilities(raw: Mapping[str, Any]) -> Capabilities:
    """Parse one entry of the catalog. Fields of the wrong type become unknown.

    `unreadable_prices` lists every price that can't be parsed, and `pricing_skus` itself if it is
    not an object.

    Raises:
        ValueError: the entry is not an object, or has no usable `id`.

    """
    if not isinstance(raw, Mapping):
        raise ValueError(f"a catalog entry must be an object, not {type(raw).__name__}")
    model = _text(raw.get("id"))
    if model is None or len(model) > _LONGEST_ID:
        raise ValueError("a catalog entry must have an id: a string of 1 to 200 characters")
    prices, unreadable = _prices(raw.get("pricing_skus"))
    return Capabilities(
        id=model,
        canonical_slug=_text(raw.get("canonical_slug")) or model,
        name=_text(raw.get("name")) or model,
        resolutions=_all(raw.get("supported_resolutions"), _text),
        aspect_ratios=_all(raw.get("supported_aspect_ratios"), _text),
        sizes=_all(raw.get("supported_sizes"), _text),
        durations=_all(raw.get("supported_durations"), _seconds),
        frame_images=_all(raw.get("supported_frame_images"), _text),
        upscale_factor=_span(raw.get("upscale_factor")),
        creativity=_all(raw.get("creativity"), _whole),
        generate_audio=_flag(raw.get("generate_audio")),
        seed=_flag(raw.get("seed")),
        passthrough=_passthrough(raw.get("allowed_passthrough_parameters")),
        prices=prices,
        unreadable_prices=unreadable,
        entry=raw,
    )


def _text(value: Any) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _whole(value: Any) -> int | None:
    """Return an integer, also when it is written 8.0; None for a boolean and anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    if isinstance(value, int):
        return value
    number = Decimal(str(value))
    if not number.is_finite() or abs(number) > _LARGEST or number != int(number):
        return None
    return int(number)


def _seconds(value: Any) -> int | None:
    whole = _whole(value)
    return whole if whole is not None and 0 < whole <= _LONGEST_VIDEO else None


def _all(value: Any, read: Callable[[Any], T | None]) -> tuple[T, ...] | None:
    """Return the list if every item can be parsed. An empty list is unknown, as null is.

    If an empty list meant "none", the gateway would refuse every request.
    """
    if not isinstance(value, list | tuple) or not value:
        return None
    items = [item for entry in value if (item := read(entry)) is not None]
    return tuple(items) if len(items) == len(value) else None


def _passthrough(value: Any) -> tuple[str, ...] | None:
    """Return the list. Real catalogs contain an empty one, and there it means "none"."""
    return () if value == [] else _all(value, _text)


def _span(value: Any) -> NumberRange | None:
    if not isinstance(value, Mapping):
        return None
    low, high = _positive(value.get("min")), _positive(value.get("max"))
    return None if low is None and high is None else NumberRange(low, high)


def _positive(value: Any) -> Decimal | None:
    number = None if isinstance(value, bool) else _price(value)
    return number or None


def _prices(value: Any) -> tuple[Mapping[str, Decimal], tuple[str, ...]]:
    if value is None:
        return {}, ()
    if not isinstance(value, Mapping):
        return {}, ("pricing_skus",)
    read = {str(key): _price(text) for key, text in value.items()}
    prices = {key: price for key, price in read.items() if price is not None}
    return prices, tuple(sorted(key for key in read if key not in prices))


def _price(value: Any) -> Decimal | None:
    """Return an exact decimal from 0 to `_LARGEST`, or None. A JSON number keeps its digits."""
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        return None
    text = str(value).strip()
    if len(text) > _LONGEST_PRICE or not _PRICE.fullmatch(text):
        return None
    try:
        price = Decimal(text)
    except InvalidOperation:  # the exponent is out of range
        return None
    return price if price <= _LARGEST else None


_PRICE = re.compile(r"[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?")
_LONGEST_PRICE = 40
"""Characters of a price. Real ones have ten; the bound keeps all arithmetic exact (`pricing`)."""

_LARGEST = Decimal(1_000_000)
"""Upper bound of a plausible price, in any unit of the catalog, and of a plausible count."""

_LONGEST_ID = 200
_LONGEST_VIDEO = 86_400
"""A day, in seconds: the upper bound of a plausible duration."""
