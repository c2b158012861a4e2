"""The interpretations of a request: every video it may produce, as far as the price is concerned.

If the request leaves a field that affects the price to the upstream, there is one interpretation
for each value that the capabilities allow. The request is forwarded unchanged; the price of the
worst case is reserved.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from itertools import product
from typing import Any

from gateway.domain.capability import Capabilities
from gateway.domain.price_keys import Mode, PriceKey, Unit
from gateway.domain.resolution import (
    Size,
    normal,
    parse_ratio,
    parse_size,
    resolution_of,
    same_shape,
)
from gateway.domain.video import VideoRequest


@dataclass(frozen=True, slots=True)
class Interpretation:
    """One fully specified video."""

    duration: int
    resolution: str | None
    """None if neither the request nor the catalog states one."""
    audio: bool
    mode: Mode
    input_seconds: int
    """The longest video input that is billed with the output; 0 without such an input."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """The request's inputs, and which of its fields a provider parameter may override."""

    images: int
    video: bool
    reference: bool
    overridden: frozenset[str]

    @property
    def shapes_the_picture(self) -> bool:
        """Whether an input, not `aspect_ratio`, may determine the shape of the picture."""
        return bool(self.images or self.video or "aspect_ratio" in self.overridden)


def inputs(request: VideoRequest) -> Inputs:
    """Return the request's inputs.

    Image references count as images, although frame images take precedence upstream.
    """
    kinds = [reference.kind for reference in request.input_references]
    hidden = list(hidden_fields(request.provider_options))
    return Inputs(
        images=len(request.frame_images)
        + kinds.count("image")
        + sum(_count(value) for field, value in hidden if field == "images"),
        video="video" in kinds
        or request.previous_job_id is not None
        or any(field == "video" for field, _ in hidden),
        reference=bool(kinds) or any(field in ("images", "video") for field, _ in hidden),
        overridden=frozenset(field for field, _ in hidden),
    )


def interpretations(
    request: VideoRequest, capabilities: Capabilities, keys: Sequence[PriceKey]
) -> tuple[Interpretation, ...]:
    """Return the interpretations of the request; none if the length of the video is unknown."""
    brought = inputs(request)
    longest = max(capabilities.durations or (0,))
    if not longest:
        return ()
    duration = longest_duration(request, longest)
    return tuple(
        Interpretation(duration, resolution, audio, mode, seconds)
        for resolution, audio, mode, seconds in product(
            resolutions(request, capabilities, keys),
            _audio(request, brought),
            _modes(request, brought, keys),
            _input_seconds(brought, keys, longest),
        )
    )


def longest_duration(request: VideoRequest, longest: int) -> int:
    """Return the longest possible duration in seconds; `longest` is the model's longest.

    A provider parameter may state less, more, or frames. The result is then at least `longest`.
    """
    asked = request.duration or longest
    hidden = [v for field, v in hidden_fields(request.provider_options) if field == "duration"]
    return max(asked, longest, *map(_seconds, hidden)) if hidden else asked


def _seconds(value: Any) -> int:
    """Return a provider parameter's number of seconds, rounded up; 0 if it is not a duration."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return 0
    return math.ceil(number) if 0 < number <= _LONGEST else 0


_LONGEST = 3600  # seconds; a larger number is a count of frames or milliseconds


def resolutions(
    request: VideoRequest, capabilities: Capabilities, keys: Sequence[PriceKey]
) -> tuple[str | None, ...]:
    """Return the possible resolutions of the video, as the request or the catalog spells them."""
    known = capabilities.resolutions or tuple(
        sorted({key.resolution for key in keys if key.resolution})
    )
    stated = stated_resolutions(request, known)
    if stated and "resolution" not in inputs(request).overridden:
        return stated
    spelled = {normal(name): name for name in (*known, *stated)}
    return (*spelled.values(),) if capabilities.resolutions else (*spelled.values(), None)


def stated_resolutions(request: VideoRequest, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the resolutions that `resolution` and `size` state: two if they differ, or none."""
    said = [request.resolution] if request.resolution else []
    size = parse_size(request.size) if request.size else None
    if size is not None:
        said += [name for name in [resolution_of(size, known)] if name]
    elif request.size:
        said += [name for name in known if normal(name) == normal(request.size)]
    return tuple({normal(name): name for name in reversed(said)}.values())


