"""What a request asks of a model that it can't do, said before a cent is spent.

The catalog is trusted only where it says something: None is unknown, and unknown passes, because
what the catalog can't know is the upstream's to decide (docs/openrouter-contract.md section 5).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, TypeVar

from gateway.domain.capability import Capabilities
from gateway.domain.resolution import (
    Size,
    distance,
    lines,
    normal,
    parse_ratio,
    parse_size,
    resolution_of,
    same_shape,
)
from gateway.domain.video import VideoRequest
from gateway.domain.violation import Violation, shown

T = TypeVar("T")


def check(request: VideoRequest, capabilities: Capabilities) -> tuple[Violation, ...]:
    """Everything the request asks that the catalog says this model can't do, all at once."""
    found = [*_prompt(request), *_input_references(request)]
    found += (violation for rule in _RULES for violation in rule(request, capabilities))
    return tuple(found)


def _resolution(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    asked, allowed = request.resolution, can.resolutions
    if asked is None or allowed is None or normal(asked) in map(normal, allowed):
        return
    ordered = sorted(allowed, key=lambda name: lines(name) or 0)
    height = lines(asked)
    known = [name for name in ordered if lines(name)]
    nearest = _nearest(known, lambda name: distance(lines(name) or 1, height or 1))
    yield _refuse("resolution", asked, ordered, nearest if height else None)


def _aspect_ratio(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    asked, allowed = request.aspect_ratio, can.aspect_ratios
    if asked is None or allowed is None or asked.strip() in allowed:
        return
    ratio = parse_ratio(asked)
    ratios = {name: known for name in allowed if (known := parse_ratio(name))}
    nearest = _nearest(ratios, lambda name: distance(ratios[name], ratio or 1))
    yield _refuse("aspect_ratio", asked, list(allowed), nearest if ratio else None)


def _size(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    """A size that is not listed. A resolution written as a size is the upstream's to judge."""
    asked, allowed = request.size, can.sizes
    if asked is None or allowed is None:
        return
    size = parse_size(asked)
    sizes = {name: known for name in allowed if (known := parse_size(name))}
    if size in sizes.values() or asked.strip() in allowed:
        return
    if normal(asked) in map(normal, can.resolutions or ()):
        return
    nearest = _nearest(sizes, lambda name: _unlike(sizes[name], size)) if size else None
    yield _refuse("size", asked, list(allowed), nearest)


def _size_agrees(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    """A size beside a resolution or an aspect ratio that it certainly is not."""
    size = parse_size(request.size) if request.size else None
    if size is None:
        return
    resolution, ratio = request.resolution, parse_ratio(request.aspect_ratio or "")
    is_of = resolution_of(size, can.resolutions or ()) if resolution else None
    if resolution and is_of and normal(is_of) != normal(resolution):
        yield _disagree(f"resolution {shown(resolution)}", request, can)
    if ratio and not same_shape(size.ratio, ratio):
        yield _disagree(f"aspect_ratio {shown(request.aspect_ratio)}", request, can)


def _duration(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    asked, allowed = request.duration, can.durations
    if asked is None or allowed is None or asked in allowed:
        return
    ordered = sorted(allowed)
    yield _refuse("duration", asked, ordered, _nearest(ordered, lambda known: abs(known - asked)))


def _frame_images(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    """Frames of a kind the model has not, or two images for one frame."""
    allowed = can.frame_images
    if allowed is None:
        return
    seen: set[str] = set()
    for index, frame in enumerate(request.frame_images):
        where = f"frame_images[{index}].frame_type"
        if frame.frame_type not in allowed:
            only = allowed[0] if len(allowed) == 1 else None
            yield _refuse(where, frame.frame_type, list(allowed), only)
        elif frame.frame_type in seen:
            yield _refuse(where, frame.frame_type, "one image for each frame_type", None)
        seen.add(frame.frame_type)


def _input_references(request: VideoRequest) -> Iterator[Violation]:
    """Videos that are not HTTPS: refused upstream for every model.

    See docs/openrouter-contract.md section 1.

    Who understands which reference is in no catalog field. With `frame_images` the references are
    ignored upstream, and so they are here.
    """
    if request.frame_images:
        return
    for index, reference in enumerate(request.input_references):
        if reference.kind == "video" and not reference.url.lower().startswith("https://"):
            where = f"input_references[{index}].video_url.url"
            yield _refuse(where, reference.url, "an https:// URL", None)


def _generate_audio(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    """Sound asked of a model without it. `false` asks for nothing, so it passes: that some
    providers refuse the mere field is one third-party report, and theirs to say.
    """
    if request.generate_audio and can.generate_audio is False:
        yield _refuse("generate_audio", True, [False], False)


def _seed(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    """A seed can't be asked for "not at all" but by leaving it out, so any seed counts."""
    if request.seed is not None and can.seed is False:
        yield _refuse("seed", request.seed, "to be left out", None)


def _upscale_factor(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    asked, span = request.upscale_factor, can.upscale_factor
    if asked is None or span is None:
        return
    low, high = span.low, span.high
    nearest = low if low is not None and asked < low else high
    if (low is not None and asked < low) or (high is not None and asked > high):
        allowed = {"min": _number(low), "max": _number(high)}
        yield _refuse("upscale_factor", _number(asked), allowed, _number(nearest))


def _creativity(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    asked, allowed = request.creativity, can.creativity
    if asked is None or allowed is None or asked in allowed:
        return
    ordered = sorted(allowed)
    yield _refuse("creativity", asked, ordered, _nearest(ordered, lambda known: abs(known - asked)))


_GUESSES = 5  # names that a suggestion is looked for: each costs a comparison with every known one


def _passthrough(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    """Provider parameters the model does not take, at either depth.

    Only the matched provider's entry is forwarded and the catalog does not say which that is, so
    each entry is judged alone.
    """
    allowed = can.passthrough
    if allowed is None:
        return
    found = [
        (where, name)
        for slug, options in request.provider_options.items()
        for where, name in _names(slug, options)
        if name not in allowed
    ]
    for position, (where, name) in enumerate(found):
        guess = position < _GUESSES
        close = get_close_matches(name[:_LONG], allowed, n=1) if guess else []
        yield _refuse(where, name, list(allowed), close[0] if close else None)


def _names(slug: str, options: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Where each of a provider's parameters stands in the request, and its name.

    Both nestings are in use: `provider.options.<slug>.<name>`, and the same under `parameters`.
    """
    for name, value in options.items():
        if name == "parameters" and isinstance(value, Mapping):
            for inner in value:
                yield f"provider.options.{slug}.parameters.{inner[:_LONG]}", inner
        else:
            yield f"provider.options.{slug}.{name[:_LONG]}", name


def _prompt(request: VideoRequest) -> Iterator[Violation]:
    """Nothing at all to start from: no words, no picture, no reference, no earlier job.

    Which models run from an image alone is not in the catalog, so with any input the upstream
    decides; so it does where the input may be hidden among a provider's parameters.
    """
    has_words = bool(request.prompt and request.prompt.strip())
    has_input = request.frame_images or request.input_references or request.previous_job_id
    if not (has_words or has_input or any(request.provider_options.values())):
        allowed = "words, or an image, reference or previous_job_id to start from"
        yield _refuse("prompt", request.prompt, allowed, None)


_RULES: tuple[Callable[[VideoRequest, Capabilities], Iterator[Violation]], ...] = (
    _duration,
    _resolution,
    _aspect_ratio,
    _size,
    _size_agrees,
    _frame_images,
    _generate_audio,
    _seed,
    _upscale_factor,
    _creativity,
    _passthrough,
)


def _refuse(where: str, value: Any, allowed: Any, nearest: Any) -> Violation:
    seen = shown(value)
    value = seen if isinstance(value, str) and len(value) > _LONG else value
    message = f"{where} {seen} is not supported; allowed: {_listed(allowed)}"
    return Violation(where, value, allowed, message, nearest)


def _listed(allowed: Any) -> str:
    if isinstance(allowed, dict):
        return ", ".join(f"{name} {bound}" for name, bound in allowed.items())
    return ", ".join(map(str, allowed)) or "none" if isinstance(allowed, list) else str(allowed)


_LONG = 80
"""Characters of a client's own words that an error repeats."""


def _disagree(other: str, request: VideoRequest, can: Capabilities) -> Violation:
    fitting = [name for name in can.sizes or () if _fits(name, request, can)]
    allowed: Any = fitting or "to be left out beside resolution and aspect_ratio"
    message = f"size {shown(request.size)} is not {other}: state one or the other"
    return Violation("size", request.size, allowed, message, fitting[0] if fitting else None)


def _fits(name: str, request: VideoRequest, can: Capabilities) -> bool:
    size, ratio = parse_size(name), parse_ratio(request.aspect_ratio or "")
    if size is None or (ratio and not same_shape(size.ratio, ratio)):
        return False
    is_of = resolution_of(size, can.resolutions or ())
    return not request.resolution or normal(is_of or "") == normal(request.resolution)


def _nearest(values: Iterable[T], gap: Callable[[T], float]) -> T | None:
    """The value with the smallest gap; of two the first, so the cheaper in an ascending list."""
    return min(values, key=gap, default=None)


def _unlike(one: Size, other: Size) -> float:
    return distance(one.area, other.area) + distance(one.ratio, other.ratio)


def _number(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
