"""What will be rendered for a request: every choice that it left open, made.

The real service does not publish its choices. These are ours: 720p, else the first listed
resolution; 16:9, else the first listed ratio; 5 seconds, else the longest up to 8.
"""

from dataclasses import dataclass
from decimal import Decimal

from gateway.sandbox.billing import Work, price
from gateway.sandbox.catalog import Model
from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.geometry import (
    Size,
    described_size,
    equal_area_of,
    nominal_size,
    rendered_size,
)
from gateway.sandbox.request import VideoRequest

_USUAL_UPSCALE = Decimal(2)


@dataclass(frozen=True, slots=True)
class Order:
    """One job's output, settled, and its list price."""

    model: Model
    work: Work
    list_price: Decimal


def place_order(request: VideoRequest, model: Model, config: SandboxConfig) -> Order:
    """Settle what is rendered and what it costs. The request must have been checked."""
    resolution, aspect_ratio = _shape(request, model)
    width, height = _pixels(request, model, config, resolution, aspect_ratio)
    work = Work(
        seconds=_seconds(request, model, config),
        width=width,
        height=height,
        resolution=resolution,
        audio=_audio(request, model),
        images=request.images,
        references=len(request.references),
        video_input=request.has_video_input,
        continued=request.previous_job_id is not None,
        creativity=request.creativity or 0,
    )
    return Order(model, work, price(model.skus, work))


def _shape(request: VideoRequest, model: Model) -> tuple[str | None, str | None]:
    """Resolution and aspect ratio; a size wins over both."""
    if request.size is not None:
        return equal_area_of(request.size) or described_size(request.size)
    return (
        request.resolution or _first(model.resolutions, "720p"),
        request.aspect_ratio or _first(model.aspect_ratios, "16:9"),
    )


def _first(listed: tuple[str, ...] | None, usual: str) -> str | None:
    if not listed:
        return None
    return usual if usual in listed else listed[0]


def _pixels(
    request: VideoRequest,
    model: Model,
    config: SandboxConfig,
    resolution: str | None,
    aspect_ratio: str | None,
) -> Size:
    if model.upscale is not None:
        return _upscaled(request, config.source_size)
    if resolution is None:  # it works on a clip, and keeps its shape unless told otherwise
        given = request.aspect_ratio
        return _even(config.source_size) if given is None else nominal_size("720p", given)
    return rendered_size(model.id, resolution, aspect_ratio or "16:9")


def _upscaled(request: VideoRequest, source: Size) -> Size:
    asked = request.upscale_factor
    factor = _USUAL_UPSCALE if asked is None else Decimal(str(asked))
    width, height = source
    return _even((int(width * factor), int(height * factor)))


def _even(size: Size) -> Size:
    """H.264 as everybody plays it halves both sides for colour."""
    return size[0] // 2 * 2, size[1] // 2 * 2


def _seconds(request: VideoRequest, model: Model, config: SandboxConfig) -> int:
    if model.durations is None:
        return config.source_seconds
    if request.duration is not None:
        return request.duration
    if 5 in model.durations:
        return 5
    return max((each for each in model.durations if each <= 8), default=model.durations[0])


def _audio(request: VideoRequest, model: Model) -> bool:
    """The flag asked for, else the model's capability, else silence.

    See docs/openrouter-contract.md section 2.
    """
    return bool(model.audio) if request.generate_audio is None else request.generate_audio
