"""Estimate a request's worst-case price before it is sent, with arithmetic and assumptions.

The rules are in docs/openrouter-contract.md section 6. Decimal arithmetic is exact, and the sum is
rounded up. The estimate is the highest price of all interpretations of the request
(`interpretations`), so that no value the upstream may choose for an open field costs more. A price
that cannot be parsed makes the request unpriced, never free.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal, localcontext

from gateway.domain.capability import Capabilities
from gateway.domain.charge import Charge, charge, usd_in_full
from gateway.domain.interpretations import (
    Interpretation,
    certain_ratio,
    hidden_fields,
    inputs,
    interpretations,
    stated_resolutions,
    stated_size,
)
from gateway.domain.price_keys import PriceKey, Unit, read_prices
from gateway.domain.resolution import lines, normal
from gateway.domain.units import Micros, micros_up, usd_text
from gateway.domain.video import VideoRequest
from gateway.domain.video_tokens import largest_picture


@dataclass(frozen=True, slots=True)
class Estimate:
    """The worst-case price of a request. Zero only if the catalog's price is 0."""

    micros: Micros
    lines: tuple[str, ...]
    """The arithmetic, one step per line: `8 s x 0.13 USD/s (duration_seconds) = 1.04 USD`."""
    assumptions: tuple[str, ...] = ()
    """What was assumed at its most expensive, and which field to set to avoid that."""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """No estimate is possible. `fields` lists fields that, if set, would make it possible."""

    reason: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PriceProfile:
    """The key of past costs: everything that affects the price. None: left to the upstream."""

    upstream: str
    model: str
    resolution: str | None
    duration: int | None
    audio: bool | None
    kind: str
    """A digest of every interpretation, the number of images and references, the overridden fields,
    and the catalog's prices. If any of them changes, the profile is a different one."""

    @property
    def key(self) -> str:
        """The profile as one string, for the database."""
        audio = "" if self.audio is None else str(self.audio).lower()
        said = f"{self.resolution or ''}|{self.duration or ''}|{audio}"
        return f"{self.upstream}|{self.model}|{said}|{self.kind}"


def estimate(request: VideoRequest, capabilities: Capabilities) -> Estimate | Unpriced:
    """Return the request's worst-case price, or why it is unknown."""
    # A price has at most 40 digits and a count of tokens fewer than 50: no step rounds.
    with localcontext(prec=120, rounding=ROUND_CEILING):
        keys, unknown = read_prices(capabilities.prices)
        possible = interpretations(request, capabilities, keys)
        hindrance = _several(request) or _hindrance(capabilities, keys, unknown, possible)
        return hindrance or _dearest(request, capabilities, keys, possible)


RAISE_AT_MOST = 3
"""Multiple of the catalog's price. One outlier must not raise the estimate for everybody else."""


def raised(before: Estimate, learned: int | None) -> Estimate:
    """Raise the estimate to the past cost of similar jobs (micro-dollars), within a limit."""
    micros = min(learned or 0, RAISE_AT_MOST * before.micros)
    if micros <= before.micros:
        return before
    known = f"raised to {usd_text(micros)} USD, the past cost of similar jobs"
    return replace(before, micros=Micros(micros), lines=(*before.lines, known))


def price_profile(request: VideoRequest, capabilities: Capabilities, upstream: str) -> PriceProfile:
    """Return the profile under which the costs of similar requests are compared.

    A resolution that is not in the catalog is left out, so that a key never contains free text.
    """
    said = stated_resolutions(request, capabilities.resolutions or ())
    stated = [name for name in said if lines(name) is not None]
    return PriceProfile(
        upstream=upstream,
        model=capabilities.id,
        resolution=normal(stated[-1]) if stated else None,
        duration=request.duration,
        audio=request.generate_audio,
        kind=_kind(request, capabilities),
    )


