"""The catalog's price keys: what each one charges for, and which one applies to a request.

Keys come in families (docs/openrouter-contract.md section 6). The catalog has 39 of them; the
grammar here also accepts obvious variants (`duration_seconds_2k`), because new resolutions appear
that way.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Literal

Mode = Literal["text", "image", "reference", "continuation"]


class Unit(Enum):
    """The unit that a price is for."""

    SECOND = "s"
    TOKEN = "token"  # noqa: S105 - a unit, not a secret
    MEGAPIXEL_SECOND = "megapixel-second"
    IMAGE = "image"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class PriceKey:
    """One price and the conditions under which it applies; None means any."""

    name: str
    unit: Unit
    usd: Decimal
    """Dollars per unit."""
    shown: str
    """The price as the catalog spells it, with its unit: `5 cents/s`."""
    mode: Mode | None = None
    audio: bool | None = None
    resolution: str | None = None
    """Lower case, as `resolution.normal` spells it."""
    video_input: bool = False
    rank: int = 0
    """The precedence among spellings of a per-second price; smaller wins."""


def read_prices(prices: Mapping[str, Decimal]) -> tuple[tuple[PriceKey, ...], tuple[str, ...]]:
    """Return the keys that can be parsed, and the names of the other ones."""
    keys, unknown = [], []
    for name, price in prices.items():
        key = _read(name, price)
        if key is None:
            unknown.append(name)
        else:
            keys.append(key)
    return tuple(keys), tuple(unknown)


def choose(
    keys: Iterable[PriceKey], mode: Mode, *, audio: bool, resolution: str | None
) -> PriceKey | None:
    """Return the key that prices one fully specified video; None if there is none.

    See docs/openrouter-contract.md section 6.

    The most specific key wins. One exception: with audio, a key for audio is never skipped in
    favour of a cheaper key that does not mention audio. Kling lists `duration_seconds_with_audio`
    0.168 beside `text_to_video_duration_seconds_720p` 0.112. A key for references or continuations
    applies only to those, and if a model has such keys, no other key applies to those.
    """
    pool = list(keys)
    if mode == "image" and not any(key.mode == "image" for key in pool):
        return _as_image(pool, audio=audio, resolution=resolution)
    if mode in ("reference", "continuation"):
        special = [key for key in pool if key.mode == mode]
        if special:
            return _first(special, (mode,), None, resolution) or _first(special, (mode,), None)
        mode = "text"
    return _by_rank(pool, mode, audio=audio, resolution=resolution)


def _as_image(pool: list[PriceKey], *, audio: bool, resolution: str | None) -> PriceKey | None:
    """Choose the key for a frame image if no key is named for images.

    If the model has a price for references (heygen), a frame may be billed as one, so the higher
    price counts.
    """
    plain = _by_rank(pool, "image", audio=audio, resolution=resolution)
    if not any(key.mode == "reference" for key in pool):
        return plain
    as_reference = choose(pool, "reference", audio=audio, resolution=resolution)
    both = [key for key in (plain, as_reference) if key is not None]
    return max(both, key=lambda key: key.usd, default=None)


def _by_rank(
    pool: list[PriceKey], mode: Mode, *, audio: bool, resolution: str | None
) -> PriceKey | None:
    for rank in sorted({key.rank for key in pool}):
        ranked = [key for key in pool if key.rank == rank]
        found = _plain(ranked, mode, audio=audio, resolution=resolution)
        if found:
            return found
    return None


def _plain(
    keys: list[PriceKey], mode: Mode, *, audio: bool, resolution: str | None
) -> PriceKey | None:
    modes = (mode, None)
    exact = _first(keys, modes, audio, resolution) if resolution else None
    if exact:
        return exact
    sound = _first(keys, modes, audio)
    silent = _first(keys, modes, None, resolution) if resolution else None
    if sound and silent:
        # It is unpublished which of the two is billed (Seedance 2.0 has a 4K and a silent price).
        return max(sound, silent, key=lambda key: key.usd)
    return silent or sound or _first(keys, modes, None)


def _first(
    keys: Iterable[PriceKey],
    modes: tuple[Mode | None, ...],
    audio: bool | None,
    resolution: str | None = None,
) -> PriceKey | None:
    pool = [key for key in keys if (key.audio, key.resolution) == (audio, resolution)]
    return next((key for mode in modes for key in pool if key.mode == mode), None)


def _read(name: str, price: Decimal) -> PriceKey | None:
    for pattern, unit, cents, rank in _FAMILIES:
        match = pattern.fullmatch(name)
        if match:
            part = match.groupdict()
            return PriceKey(
                name=name,
                unit=unit,
                usd=price / 100 if cents else price,
                shown=f"{format(price, 'f')} {'cents' if cents else 'USD'}/{unit.value}",
                mode=_MODES.get(part.get("mode") or ""),
                audio=_AUDIO.get(part.get("audio") or ""),
                resolution=part.get("resolution"),
                video_input=bool(part.get("video_input")),
                rank=rank,
            )
    return None


_MODES: Mapping[str, Mode] = {
    "text_to_video": "text",
    "image_to_video": "image",
    "reference": "reference",
    "cents_per_second_video_continuation": "continuation",
}
_AUDIO = {"with": True, "without": False}

_SIZE = "(?P<resolution>[0-9]{3,4}p|[0-9]{1,2}k)"
_SOUND = "(?P<audio>with|without)_audio"
_VIDEO = "(?P<video_input>_with_video_input)"

_FAMILIES: tuple[tuple[re.Pattern[str], Unit, bool, int], ...] = (
    (
        re.compile(
            f"((?P<mode>text_to_video|image_to_video|reference)_)?"
            f"duration_seconds(_{_SOUND})?(_{_SIZE})?"
        ),
        Unit.SECOND,
        False,
        0,
    ),
    # The spellings of the guide and the specification, not yet seen in the catalog. The unit of
    # `generate` is undocumented; dollars per second is the more expensive interpretation.
    (re.compile(f"per[-_]video[-_]second([-_]{_SIZE})?"), Unit.SECOND, False, 0),
    (re.compile("generate"), Unit.SECOND, False, 0),
    (re.compile(f"cents_per_video_output_second(_{_SIZE})?"), Unit.SECOND, True, 1),
    (re.compile(f"cents_per_second_output(_{_SIZE})?"), Unit.SECOND, True, 2),
    (
        re.compile(f"(?P<mode>cents_per_second_video_continuation)(_{_SIZE})?"),
        Unit.SECOND,
        True,
        0,
    ),
    (re.compile(f"video_tokens(_{_SIZE})?(_{_SOUND})?{_VIDEO}?"), Unit.TOKEN, False, 0),
    (re.compile("cents_per_megapixel_second(_[a-z]+)?"), Unit.MEGAPIXEL_SECOND, True, 0),
    (re.compile("reference_images"), Unit.IMAGE, False, 0),
    (re.compile("cents_per_image_input"), Unit.IMAGE, True, 0),
    (re.compile("minimum_cents_per_generation"), Unit.JOB, True, 0),
)
"""Pattern, unit, whether the price is in cents, and rank."""
