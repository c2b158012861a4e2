"""Parses the body of POST /videos as the emulated service does."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic import ValidationError as PydanticError

from gateway.sandbox.errors import ApiError, SchemaError


def _integer(value: Any) -> Any:
    """Accept 4.0 as an integer, as JSON does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Integer = Annotated[int, BeforeValidator(_integer)]
Positive = Annotated[int, BeforeValidator(_integer), Field(ge=1)]
Text = Annotated[str, StringConstraints(strict=True)]
Resolution = Literal["360p", "480p", "720p", "768p", "1080p", "1K", "2K", "4K"]
AspectRatio = Literal["16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21"]


class _Object(BaseModel):
    """Ignores unknown fields, requires exact types and treats null as absent."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class Url(_Object):
    """The URL of an image, audio or video, or a data URL that contains it."""

    url: Text


class FrameImage(_Object):
    """The image of the first or last frame."""

    type: Literal["image_url"]
    image_url: Url
    frame_type: Literal["first_frame", "last_frame"]


class ImageReference(_Object):
    """A reference image."""

    type: Literal["image_url"]
    image_url: Url


class AudioReference(_Object):
    """Reference audio."""

    type: Literal["audio_url"]
    audio_url: Url


class VideoReference(_Object):
    """A reference video, or the video to edit."""

    type: Literal["video_url"]
    video_url: Url


Reference = Annotated[ImageReference | AudioReference | VideoReference, Field(discriminator="type")]


class Provider(_Object):
    """Options by provider slug; `zdr` is documented in prose only."""

    options: dict[str, dict[str, Any]] | None = None
    zdr: bool | None = None


class VideoRequest(_Object):
    """A video request. None: absent or null."""

    model: Text
    prompt: Text | None = None
    duration: Positive | None = None
    resolution: Resolution | None = None
    aspect_ratio: AspectRatio | None = None
    size: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}x[0-9]{1,5}$")] | None = None
    frame_images: list[FrameImage] | None = None
    input_references: list[Reference] | None = None
    generate_audio: bool | None = None
    seed: Integer | None = None
    previous_job_id: Text | None = None
    upscale_factor: Annotated[float, Field(gt=0, allow_inf_nan=False, strict=False)] | None = None
    creativity: Integer | None = None
    callback_url: Text | None = None
    user: Text | None = None
    session_id: Annotated[str, StringConstraints(max_length=256)] | None = None
    trace: dict[str, Any] | None = None
    provider: Provider | None = None

    @property
    def frames(self) -> tuple[FrameImage, ...]:
        """Return the first and last frames."""
        return tuple(self.frame_images or ())

    @property
    def references(self) -> tuple[ImageReference | AudioReference | VideoReference, ...]:
        """Return the references; frames take precedence and exclude them."""
        return () if self.frames else tuple(self.input_references or ())

    @property
    def images(self) -> int:
        """Return the number of input images."""
        images = [part for part in self.references if isinstance(part, ImageReference)]
        return len(self.frames) or len(images)

    @property
    def has_video_input(self) -> bool:
        """Whether it has a reference video."""
        return any(isinstance(part, VideoReference) for part in self.references)

    @property
    def requires_zdr(self) -> bool:
        """Whether it requires zero data retention."""
        return bool(self.provider and self.provider.zdr)


def read_json(raw: bytes) -> Mapping[str, Any]:
    """Parse the bytes as a JSON object.

    Raises:
        ApiError: 400, the bytes are not a JSON object.

    """
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "Invalid JSON in request body") from error
    if not isinstance(body, dict):
        raise ApiError(400, "Request body must be a JSON object")
    return body


def read_request(body: Mapping[str, Any], error_shape: str) -> VideoRequest:
    """Parse the request in the body.

    Raises:
        SchemaError: a field is invalid.

    """
    try:
        return VideoRequest.model_validate(body)
    except PydanticError as error:
        issues = [_issue(item["type"], item["loc"], item["msg"]) for item in error.errors()]
        raise SchemaError(issues, error_shape) from error


_CODES: Mapping[str, str] = {
    "missing": "invalid_type",
    "literal_error": "invalid_value",
    "string_pattern_mismatch": "invalid_format",
    "string_too_long": "too_big",
    "greater_than_equal": "too_small",
    "greater_than": "too_small",
    "union_tag_invalid": "invalid_union",
    "union_tag_not_found": "invalid_union",
}


def _issue(kind: str, location: tuple[int | str, ...], message: str) -> dict[str, Any]:
    path = list(location)
    if path[:1] == ["input_references"]:
        del path[2:3]  # pydantic adds the union's branch to the path; the service does not
    return {"code": _CODES.get(kind, "invalid_type"), "path": path, "message": message}


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


DATA_IMAGE = re.compile(r"data:image/[a-zA-Z0-9.+-]+;base64,[A-Za-z0-9+/=_-]+")
"""The data URLs that are accepted as images."""
