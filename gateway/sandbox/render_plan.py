"""Decides what to render for a request, with a default for every omitted field.

The real service does not publish its defaults. The sandbox uses 720p, else the first listed
resolution; 16:9, else the first listed ratio; 5 seconds, else the longest duration up to 8.
"""

from dataclasses import dataclass
from decimal import Decimal

from gateway.sandbox.billing import Render, price
from gateway.sandbox.catalog import Model
from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.frame_size import (
    Size,
    described_size,
    equal_area_of,
    nominal_size,
    rendered_size,
)
from gateway.sandbox.request import VideoRequest

_DEFAULT_UPSCALE = Decimal(2)


@dataclass(frozen=True, slots=True)
class RenderPlan:
    """The output of one job and its list price."""

    model: Model
    render: Render
    list_price: Decimal


def plan_render(request: VideoRequest, model: Model, config: SandboxConfig) -> RenderPlan:
    """Decide the output and its price for a validated request."""
    resolution, aspect_ratio = _shape(request, model)
    width, height = _pixels(request, model, config, resolution, aspect_ratio)
    render = Render(
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
    return RenderPlan(model, render, price(model.skus, render))


def _shape(request: VideoRequest, model: Model) -> tuple[str | None, str | None]:
    """Return resolution and aspect ratio; `size` takes precedence over both."""
    if request.size is not None:
        return equal_area_of(request.size) or described_size(request.size)
    return (
        request.resolution or _first(model.resolutions, "720p"),
        request.aspect_ratio or _first(model.aspect_ratios, "16:9"),
    )


def _first(listed: tuple[str, ...] | None, default: str) -> str | None:
    if not listed:
        return None
    return default if default in listed else listed[0]


def _pixels(
    request: VideoRequest,
    model: Model,
    config: SandboxConfig,
    resolution: str | None,
    aspect_ratio: str | None,
) -> Size:
    if model.upscale is not None:
        return _upscaled(request, config.source_size)
    if resolution is None:  # the output of an edit keeps the size of its source
        ratio = request.aspect_ratio
        return _even(config.source_size) if ratio is None else nominal_size("720p", ratio)
    return rendered_size(model.id, resolution, aspect_ratio or "16:9")


def _upscaled(request: VideoRequest, source: Size) -> Size:
    requested = request.upscale_factor
    factor = _DEFAULT_UPSCALE if requested is None else Decimal(str(requested))
    width, height = source
    return _even((int(width * factor), int(height * factor)))


def _even(size: Size) -> Size:
    """Round down to even sides: H.264 with 4:2:0 subsampling needs them."""
    return size[0] // 2 * 2, size[1] // 2 * 2


def _seconds(request: VideoRequest, model: Model, config: SandboxConfig) -> int:
    if model.durations is None:
        return config.source_seconds
    if request.duration is not None:
        return request.duration
    if 5 in model.durations:
        return 5
    return max((seconds for seconds in model.durations if seconds <= 8), default=model.durations[0])


def _audio(request: VideoRequest, model: Model) -> bool:
    """Return the requested flag, else the model's capability, else False.

    See docs/openrouter-contract.md section 2.
    """
    return bool(model.audio) if request.generate_audio is None else request.generate_audio
