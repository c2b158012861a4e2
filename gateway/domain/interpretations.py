"""What a request may turn out to be: every video it could stand for, as far as money goes.

Where the request leaves a price-bearing field to the upstream, there is one interpretation for each
value the capabilities allow. The request itself travels unchanged; the worst case is reserved.
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
    """One certain video: nothing of it is left open."""

    duration: int
    resolution: str | None
    """None where neither the request nor the catalog speaks of one."""
    audio: bool
    mode: Mode
    input_seconds: int
    """Longest video input that is billed with the output; 0 without."""


@dataclass(frozen=True, slots=True)
class Inputs:
    """What the request brings, and which of its fields a provider parameter may override."""

    images: int
    video: bool
    reference: bool
    overridden: frozenset[str]

    @property
    def shapes_the_picture(self) -> bool:
        """Whether the picture may follow an input rather than `aspect_ratio`."""
        return bool(self.images or self.video or "aspect_ratio" in self.overridden)


def inputs(request: VideoRequest) -> Inputs:
    """Images are counted with the references, though frames win over references upstream."""
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
    """List the interpretations of the request; none where the length of the video is unknown."""
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
    """Return the longest the video may get, in seconds, given the model's longest.

    A provider parameter may say less, more, or frames: never less than the model's longest then.
    """
    asked = request.duration or longest
    hidden = [v for field, v in hidden_fields(request.provider_options) if field == "duration"]
    return max(asked, longest, *map(_seconds, hidden)) if hidden else asked


def _seconds(value: Any) -> int:
    """Return a provider parameter's number of seconds, rounded up; 0 where it is none."""
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return 0
    return math.ceil(number) if 0 < number <= _LONGEST else 0


_LONGEST = 3600  # seconds; more is a count of frames or of milliseconds


def resolutions(
    request: VideoRequest, capabilities: Capabilities, keys: Sequence[PriceKey]
) -> tuple[str | None, ...]:
    """The resolutions the video may have, as the request or the catalog spells them."""
    known = capabilities.resolutions or tuple(
        sorted({key.resolution for key in keys if key.resolution})
    )
    stated = stated_resolutions(request, known)
    if stated and "resolution" not in inputs(request).overridden:
        return stated
    spelled = {normal(name): name for name in (*known, *stated)}
    return (*spelled.values(),) if capabilities.resolutions else (*spelled.values(), None)


def stated_resolutions(request: VideoRequest, known: tuple[str, ...]) -> tuple[str, ...]:
    """What `resolution` and `size` say; two when they disagree, none when both are silent."""
    said = [request.resolution] if request.resolution else []
    size = parse_size(request.size) if request.size else None
    if size is not None:
        said += [name for name in [resolution_of(size, known)] if name]
    elif request.size:
        said += [name for name in known if normal(name) == normal(request.size)]
    return tuple({normal(name): name for name in reversed(said)}.values())


def certain_ratio(request: VideoRequest) -> Fraction | None:
    """The shape of the picture, if nothing but the request decides it."""
    if inputs(request).shapes_the_picture:
        return None
    size = stated_size(request)
    ratio = parse_ratio(request.aspect_ratio or "")
    if size and ratio and not same_shape(size.ratio, ratio):
        return None
    return ratio or (size.ratio if size else None)


def stated_size(request: VideoRequest) -> Size | None:
    """`size` in pixels, if the request states one."""
    return parse_size(request.size) if request.size else None


def _audio(request: VideoRequest, brought: Inputs) -> tuple[bool, ...]:
    """Both, where the request is silent: a catalog's flag is a default, not a promise."""
    if request.generate_audio is None or "generate_audio" in brought.overridden:
        return (True, False)
    return (request.generate_audio,)


def _modes(request: VideoRequest, brought: Inputs, keys: Sequence[PriceKey]) -> tuple[Mode, ...]:
    sold = {key.mode for key in keys}
    if request.previous_job_id is not None and "continuation" in sold:
        return ("continuation",)
    modes: list[Mode] = ["image"] if brought.images else ["text"]
    if not brought.images and (brought.reference or brought.video):
        modes.append("image")  # whether a video or a sound counts as an image is said nowhere
    if brought.reference and "reference" in sold:
        # Frames win over references, says the guide alone: with both, the dearer is held.
        modes = ["reference", *modes] if request.frame_images else ["reference"]
    if brought.video and "continuation" in sold:
        modes.append("continuation")
    return tuple(modes)


def _input_seconds(brought: Inputs, keys: Sequence[PriceKey], longest: int) -> tuple[int, ...]:
    """Seedance bills a video input with the output, second for second, at a lower price for both.

    How long the input is stands in no field. Its bound is the provider's: as long as the longest
    output (15 s for the 2.0 family, 30 s for 2.5). Models without such a price ignore the input.
    """
    sold = any(key.unit is Unit.TOKEN and key.video_input for key in keys)
    return (0, longest) if sold and brought.video else (0,)


def hidden_fields(options: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of the request that provider parameters may override, with their values.

    Providers nest parameters as they like, so every level counts; a name is compared without case,
    underscores and hyphens.
    """
    for name, value in _members(list(options.values())):
        plain = name[:_LONG].lower().replace("_", "").replace("-", "")
        if value is not None and plain in _FRAMES:
            yield "duration", None  # frames, or milliseconds: no number of seconds
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
"""Names of live `allowed_passthrough_parameters`, and their siblings, that bear on the price."""
