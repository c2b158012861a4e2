"""The video request: a client's body, validated and typed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Ge, Gt, MaxLen, MinLen
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Strict,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from gateway.domain.fields import misnamed, unknown_fields
from gateway.domain.violation import MOST_VIOLATIONS, Violation, shown

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


@dataclass(frozen=True, slots=True)
class FrameImage:
    """An image that the video starts or ends with."""

    frame_type: str
    url: str


@dataclass(frozen=True, slots=True)
class InputReference:
    """An image, audio or video that the model may use."""

    kind: Literal["image", "audio", "video"]
    url: str


@dataclass(frozen=True, slots=True)
class VideoRequest:
    """A body with valid types; the model's capabilities are checked elsewhere.

    See docs/openrouter-contract.md section 2.

    `body` is the whole parsed body with its unknown fields; the gateway forwards it. None means
    absent or null.
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
    provider_names: tuple[str, ...] = ()
    """Providers that `provider.only` and `provider.order` name."""
    unknown_fields: tuple[str, ...] = ()
    """Top-level fields that are not in the contract; they are forwarded."""
    zdr: bool = False  # `provider.zdr` or a top-level `zdr`; the caller handles the header


def parse_request(body: Mapping[str, Any]) -> VideoRequest | tuple[Violation, ...]:
    """Return the typed request, or all violations of its types.

    Only types are checked (docs/openrouter-contract.md section 2). `checks.check` compares the
    request with the model's capabilities. Fields that are not in the contract pass unchanged.
    """
    try:
        wire = _Wire.model_validate(body)
    except ValidationError as error:
        found = error.errors(include_url=False)[:MOST_VIOLATIONS]
        return tuple(_violation(details) for details in found)
    wrong = tuple(islice(misnamed(body, _KNOWN), MOST_VIOLATIONS))
    if wrong:
        return wrong
    provider = wire.provider or _Provider()
    return VideoRequest(
        body=body,
        model=wire.model,
        prompt=wire.prompt,
        duration=wire.duration,
        resolution=wire.resolution,
        aspect_ratio=wire.aspect_ratio,
        size=wire.size,
        frame_images=tuple(
            FrameImage(i.frame_type, i.image_url.url) for i in wire.frame_images or ()
        ),
        input_references=tuple(r.reference() for r in wire.input_references or ()),
        generate_audio=wire.generate_audio,
        seed=wire.seed,
        previous_job_id=wire.previous_job_id,
        upscale_factor=None if wire.upscale_factor is None else Decimal(str(wire.upscale_factor)),
        creativity=wire.creativity,
        callback_url=wire.callback_url,
        provider_options=provider.options or {},
        provider_names=(*(provider.only or ()), *(provider.order or ())),
        unknown_fields=unknown_fields(body, _KNOWN),
        zdr=bool(provider.zdr or wire.zdr),
    )


def _whole(value: Any) -> Any:
    """Convert 4.0 to an integer, as JSON Schema defines it; leave booleans alone."""
    if isinstance(value, float) and value.is_integer():
        if abs(value) >= _INT64:
            raise PydanticCustomError("int_range", "an integer of at most 64 bits")
        return int(value)
    return value


_INT64 = 2**63

_Whole = Annotated[int, Strict(), BeforeValidator(_whole)]
_Positive = Annotated[float, Strict(), Gt(0)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class _Url(_Part):
    url: Annotated[str, MinLen(1)]


class _Frame(_Part):
    type: Literal["image_url"]
    image_url: _Url
    frame_type: str


class _Reference(_Part):
    type: Literal["image_url", "audio_url", "video_url"]
    image_url: _Url | None = None
    audio_url: _Url | None = None
    video_url: _Url | None = None

    @model_validator(mode="after")
    def _has_its_url(self) -> "_Reference":
        if getattr(self, self.type) is None:
            raise PydanticCustomError(
                "reference", "an object {name} with a url, as `type` says", {"name": self.type}
            )
        return self

    def reference(self) -> InputReference:
        """Return the reference that `type` names; the other ones are ignored."""
        part: _Url = getattr(self, self.type)
        return InputReference(_KINDS[self.type], part.url)


_KINDS: Mapping[str, Literal["image", "audio", "video"]] = {
    "image_url": "image",
    "audio_url": "audio",
    "video_url": "video",
}


class _Provider(_Part):
    options: dict[str, dict[str, Any]] | None = None
    only: list[str] | None = None
    order: list[str] | None = None
    zdr: bool | None = None


class _Wire(_Part):
    """The body as in docs/openrouter-contract.md section 2; unknown fields are forwarded."""

    model: Annotated[str, MinLen(1), MaxLen(200)]
    prompt: str | None = None
    duration: Annotated[_Whole, Ge(1)] | None = None
    resolution: str | None = None
    aspect_ratio: str | None = None
    size: str | None = None
    frame_images: Annotated[list[_Frame], MaxLen(32)] | None = None
    input_references: Annotated[list[_Reference], MaxLen(100)] | None = None
    generate_audio: bool | None = None
    seed: _Whole | None = None
    previous_job_id: Annotated[str, MinLen(1), MaxLen(200)] | None = None
    upscale_factor: _Positive | None = None
    creativity: _Whole | None = None
    callback_url: str | None = None
    provider: _Provider | None = None
    user: str | None = None
    session_id: Annotated[str, MaxLen(256)] | None = None
    trace: dict[str, Any] | None = None
    zdr: bool | None = None


_KNOWN = frozenset(_Wire.model_fields)


_ALLOWED: Mapping[str, str] = {
    "missing": "required",
    "string_type": "a string",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "string_too_short": "a string that is not empty",
}


def _violation(details: "ErrorDetails") -> Violation:
    field = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in details["loc"]).lstrip(".")
    message = details["msg"]
    allowed = _ALLOWED.get(details["type"], message[:1].lower() + message[1:])
    if details["type"] == "missing":
        return Violation(field, None, "a value", f"{field} is required")
    value = shown(details["input"])
    return Violation(field, value, allowed, f"{field} is {value}; allowed: {allowed}")
