"""The video request: what a client asks for, typed, beside the body it came from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class FrameImage:
    """An image that the video starts or ends with."""

    frame_type: str
    url: str


@dataclass(frozen=True, slots=True)
class InputReference:
    """An image, audio or video that the model may draw on."""

    kind: Literal["image", "audio", "video"]
    url: str


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """A body that has the right shape (CONTRACT.md section 2). What the model supports is not known here.

    `body` is the whole parsed body, unknown fields too: it is what travels on. None means absent
    or null.
    """

    body: Mapping[str, Any]
    model: str
    prompt: str | None = None
    duration: int | None = None
    resolution: str | None = None
    aspect_ratio: str | None = None
    size: str | None = None
    frame_images: tuple[FrameImage, ...] = ()
    input_references: tuple[InputReference, ...] = ()
    generate_audio: bool | None = None
    seed: int | None = None
    previous_job_id: str | None = None
    upscale_factor: Decimal | None = None
    creativity: int | None = None
    callback_url: str | None = None
    provider_options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    zdr: bool = False  # `provider.zdr` or a top-level `zdr`; the header is the caller's business


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing wrong with a request, so that a person can mend it without asking."""

    field: str
    value: Any
    allowed: Any
    message: str
    nearest: Any = None
