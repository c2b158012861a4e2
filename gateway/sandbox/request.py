"""The body of POST /videos, read as the emulated service reads it."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic import ValidationError as WrongShape

from gateway.sandbox.errors import ApiError, SchemaError


def _whole(value: Any) -> Any:
    """A number like 4.0 is an integer in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Positive = Annotated[int, BeforeValidator(_whole), Field(ge=1)]
Text = Annotated[str, StringConstraints(strict=True)]
Resolution = Literal["360p", "480p", "720p", "768p", "1080p", "1K", "2K", "4K"]
AspectRatio = Literal["16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21"]


class _Part(BaseModel):
    """Unknown fields are ignored, types are exact, null is absent."""

    model_config = ConfigDict(extra="ignore", strict=True, frozen=True)


class Url(_Part):
    """Where a picture, a sound or a clip is, or a data URL that holds it."""

    url: Text


class FrameImage(_Part):
    """A picture that the video starts or ends with."""

    type: Literal["image_url"]
    image_url: Url
    frame_type: Literal["first_frame", "last_frame"]


class ImageReference(_Part):
    """A picture to draw on."""

    type: Literal["image_url"]
    image_url: Url


class AudioReference(_Part):
    """A sound to draw on."""

    type: Literal["audio_url"]
    audio_url: Url


class VideoReference(_Part):
    """A clip to draw on, or to edit."""

    type: Literal["video_url"]
    video_url: Url


Reference = Annotated[ImageReference | AudioReference | VideoReference, Field(discriminator="type")]


class Provider(_Part):
    """Options by provider slug; `zdr` is known from prose only."""

    options: dict[str, dict[str, Any]] | None = None
    zdr: bool | None = None


class VideoRequest(_Part):
    """What was asked for. None: absent or null."""

    model: Text
    prompt: Text | None = None
    duration: Positive | None = None
    resolution: Resolution | None = None
    aspect_ratio: AspectRatio | None = None
    size: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}x[0-9]{1,5}$")] | None = None
    frame_images: list[FrameImage] | None = None
    input_references: list[Reference] | None = None
    generate_audio: bool | None = None
    seed: Whole | None = None
    previous_job_id: Text | None = None
    upscale_factor: Annotated[float, Field(gt=0, allow_inf_nan=False, strict=False)] | None = None
    creativity: Whole | None = None
    callback_url: Text | None = None
    user: Text | None = None
    session_id: Annotated[str, StringConstraints(max_length=256)] | None = None
    trace: dict[str, Any] | None = None
    provider: Provider | None = None

    @property
    def frames(self) -> tuple[FrameImage, ...]:
        """The pictures it starts and ends with."""
        return tuple(self.frame_images or ())

    @property
    def references(self) -> tuple[ImageReference | AudioReference | VideoReference, ...]:
        """What it draws on: nothing where frames are given, which win."""
        return () if self.frames else tuple(self.input_references or ())

    @property
    def images(self) -> int:
        """How many pictures are used."""
        pictures = [part for part in self.references if isinstance(part, ImageReference)]
        return len(self.frames) or len(pictures)

    @property
    def has_video_input(self) -> bool:
        """Whether a clip is drawn on."""
        return any(isinstance(part, VideoReference) for part in self.references)

    @property
    def wants_zdr(self) -> bool:
        """Whether it asks for zero data retention."""
        return bool(self.provider and self.provider.zdr)


def read_json(raw: bytes) -> Mapping[str, Any]:
    """The bytes as a JSON object.

    Raises:
        ApiError: 400, they are not.

    """
    try:
        body = json.loads(raw.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ApiError(400, "Invalid JSON in request body") from error
    if not isinstance(body, dict):
        raise ApiError(400, "Request body must be a JSON object")
    return body


def read_request(body: Mapping[str, Any], error_shape: str) -> VideoRequest:
    """The request in the body.

    Raises:
        SchemaError: some field has the wrong shape.

    """
    try:
        return VideoRequest.model_validate(body)
    except WrongShape as error:
        issues = [_issue(fault["type"], fault["loc"], fault["msg"]) for fault in error.errors()]
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
        del path[2:3]  # pydantic names the branch of the union it took; the service does not
    return {"code": _CODES.get(kind, "invalid_type"), "path": path, "message": message}


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


DATA_IMAGE = re.compile(r"data:image/[a-zA-Z0-9.+-]+;base64,[A-Za-z0-9+/=_-]+")
"""The data URLs that are taken for pictures."""
