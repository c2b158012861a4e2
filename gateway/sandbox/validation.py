"""What the emulated service refuses, in its recorded words where they are known.

Failures are free: nothing here starts a job. Where docs/openrouter-contract.md has no recorded
text, the words are ours, in the same manner.
"""

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from gateway.sandbox.catalog import Model
from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.errors import ApiError, validation_failed
from gateway.sandbox.geometry import described_size
from gateway.sandbox.request import (
    DATA_IMAGE,
    AudioReference,
    ImageReference,
    VideoReference,
    VideoRequest,
)


def check_policy(request: VideoRequest, config: SandboxConfig) -> None:
    """Video is never eligible for zero data retention (docs/openrouter-contract.md section 8)."""
    if request.wants_zdr or config.zdr:
        raise ApiError(
            404,
            "No endpoints found matching your data policy (Zero data retention). "
            "Configure: https://openrouter.ai/settings/privacy",
            {"failed_routing_step": "Filter by Data Policy"},
        )


def check_request(request: VideoRequest, model: Model, config: SandboxConfig) -> None:
    """Whether this model can do that.

    Raises:
        ApiError: 400, with the supported set.

    """
    _check_duration(request, model)
    _check_shape(request, model)
    _check_frames(request, model)
    if config.strict_flags:
        _check_flags(request, model)
    _check_upscaling(request, model)
    _check_urls(request)
    _check_callback(request.callback_url, config)
    _check_prompt(request, model)
    if request.previous_job_id is not None and not model.continues:
        raise ApiError(400, f"{model.slug} does not support previous_job_id")
    _check_source(request, model)


def _check_duration(request: VideoRequest, model: Model) -> None:
    # A model without listed durations takes its length from the source, whatever is asked.
    if request.duration is None or model.durations is None:
        return
    if request.duration not in model.durations:
        raise _unsupported("Duration", f"{request.duration}s", "durations", model.durations, "s")


def _check_shape(request: VideoRequest, model: Model) -> None:
    if request.resolution is not None:
        _check_listed("Resolution", request.resolution, "resolutions", model.resolutions)
    if request.aspect_ratio is not None:
        _check_listed("Aspect ratio", request.aspect_ratio, "aspect ratios", model.aspect_ratios)
    if request.size is None:
        return
    if model.sizes is not None:
        _check_listed("Size", request.size, "sizes", model.sizes)
    elif model.resolutions is None:
        raise validation_failed("size is not supported for this model")
    else:  # sizes not reported: the size must then stand for what is supported
        resolution, aspect_ratio = described_size(request.size)
        _check_listed("Resolution", resolution, "resolutions", model.resolutions)
        _check_listed("Aspect ratio", aspect_ratio, "aspect ratios", model.aspect_ratios)


def _check_frames(request: VideoRequest, model: Model) -> None:
    for frame in request.frames:
        if frame.frame_type not in (model.frame_types or ()):
            raise _unsupported(
                "Frame type", frame.frame_type, "frame types", model.frame_types or ("none",)
            )


def _check_flags(request: VideoRequest, model: Model) -> None:
    if request.generate_audio is not None and model.audio is False:
        raise validation_failed("generate_audio is not supported for this model")
    if request.seed is not None and model.seed is False:
        raise validation_failed("seed is not supported for this model")


def _check_upscaling(request: VideoRequest, model: Model) -> None:
    if request.upscale_factor is not None:
        limits = model.upscale
        if limits is None:
            raise validation_failed("upscale_factor is not supported for this model")
        low, high = limits.get("min"), limits.get("max")
        if (low and request.upscale_factor < low) or (high and request.upscale_factor > high):
            raise validation_failed(
                f"Upscale factor {request.upscale_factor:g} is not supported for this model. "
                f"Supported range: {low} to {high}"
            )
    if request.creativity is not None:
        if model.creativity is None:
            raise validation_failed("creativity is not supported for this model")
        if request.creativity not in model.creativity:
            raise _unsupported(
                "Creativity", str(request.creativity), "creativity levels", model.creativity
            )


def _check_urls(request: VideoRequest) -> None:
    for at, frame in enumerate(request.frame_images or ()):
        _check_picture(frame.image_url.url, f"frame_images[{at}].image_url.url")
    for at, part in enumerate(request.input_references or ()):
        name = f"input_references[{at}].{part.type}.url"
        match part:
            case ImageReference():
                _check_picture(part.image_url.url, name)
            case AudioReference():
                _check_https(part.audio_url.url, name)
            case VideoReference():
                _check_https(part.video_url.url, name)


def _check_picture(url: str, name: str) -> None:
    if DATA_IMAGE.fullmatch(url) is None:
        _check_https(url, name)


def _check_https(url: str, name: str) -> None:
    if _scheme_and_host(url)[0] != "https":
        raise ApiError(400, f"Invalid reference URL: {name}: Only HTTPS URLs are allowed")


def _check_callback(url: str | None, config: SandboxConfig) -> None:
    if url is None:
        return
    scheme, host = _scheme_and_host(url)
    allowed = {"https", "http"} if config.allow_http_callbacks else {"https"}
    if scheme not in allowed or not host:
        raise ApiError(400, "Invalid callback_url: Only HTTPS URLs are allowed")


def _check_prompt(request: VideoRequest, model: Model) -> None:
    if request.prompt or request.images or model.upscale is not None:
        return
    raise ApiError(
        400,
        f"{model.vendor} video generations require a prompt when no image input is provided",
    )


def _check_source(request: VideoRequest, model: Model) -> None:
    """Models without durations work on something that is given."""
    if not model.takes_source or request.previous_job_id is not None:
        return
    if not model.continues:  # an avatar speaks over a picture, or over one of its own
        return
    if not request.has_video_input:
        raise ApiError(400, f"{model.vendor} video edits require a video input")


def _check_listed(kind: str, value: str, kinds: str, supported: Sequence[str] | None) -> None:
    if supported is not None and value not in supported:
        raise _unsupported(kind, value, kinds, supported)


def _unsupported(
    kind: str, value: str, kinds: str, supported: Iterable[object], unit: str = ""
) -> ApiError:
    listed = ", ".join(str(item) for item in supported)
    return validation_failed(
        f"{kind} {value} is not supported for this model. Supported {kinds}: {listed}{unit}"
    )


def _scheme_and_host(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", ""
    return parts.scheme.lower(), parts.hostname or ""
