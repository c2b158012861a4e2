"""What a request will cost, said before it is sent: a bound, its arithmetic, its assumptions.

The rules are docs/openrouter-contract.md section 6. All arithmetic is exact decimals; the sum is
rounded up. Every interpretation of the request (`interpretations`) is priced and the worst case is
the estimate, so that no value the upstream may fill in for an open field can cost more. What cannot
be read is unpriced, never zero.
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
    """The most a request is expected to cost. Zero only where the catalog itself says 0."""

    micros: Micros
    lines: tuple[str, ...]
    """The arithmetic, a step a line: `8 s x 0.13 USD/s (duration_seconds) = 1.04 USD`."""
    assumptions: tuple[str, ...] = ()
    """What was taken at its dearest, and which field would say otherwise."""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """No bound can be given. `fields` would give one if the request set them; mostly none would."""

    reason: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PriceProfile:
    """What past costs are kept under: everything that bears on the price. None: left open."""

    upstream: str
    model: str
    resolution: str | None
    duration: int | None
    audio: bool | None
    kind: str
    """A digest of every interpretation, the number of images and references, the overridden fields,
    and the catalog's prices: a change of any of them is another profile."""

    @property
    def key(self) -> str:
        """The profile as one text, for a row."""
        audio = "" if self.audio is None else str(self.audio).lower()
        said = f"{self.resolution or ''}|{self.duration or ''}|{audio}"
        return f"{self.upstream}|{self.model}|{said}|{self.kind}"


def estimate(request: VideoRequest, capabilities: Capabilities) -> Estimate | Unpriced:
    """The dearest the request can be read as, or why that can't be known."""
    # A price has at most 40 digits and a count of tokens fewer than 50: nothing is ever rounded.
    with localcontext(prec=120, rounding=ROUND_CEILING):
        keys, unknown = read_prices(capabilities.prices)
        possible = interpretations(request, capabilities, keys)
        hindrance = _several(request) or _hindrance(capabilities, keys, unknown, possible)
        return hindrance or _dearest(request, capabilities, keys, possible)


RAISE_AT_MOST = 3
"""Times the catalog's price. One odd bill must not price everyone else out."""


def raised(before: Estimate, learned: int | None) -> Estimate:
    """Raise the estimate to what jobs of its kind have cost (micro-dollars), within a bound."""
    micros = min(learned or 0, RAISE_AT_MOST * before.micros)
    if micros <= before.micros:
        return before
    known = f"raised to {usd_text(micros)} USD: what jobs of the same kind have cost"
    return replace(before, micros=Micros(micros), lines=(*before.lines, known))


def price_profile(request: VideoRequest, capabilities: Capabilities, upstream: str) -> PriceProfile:
    """Return the kind of request this is, for comparing what such requests cost.

    A resolution that the catalog's spelling does not know is left out: no free text is in a key.
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
    """A provider parameter that asks for more than one video: what each costs is not known."""
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
        return Unpriced(f"prices that can't be read: {_names(capabilities.unreadable_prices)}")
    if unknown:
        return Unpriced(f"prices of an unknown kind: {_names(unknown)}")
    if any(key.unit is Unit.MEGAPIXEL_SECOND for key in keys):
        return Unpriced("sold by the megapixel-second, and the source's length is not known")
    if not any(key.unit in (Unit.SECOND, Unit.TOKEN) for key in keys):
        return Unpriced("the catalog has no price for the length of a video")
    if not possible:
        return Unpriced("the video is as long as its source, and that length is not known")
    return None


def _dearest(
    request: VideoRequest,
    capabilities: Capabilities,
    keys: Sequence[PriceKey],
    possible: Sequence[Interpretation],
) -> Estimate | Unpriced:
    bills = _bills(request, capabilities, keys, possible)
    # Where the catalog names no resolutions they are guessed from its price keys, and a guess
    # without a price (a key sold for text only, say) is no possibility.
    guessed = capabilities.resolutions is None and bills
    if len(bills) < len(possible) and not guessed:
        return _no_price(request, keys, next(r for r in possible if r not in bills), bills)
    worst_case = max(bills, key=lambda interpretation: bills[interpretation].usd)
    most = bills[worst_case]
    if most.usd > _BELIEVABLE_USD:
        return Unpriced(f"the catalog's prices come to {usd_in_full(most.usd)} USD: not believed")
    assumptions = tuple(_assumptions(request, capabilities, bills, worst_case))
    return Estimate(micros_up(most.usd), most.lines, assumptions)


def _bills(
    request: VideoRequest,
    capabilities: Capabilities,
    keys: Sequence[PriceKey],
    possible: Sequence[Interpretation],
) -> dict[Interpretation, Charge]:
    """What each interpretation costs; those without a price are missing."""
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
    """Setting a field helps where another value of it has a price."""
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
    """What a person would have to set, or know, to be quoted less."""
    if request.duration is None and len(set(capabilities.durations or ())) > 1:
        yield f"duration left out: the longest supported, {worst_case.duration} s, is held; set it"
    if _matters(bills, "resolution"):
        known = "resolution left out" if not (request.resolution or request.size) else "resolution"
        yield f"{known}: the dearest possible, {worst_case.resolution}, is held; set resolution"
    if _matters(bills, "audio"):
        sound = "with" if worst_case.audio else "without"
        yield f"generate_audio left out: the dearer, {sound} audio, is held; set generate_audio"
    if _matters(bills, "mode"):
        yield f"priced as {_MODE_WORDS[worst_case.mode]}, the dearest this request may be taken for"
    if worst_case.input_seconds:
        longest = worst_case.input_seconds
        yield f"length of the video input unknown: the longest, {longest} s, is held"
    if bills[worst_case].by_tokens and certain_ratio(request) is None:
        follows = inputs(request).shapes_the_picture
        why = "the picture may follow an input" if follows else "aspect_ratio left out"
        yield f"{why}: the largest picture of that resolution is held"
    overridden = inputs(request).overridden - {"images", "video", "aspect_ratio"}
    if overridden:
        yield f"provider.options may override {_names(overridden)}: the dearest is held"
    if "generate" in capabilities.prices:
        yield "the catalog's price `generate` is taken as dollars per second"


def _matters(bills: Mapping[Interpretation, Charge], field: str) -> bool:
    """Whether fixing that field could make the bill smaller."""
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
"""A single video above this is an error of the catalog, not a price."""