def certain_ratio(request: VideoRequest) -> Fraction | None:
    """Return the aspect ratio of the picture if the request alone determines it."""
    if inputs(request).shapes_the_picture:
        return None
    size = stated_size(request)
    ratio = parse_ratio(request.aspect_ratio or "")
    if size and ratio and not same_shape(size.ratio, ratio):
        return None
    return ratio or (size.ratio if size else None)


def stated_size(request: VideoRequest) -> Size | None:
    """Return `size` in pixels, if the request has one."""
    return parse_size(request.size) if request.size else None


def _audio(request: VideoRequest, brought: Inputs) -> tuple[bool, ...]:
    """Return both values unless the request sets one: the catalog's flag is only a default."""
    if request.generate_audio is None or "generate_audio" in brought.overridden:
        return (True, False)
    return (request.generate_audio,)


def _modes(request: VideoRequest, brought: Inputs, keys: Sequence[PriceKey]) -> tuple[Mode, ...]:
    sold = {key.mode for key in keys}
    if request.previous_job_id is not None and "continuation" in sold:
        return ("continuation",)
    modes: list[Mode] = ["image"] if brought.images else ["text"]
    if not brought.images and (brought.reference or brought.video):
        modes.append("image")  # it is undocumented whether a video or audio counts as an image
    if brought.reference and "reference" in sold:
        # Only the guide says that frames win over references. With both, reserve the higher price.
        modes = ["reference", *modes] if request.frame_images else ["reference"]
    if brought.video and "continuation" in sold:
        modes.append("continuation")
    return tuple(modes)


def _input_seconds(brought: Inputs, keys: Sequence[PriceKey], longest: int) -> tuple[int, ...]:
    """Return the possible lengths of a video input that is billed with the output.

    Seedance bills the seconds of input and output together, at a lower price. No field states the
    input's length. The provider limits it to the longest output (15 s for the 2.0 family, 30 s for
    2.5). Models without such a price ignore the input.
    """
    sold = any(key.unit is Unit.TOKEN and key.video_input for key in keys)
    return (0, longest) if sold and brought.video else (0,)


def hidden_fields(options: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of the request that provider parameters may override, with their values.

    Providers differ in how they nest parameters, so every level is searched. Names are compared in
    lower case without underscores and hyphens.
    """
    for name, value in _members(list(options.values())):
        plain = name[:_LONG].lower().replace("_", "").replace("-", "")
        if value is not None and plain in _FRAMES:
            yield "duration", None  # frames or milliseconds, not seconds
        elif value is not None:
            yield from ((field, value) for field in _OVERRIDES.get(plain, ()))


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield every member of the objects in the value, at any depth, without recursion."""
    waiting = [value]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, Mapping):
            yield from ((str(name), member) for name, member in inner.items())
            waiting += inner.values()
        elif isinstance(inner, list | tuple):
            waiting += inner


def _count(value: Any) -> int:
    return len(value) if isinstance(value, list | tuple) else 1


_LONG = 40
_FRAMES = frozenset(("frames", "numframes", "framecount", "numberofframes", "durationms"))
_OVERRIDES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("resolution", "outputresolution", "videoresolution", "quality", "height", "width"),
        ("resolution",),
    ),
    **dict.fromkeys(
        ("size", "videosize", "imagesize", "outputsize", "dimensions"),
        ("resolution", "aspect_ratio"),
    ),
    **dict.fromkeys(("ratio", "aspectratio"), ("aspect_ratio",)),
    **dict.fromkeys(
        (
            "duration", "durationseconds", "durationsecs", "durationinseconds", "seconds",
            "length", "videolength", "videoduration",
        ),
        ("duration",),
    ),
    **dict.fromkeys(
        (
            "audio", "sound", "generateaudio", "enableaudio", "withaudio", "includeaudio",
            "soundeffects",
        ),
        ("generate_audio",),
    ),
    **dict.fromkeys(
        ("image", "images", "lastimage", "lastframe", "firstframe", "keyframes",
         "referenceimages"),
        ("images",),
    ),
    **dict.fromkeys(("video", "videos"), ("video",)),
    **dict.fromkeys(
        (
            "n", "count", "samplecount", "numsamples", "numvideos", "numberofvideos",
            "numoutputs", "videocount", "batchsize", "outputcount",
        ),
        ("outputs",),
    ),
}  # fmt: skip
"""Names from real `allowed_passthrough_parameters`, and similar ones, that affect the price."""
