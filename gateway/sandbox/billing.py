"""Computes a job's cost from the model's pricing_skus (docs/openrouter-contract.md section 6).

Written independently of the gateway's estimator, so that each can find errors in the other. Here
every input is known, so the price is exact and not a worst case.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

_CENT = Decimal("0.01")
_TOKEN_PIXELS = 1024
_FRAMES_PER_SECOND = 24


@dataclass(frozen=True, slots=True)
class Render:
    """The properties of a rendered video that affect its price."""

    seconds: int
    width: int
    height: int
    resolution: str | None  # None: the model lists no resolutions
    audio: bool = False
    images: int = 0  # input images: frames or references
    references: int = 0  # input references of any type
    video_input: bool = False
    continued: bool = False
    creativity: int = 0


class PriceUnknown(Exception):
    """No known price key applies; the catalog has prices of an unknown kind."""


def price(skus: Mapping[str, str], render: Render) -> Decimal:
    """Compute the exact price in US dollars.

    Raises:
        PriceUnknown: no key of a known family applies.

    """
    prices = {key: Decimal(value) for key, value in skus.items()}
    base = _base_price(prices, render)
    if base is None:
        raise PriceUnknown(f"no price key applies to {render}; the model has {sorted(skus)}")
    floor = prices.get("minimum_cents_per_generation", Decimal(0)) * _CENT
    return max(base + _image_price(prices, render), floor)


def _base_price(prices: Mapping[str, Decimal], render: Render) -> Decimal | None:
    for family in (_by_area, _by_token, _by_second):
        amount = family(prices, render)
        if amount is not None:
            return amount
    return None


def _by_area(prices: Mapping[str, Decimal], render: Render) -> Decimal | None:
    style = "creative" if render.creativity else "precise"
    cents = prices.get(f"cents_per_megapixel_second_{style}")
    if cents is None:
        return None
    megapixels = Decimal(render.width * render.height) / 1_000_000
    return cents * _CENT * megapixels * render.seconds


def _by_token(prices: Mapping[str, Decimal], render: Render) -> Decimal | None:
    """The recorded charge includes one extra frame: 640x640, 4 s is 400 x 97 tokens."""
    rate = _most_specific_token_rate(prices, render)
    if rate is None:
        return None
    frames = _FRAMES_PER_SECOND * render.seconds + 1
    return rate * Decimal(render.width * render.height * frames) / _TOKEN_PIXELS


_TOKEN_KEY = re.compile(
    r"video_tokens(?:_(?P<resolution>\d+[pk]))?(?P<silent>_without_audio)?"
    r"(?P<video>_with_video_input)?"
)


def _most_specific_token_rate(prices: Mapping[str, Decimal], render: Render) -> Decimal | None:
    """Return the rate of the most specific matching key, by input, then resolution, then audio.

    Seedance 2.0's key without audio equals its base price, so resolution must rank above audio.
    """
    best: tuple[tuple[bool, bool, bool], Decimal] | None = None
    for key, rate in prices.items():
        found = _TOKEN_KEY.fullmatch(key)
        if found is None or not _token_key_matches(found, render):
            continue
        weight = (bool(found["video"]), bool(found["resolution"]), bool(found["silent"]))
        if best is None or weight > best[0]:
            best = (weight, rate)
    return best[1] if best else None


def _token_key_matches(found: re.Match[str], render: Render) -> bool:
    if found["resolution"] and found["resolution"] != (render.resolution or "").lower():
        return False
    if found["silent"] and render.audio:
        return False
    return bool(found["video"]) <= render.video_input


def _by_second(prices: Mapping[str, Decimal], render: Render) -> Decimal | None:
    for key in _second_keys(render):
        if key in prices:
            unit = _CENT if key.startswith("cents_") else Decimal(1)
            return prices[key] * unit * render.seconds
    return None


def _second_keys(render: Render) -> Iterable[str]:
    """Yield the keys that may price a second; the first one in the catalog applies."""
    suffix = f"_{render.resolution.lower()}" if render.resolution else ""
    mode = "image_to_video" if render.images else "text_to_video"
    audio = "with_audio" if render.audio else "without_audio"
    if render.continued:
        yield f"cents_per_second_video_continuation{suffix}"
    if render.references:
        yield f"reference_duration_seconds{suffix}"
    yield f"duration_seconds_{audio}{suffix}"
    if render.audio:  # Kling: audio costs 0.168, more than the mode keys of 0.112
        yield "duration_seconds_with_audio"
    yield f"{mode}_duration_seconds{suffix}"
    yield f"duration_seconds{suffix}"
    yield f"duration_seconds_{audio}"
    yield "duration_seconds"
    yield f"cents_per_video_output_second{suffix}"
    yield f"cents_per_second_output{suffix}"
    yield "cents_per_second_output"
    yield f"per-video-second{suffix.replace('_', '-')}"  # documented, never recorded
    yield "per-video-second"


def _image_price(prices: Mapping[str, Decimal], render: Render) -> Decimal:
    each = prices.get("reference_images")
    if each is None:
        each = prices.get("cents_per_image_input", Decimal(0)) * _CENT
    return each * render.images
