"""Check a request against the model's capabilities before any money is spent.

Only what the catalog states is checked. None means unknown, and an unknown capability passes: the
upstream decides it (docs/openrouter-contract.md section 5).
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
    """Return every part of the request that the model does not support by the catalog."""
    found = [*_prompt(request), *_input_references(request)]
    found += (violation for rule in _RULES for violation in rule(request, capabilities))
    return tuple(found)


def _resolution(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    """Reject a resolution that is not listed as written: the upstream refuses `4k` for `4K`."""
    asked, allowed = request.resolution, can.resolutions
    if asked is None or allowed is None or asked in allowed:
        return
    ordered = sorted(allowed, key=lambda name: lines(name) or 0)
    height = lines(asked)
    known = [name for name in ordered if lines(name)]
    nearest = _nearest(known, lambda name: distance(lines(name) or 1, height or 1))
    meant = next((name for name in allowed if normal(name) == normal(asked)), None)
    yield _refuse("resolution", asked, ordered, meant or (nearest if height else None))


def _aspect_ratio(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    asked, allowed = request.aspect_ratio, can.aspect_ratios
    if asked is None or allowed is None or asked.strip() in allowed:
        return
    ratio = parse_ratio(asked)
    ratios = {name: known for name in allowed if (known := parse_ratio(name))}
    nearest = _nearest(ratios, lambda name: distance(ratios[name], ratio or 1))
    yield _refuse("aspect_ratio", asked, list(allowed), nearest if ratio else None)


def _size(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    """Reject a size that is not listed. The upstream judges a resolution written as a size."""
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
    """Reject a size that contradicts the request's resolution or aspect ratio."""
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
    """Reject frame types that the model does not support, and two images for one frame type."""
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
    """Reject video URLs that are not HTTPS: OpenRouter refuses them for every model.

    See docs/openrouter-contract.md section 1.

    No catalog field says which kinds of references a model supports. OpenRouter ignores the
    references beside `frame_images`, so this check does too.
    """
    if request.frame_images:
        return
    for index, reference in enumerate(request.input_references):
        if reference.kind == "video" and not reference.url.lower().startswith("https://"):
            where = f"input_references[{index}].video_url.url"
            yield _refuse(where, reference.url, "an https:// URL", None)


def _generate_audio(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    """Reject `true` for a model without audio.

    `false` passes. One third-party report says that some providers reject the field itself; the
    upstream decides that.
    """
    if request.generate_audio and can.generate_audio is False:
        yield _refuse("generate_audio", True, [False], False)


def _seed(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    """Reject any seed for a model without seeds; no value of the field means "no seed"."""
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


_GUESSES = 5  # names that get a suggestion: each is compared with every known name


def _passthrough(request: VideoRequest, can: Capabilities) -> Iterator[Violation]:
    """Reject provider parameters that the model does not support, at both nesting levels.

    OpenRouter forwards only the entry of the provider it selects, and the catalog does not say
    which one that is, so each entry is checked by itself.
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
    """Yield the path in the request and the name of each of a provider's parameters.

    Clients use two nestings: `provider.options.<slug>.<name>`, and the same under `parameters`.
    """
    for name, value in options.items():
        if name == "parameters" and isinstance(value, Mapping):
            for inner in value:
                yield f"provider.options.{slug}.parameters.{inner[:_LONG]}", inner
        else:
            yield f"provider.options.{slug}.{name[:_LONG]}", name


def _prompt(request: VideoRequest) -> Iterator[Violation]:
    """Reject a request without any input: no prompt, image, reference or previous job.

    The catalog does not say which models work from an image alone, so the upstream decides about a
    request with any input, and also where provider parameters may contain an input.
    """
    has_words = bool(request.prompt and request.prompt.strip())
    has_input = request.frame_images or request.input_references or request.previous_job_id
    if not (has_words or has_input or any(request.provider_options.values())):
        allowed = "a prompt, or an image, reference or previous_job_id to start from"
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
    if isinstance(value, str) and isinstance(nearest, str) and normal(value) == normal(nearest):
        message += f"; did you mean {shown(nearest)}?"
    return Violation(where, value, allowed, message, nearest)


def _listed(allowed: Any) -> str:
    if isinstance(allowed, dict):
        return ", ".join(f"{name} {bound}" for name, bound in allowed.items())
    return ", ".join(map(str, allowed)) or "none" if isinstance(allowed, list) else str(allowed)


_LONG = 80
"""Characters of a client's value that an error message repeats."""


def _disagree(other: str, request: VideoRequest, can: Capabilities) -> Violation:
    fitting = [name for name in can.sizes or () if _fits(name, request, can)]
    allowed: Any = fitting or "to be left out beside resolution and aspect_ratio"
    message = f"size {shown(request.size)} contradicts {other}: send only one of them"
    return Violation("size", request.size, allowed, message, fitting[0] if fitting else None)


def _fits(name: str, request: VideoRequest, can: Capabilities) -> bool:
    size, ratio = parse_size(name), parse_ratio(request.aspect_ratio or "")
    if size is None or (ratio and not same_shape(size.ratio, ratio)):
        return False
    is_of = resolution_of(size, can.resolutions or ())
    return not request.resolution or normal(is_of or "") == normal(request.resolution)


def _nearest(values: Iterable[T], gap: Callable[[T], float]) -> T | None:
    """Return the value with the smallest gap; of equals the first, the lower in a sorted list."""
    return min(values, key=gap, default=None)


def _unlike(one: Size, other: Size) -> float:
    return distance(one.area, other.area) + distance(one.ratio, other.ratio)


def _number(value: Decimal | None) -> str | None:
    return None if value is None else format(value, "f")
