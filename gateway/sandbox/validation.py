"""Validation of the emulated service, with its recorded messages where they are known.

A rejected request costs nothing. Where docs/openrouter-contract.md has no recorded message, the
message is our own, in the same style.
"""

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from gateway.sandbox.catalog import Model
from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.errors import ApiError, validation_failed
from gateway.sandbox.frame_size import described_size
from gateway.sandbox.request import (
    DATA_IMAGE,
    AudioReference,
    ImageReference,
    VideoReference,
    VideoRequest,
)


def check_policy(request: VideoRequest, config: SandboxConfig) -> None:
    """Reject requests for zero data retention (docs/openrouter-contract.md section 8)."""
    if request.requires_zdr or config.zdr:
        raise ApiError(
            404,
            "No endpoints found matching your data policy (Zero data retention). "
            "Configure: https://openrouter.ai/settings/privacy",
            {"failed_routing_step": "Filter by Data Policy"},
        )


def check_request(request: VideoRequest, model: Model, config: SandboxConfig) -> None:
    """Check that the model supports the request.

    Raises:
        ApiError: 400, with the supported values.

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
    if request.previous_job_id is not None and not model.can_continue:
        raise ApiError(400, f"{model.slug} does not support previous_job_id")
    _check_source(request, model)


def _check_duration(request: VideoRequest, model: Model) -> None:
    # A model without listed durations uses the length of its source and ignores `duration`.
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
    else:  # no sizes reported: the size must match a supported resolution and aspect ratio
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
    for index, frame in enumerate(request.frame_images or ()):
        _check_image(frame.image_url.url, f"frame_images[{index}].image_url.url")
    for index, part in enumerate(request.input_references or ()):
        name = f"input_references[{index}].{part.type}.url"
        match part:
            case ImageReference():
                _check_image(part.image_url.url, name)
            case AudioReference():
                _check_https(part.audio_url.url, name)
            case VideoReference():
                _check_https(part.video_url.url, name)


def _check_image(url: str, name: str) -> None:
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
    """Check that a model without durations has an input."""
    if not model.needs_source or request.previous_job_id is not None:
        return
    if not model.can_continue:  # an avatar needs no video input
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
