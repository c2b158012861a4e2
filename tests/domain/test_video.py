"""A valid body becomes a typed request; an invalid one a list of violations."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.strict_json import NotStrict, parse_object
from gateway.domain.video import FrameImage, InputReference, VideoRequest, parse_request
from gateway.domain.violation import shown

IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


def request(**fields: Any) -> VideoRequest:
    parsed = parse_request({"model": "m", **fields})
    assert isinstance(parsed, VideoRequest), parsed
    return parsed


def violated(**fields: Any) -> list[str]:
    parsed = parse_request({"model": "m", **fields})
    assert not isinstance(parsed, VideoRequest)
    return [violation.field for violation in parsed]


def test_a_model_is_enough() -> None:
    only = request()

    assert only.model == "m"
    assert (only.prompt, only.duration, only.seed, only.generate_audio) == (None,) * 4
    assert (only.frame_images, only.input_references, only.zdr) == ((), (), False)


def test_every_field_is_typed() -> None:
    full = request(
        prompt="p",
        duration=4,
        resolution="720p",
        aspect_ratio="16:9",
        size="1280x720",
        frame_images=[{**IMAGE, "frame_type": "first_frame"}],
        input_references=[
            IMAGE,
            {"type": "audio_url", "audio_url": {"url": "https://example.com/a.mp3"}},
            {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}},
        ],
        generate_audio=True,
        seed=7,
        previous_job_id="gen-vid-1-a",
        upscale_factor=1.5,
        creativity=2,
        callback_url="https://example.com/hook",
        provider={"options": {"openai": {"style": "noir"}}, "zdr": True},
    )

    assert full.frame_images == (FrameImage("first_frame", "https://example.com/a.png"),)
    assert full.input_references == (
        InputReference("image", "https://example.com/a.png"),
        InputReference("audio", "https://example.com/a.mp3"),
        InputReference("video", "https://example.com/a.mp4"),
    )
    assert full.upscale_factor == Decimal("1.5")
    assert full.provider_options == {"openai": {"style": "noir"}}
    assert full.zdr


def test_null_is_absent_and_unknown_fields_stay_in_the_body() -> None:
    body = {"model": "m", "prompt": None, "provider": None, "frame_images": None, "x": [1]}

    parsed = parse_request(body)

    assert isinstance(parsed, VideoRequest)
    assert (parsed.prompt, parsed.frame_images) == (None, ())
    assert parsed.body == body


@pytest.mark.parametrize(("given_", "read"), [(4, 4), (4.0, 4), (1, 1)])
def test_a_whole_number_may_be_written_as_a_float(given_: Any, read: int) -> None:
    assert request(duration=given_).duration == read
    assert isinstance(request(duration=given_).duration, int)


@pytest.mark.parametrize("zdr", [{"zdr": True}, {"provider": {"zdr": True}}])
def test_zdr_can_be_set_in_two_places(zdr: dict[str, Any]) -> None:
    assert request(**zdr).zdr
    assert not request(zdr=False, provider={"zdr": False}).zdr


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"duration": True}, ["duration"]),
        ({"seed": True}, ["seed"]),
        ({"duration": 4.5}, ["duration"]),
        ({"zdr": 1}, ["zdr"]),
        ({"provider": {"options": {"x": []}}}, ["provider.options.x"]),
        ({"frame_images": [IMAGE]}, ["frame_images[0].frame_type"]),
        ({"input_references": [{"type": "audio_url", **IMAGE}]}, []),
        ({"input_references": [IMAGE, {"type": "audio_url"}]}, ["input_references[1]"]),
        ({"prompt": 1, "seed": "1", "trace": 1}, ["prompt", "seed", "trace"]),
    ],
)
def test_each_violation_names_its_field(fields: dict[str, Any], named: list[str]) -> None:
    parsed = parse_request({"model": "m", **fields})

    found = [] if isinstance(parsed, VideoRequest) else [violation.field for violation in parsed]
    assert found == named


def test_a_violation_contains_the_value_and_what_is_allowed() -> None:
    parsed = parse_request({"model": "m", "duration": "4"})

    assert not isinstance(parsed, VideoRequest)
    (violation,) = parsed
    assert (violation.field, violation.value, violation.allowed) == (
        "duration",
        '"4"',
        "an integer",
    )
    assert violation.message == 'duration is "4"; allowed: an integer'


def test_a_missing_field_is_reported_as_required() -> None:
    parsed = parse_request({})

    assert not isinstance(parsed, VideoRequest)
    assert [v.message for v in parsed] == ["model is required"]


def test_a_long_value_is_not_repeated_whole() -> None:
    text = shown("a secret prompt " * 100)

    assert len(text) < 120
    assert "(1602 characters)" in text
    assert violated(prompt=["a secret prompt " * 100]) == ["prompt"]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "url", "image_url", "options", "zdr", "x"]), inner
        )
    ),
    max_leaves=6,
)
FIELDS = st.sampled_from(
    ["model", "prompt", "duration", "frame_images", "input_references", "provider", "seed",
     "upscale_factor", "creativity", "trace", "zdr", "session_id", "generate_audio"]
)  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(body=st.dictionaries(FIELDS, JSON, max_size=4))
def test_any_object_is_a_request_or_a_list_of_violations(body: dict[str, Any]) -> None:
    parsed = parse_request(body)

    if isinstance(parsed, VideoRequest):
        assert parsed.body == body or body != body  # NaN does not equal itself
        assert parsed.model
    else:
        assert parsed
        assert all(v.field and v.message and len(v.message) < 400 for v in parsed)


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=40))
def test_a_shown_value_is_always_valid_utf8(text: str) -> None:
    try:
        body = parse_object(('{"model": 1, "prompt": ' + shown(text) + "}").encode())
    except (NotStrict, UnicodeEncodeError):
        return
    assert body["prompt"] == text
