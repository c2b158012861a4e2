"""What a finished job costs, from the model's pricing_skus (docs/openrouter-contract.md section 6).

Written without a look at the gateway's estimator, so that each can find the other's mistakes. Here
every input is known, so there is one exact price and no ceiling.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

_CENT = Decimal("0.01")
_TOKEN_PIXELS = 1024
_FRAMES_PER_SECOND = 24


@dataclass(frozen=True, slots=True)
class Work:
    """What was rendered, as far as it bears on the price."""

    seconds: int
    width: int
    height: int
    resolution: str | None  # None: the model does not speak of resolutions
    audio: bool = False
    images: int = 0  # pictures given, frames or references
    references: int = 0  # what it drew on, of any kind
    video_input: bool = False
    continued: bool = False
    creativity: int = 0


class Unpriced(Exception):
    """No price key fits; the catalog is not one this program knows."""


def price(skus: Mapping[str, str], work: Work) -> Decimal:
    """US dollars, exact.

    Raises:
        Unpriced: no key of a known family fits.

    """
    prices = {key: Decimal(value) for key, value in skus.items()}
    main = _main(prices, work)
    if main is None:
        raise Unpriced(f"no key among {sorted(skus)} prices {work}")
    floor = prices.get("minimum_cents_per_generation", Decimal(0)) * _CENT
    return max(main + _for_images(prices, work), floor)


def _main(prices: Mapping[str, Decimal], work: Work) -> Decimal | None:
    for family in (_by_area, _by_token, _by_second):
        amount = family(prices, work)
        if amount is not None:
            return amount
    return None


def _by_area(prices: Mapping[str, Decimal], work: Work) -> Decimal | None:
    style = "creative" if work.creativity else "precise"
    cents = prices.get(f"cents_per_megapixel_second_{style}")
    if cents is None:
        return None
    megapixels = Decimal(work.width * work.height) / 1_000_000
    return cents * _CENT * megapixels * work.seconds


def _by_token(prices: Mapping[str, Decimal], work: Work) -> Decimal | None:
    """The extra frame is in the recorded charge: 640x640, 4 s is 400 x 97 tokens."""
    rate = _most_specific_token_rate(prices, work)
    if rate is None:
        return None
    frames = _FRAMES_PER_SECOND * work.seconds + 1
    return rate * Decimal(work.width * work.height * frames) / _TOKEN_PIXELS


_TOKEN_KEY = re.compile(
    r"video_tokens(?:_(?P<resolution>\d+[pk]))?(?P<silent>_without_audio)?"
    r"(?P<video>_with_video_input)?"
)


def _most_specific_token_rate(prices: Mapping[str, Decimal], work: Work) -> Decimal | None:
    """Of the keys whose every condition holds, the one with the weightiest: input, then
    resolution, then sound. (Seedance 2.0's key for silence equals its base price, so the
    resolution must outweigh it.)
    """
    best: tuple[tuple[bool, bool, bool], Decimal] | None = None
    for key, rate in prices.items():
        found = _TOKEN_KEY.fullmatch(key)
        if found is None or not _token_key_fits(found, work):
            continue
        weight = (bool(found["video"]), bool(found["resolution"]), bool(found["silent"]))
        if best is None or weight > best[0]:
            best = (weight, rate)
    return best[1] if best else None


def _token_key_fits(found: re.Match[str], work: Work) -> bool:
    if found["resolution"] and found["resolution"] != (work.resolution or "").lower():
        return False
    if found["silent"] and work.audio:
        return False
    return bool(found["video"]) <= work.video_input


def _by_second(prices: Mapping[str, Decimal], work: Work) -> Decimal | None:
    for key in _second_keys(work):
        if key in prices:
            unit = _CENT if key.startswith("cents_") else Decimal(1)
            return prices[key] * unit * work.seconds
    return None


def _second_keys(work: Work) -> Iterable[str]:
    """The keys that may price a second, the first that exists counts."""
    end = f"_{work.resolution.lower()}" if work.resolution else ""
    mode = "image_to_video" if work.images else "text_to_video"
    sound = "with_audio" if work.audio else "without_audio"
    if work.continued:
        yield f"cents_per_second_video_continuation{end}"
    if work.references:
        yield f"reference_duration_seconds{end}"
    yield f"duration_seconds_{sound}{end}"
    if work.audio:  # Kling: sound costs 0.168 beside mode keys of 0.112, and is not free
        yield "duration_seconds_with_audio"
    yield f"{mode}_duration_seconds{end}"
    yield f"duration_seconds{end}"
    yield f"duration_seconds_{sound}"
    yield "duration_seconds"
    yield f"cents_per_video_output_second{end}"
    yield f"cents_per_second_output{end}"
    yield "cents_per_second_output"
    yield f"per-video-second{end.replace('_', '-')}"  # the published, never seen spellings
    yield "per-video-second"


def _for_images(prices: Mapping[str, Decimal], work: Work) -> Decimal:
    each = prices.get("reference_images")
    if each is None:
        each = prices.get("cents_per_image_input", Decimal(0)) * _CENT
    return each * work.images