def _kind(request: VideoRequest, capabilities: Capabilities) -> str:
    keys, _ = read_prices(capabilities.prices)
    possible = interpretations(request, capabilities, keys)
    brought = inputs(request)
    facts = (
        sorted({_facts(interpretation) for interpretation in possible}),
        (len(request.frame_images), len(request.input_references), brought.images, brought.video),
        sorted(brought.overridden),
        sorted((name, str(price)) for name, price in capabilities.prices.items()),
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def _facts(one: Interpretation) -> tuple[str, ...]:
    lengths = (str(one.duration), str(one.input_seconds))
    resolution = normal(one.resolution) if one.resolution else ""
    return (*lengths, resolution, str(one.audio), str(one.mode))


def _several(request: VideoRequest) -> Unpriced | None:
    """Return why a request for several videos is unpriced: the price of each is unknown."""
    hidden = hidden_fields(request.provider_options)
    counts = [value for field, value in hidden if field == "outputs"]
    if any(value is True or value not in (1, "1") for value in counts):
        return Unpriced("provider.options asks for several videos", ("provider.options",))
    return None


def _hindrance(
    capabilities: Capabilities,
    keys: Sequence[PriceKey],
    unknown: Sequence[str],
    possible: Sequence[Interpretation],
) -> Unpriced | None:
    if capabilities.unreadable_prices:
        return Unpriced(f"unreadable prices: {_names(capabilities.unreadable_prices)}")
    if unknown:
        return Unpriced(f"prices of an unknown kind: {_names(unknown)}")
    if any(key.unit is Unit.MEGAPIXEL_SECOND for key in keys):
        return Unpriced("priced by the megapixel-second, and the length of the source is unknown")
    if not any(key.unit in (Unit.SECOND, Unit.TOKEN) for key in keys):
        return Unpriced("the catalog has no price per second or per token")
    if not possible:
        return Unpriced("the video is as long as its source, and that length is unknown")
    return None


def _dearest(
    request: VideoRequest,
    capabilities: Capabilities,
    keys: Sequence[PriceKey],
    possible: Sequence[Interpretation],
) -> Estimate | Unpriced:
    bills = _bills(request, capabilities, keys, possible)
    # If the catalog lists no resolutions, they are guessed from its price keys. A guess without a
    # price (for example, of a key for text only) is then ignored.
    guessed = capabilities.resolutions is None and bills
    if len(bills) < len(possible) and not guessed:
        return _no_price(request, keys, next(r for r in possible if r not in bills), bills)
    worst_case = max(bills, key=lambda interpretation: bills[interpretation].usd)
    most = bills[worst_case]
    if most.usd > _BELIEVABLE_USD:
        return Unpriced(f"the catalog's prices give {usd_in_full(most.usd)} USD: implausible")
    assumptions = tuple(_assumptions(request, capabilities, bills, worst_case))
    return Estimate(micros_up(most.usd), most.lines, assumptions)


def _bills(
    request: VideoRequest,
    capabilities: Capabilities,
    keys: Sequence[PriceKey],
    possible: Sequence[Interpretation],
) -> dict[Interpretation, Charge]:
    """Return the cost of each interpretation; interpretations without a price are left out."""
    ratio, size = certain_ratio(request), stated_size(request)
    resolutions = {interpretation.resolution for interpretation in possible}
    by_tokens = any(key.unit is Unit.TOKEN for key in keys)
    pictures = {
        resolution: largest_picture(capabilities, resolution, ratio, size) if by_tokens else None
        for resolution in resolutions
    }
    images = inputs(request).images
    billed = (
        (
            one,
            charge(one, keys, images=images, picture=pictures[one.resolution]),
        )
        for one in possible
    )
    return {interpretation: priced for interpretation, priced in billed if priced is not None}


def _no_price(
    request: VideoRequest,
    keys: Sequence[PriceKey],
    without: Interpretation,
    bills: Mapping[Interpretation, Charge],
) -> Unpriced:
    """Return why there is no price, with the fields of which another value has a price."""
    sound = "with" if without.audio else "without"
    reason = f"the catalog has no price for {without.resolution or 'a video'} {sound} audio"
    sold_by_resolution = any(key.resolution for key in keys)
    others = {interpretation.audio for interpretation in bills}
    fields = ["resolution"] if sold_by_resolution else []
    if request.generate_audio is None and others == {not without.audio}:
        fields.append("generate_audio")
    return Unpriced(reason, tuple(fields))


def _assumptions(
    request: VideoRequest,
    capabilities: Capabilities,
    bills: Mapping[Interpretation, Charge],
    worst_case: Interpretation,
) -> Iterator[str]:
    """Yield the assumptions that raise the estimate, and which field to set to lower it."""
    if request.duration is None and len(set(capabilities.durations or ())) > 1:
        yield f"duration left out: assumed {worst_case.duration} s, the longest; set duration"
    if _matters(bills, "resolution"):
        known = "resolution left out" if not (request.resolution or request.size) else "resolution"
        yield f"{known}: assumed {worst_case.resolution}, the most expensive; set resolution"
    if _matters(bills, "audio"):
        sound = "with" if worst_case.audio else "without"
        yield f"generate_audio left out: assumed {sound} audio, the more expensive; set it"
    if _matters(bills, "mode"):
        yield f"priced as {_MODE_WORDS[worst_case.mode]}, the most expensive possible mode"
    if worst_case.input_seconds:
        longest = worst_case.input_seconds
        yield f"length of the video input unknown: assumed {longest} s, the longest"
    if bills[worst_case].by_tokens and certain_ratio(request) is None:
        follows = inputs(request).shapes_the_picture
        why = "an input may determine the aspect ratio" if follows else "aspect_ratio left out"
        yield f"{why}: assumed the largest picture of that resolution"
    overridden = inputs(request).overridden - {"images", "video", "aspect_ratio"}
    if overridden:
        yield f"provider.options may override {_names(overridden)}: assumed the most expensive"
    if "generate" in capabilities.prices:
        yield "the catalog's price `generate` is read as dollars per second"


def _matters(bills: Mapping[Interpretation, Charge], field: str) -> bool:
    """Return whether setting that field could lower the estimate."""
    worst_case: dict[object, Decimal] = {}
    for interpretation, priced in bills.items():
        value = getattr(interpretation, field)
        worst_case[value] = max(priced.usd, worst_case.get(value, priced.usd))
    return len(set(worst_case.values())) > 1


_MODE_WORDS = {
    "text": "text to video",
    "image": "image to video",
    "reference": "video from references",
    "continuation": "a continuation",
}


def _names(names: Iterable[str]) -> str:
    return ", ".join(name[:80] for name in sorted(names))


_BELIEVABLE_USD = Decimal(1_000_000)
"""A higher price of a single video is an error in the catalog."""
