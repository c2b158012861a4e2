"""Fields that are not in the contract: most are forwarded, some are refused."""

from typing import Any

import pytest

from gateway.domain.video import VideoRequest, parse_request
from gateway.domain.violation import Violation

BASE = {"model": "x/one", "prompt": "rain"}


def wrong(**fields: Any) -> list[Violation]:
    found = parse_request({**BASE, **fields})
    return [] if isinstance(found, VideoRequest) else list(found)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("image", "frame_images"),
        ("image_url", "frame_images"),
        ("last_frame", "frame_images"),
        ("frameImages", "frame_images"),
        ("FRAME-IMAGES", "frame_images"),
        ("frame_image", "frame_images"),
        ("inputReferences", "input_references"),
        ("reference_images", "input_references"),
        ("seconds", "duration"),
        ("durationSeconds", "duration"),
        ("aspectRatio", "aspect_ratio"),
        ("aspect_ration", "aspect_ratio"),
        ("ratio", "aspect_ratio"),
        ("resolutoin", "resolution"),
        ("generateAudio", "generate_audio"),
        ("with_audio", "generate_audio"),
        ("callbackUrl", "callback_url"),
        ("webhook_url", "callback_url"),
        ("previousJobId", "previous_job_id"),
    ],
)
def test_a_misnamed_field_is_refused_with_the_known_name(name: str, meant: str) -> None:
    (violation,) = wrong(**{name: "value"})

    assert violation.field == name
    assert violation.nearest == meant
    assert f"did you mean {meant}?" in violation.message


@pytest.mark.parametrize("name", ["n", "num_videos", "sampleCount", "batch_size"])
def test_more_than_one_video_is_refused_and_one_is_not(name: str) -> None:
    (violation,) = wrong(**{name: 4})

    assert (violation.field, violation.allowed) == (name, 1)
    assert wrong(**{name: 1}) == []
    assert len(wrong(**{name: True})) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("models", ["a/one", "a/two"]), ("route", "fallback"), ("preset", "cinematic")],
)
def test_a_field_that_selects_another_model_is_refused(name: str, value: Any) -> None:
    (violation,) = wrong(**{name: value})

    assert violation.field == name
    assert violation.allowed == "to be left out"


@pytest.mark.parametrize("name", ["negative_prompt", "watermark", "cfg_scale", "fps", "metadata"])
def test_other_unknown_fields_are_forwarded_and_reported(name: str) -> None:
    request = parse_request({**BASE, name: "x"})

    assert isinstance(request, VideoRequest)
    assert request.unknown_fields == (name,)
    assert request.body[name] == "x"


def test_a_null_is_a_field_that_is_left_out() -> None:
    assert wrong(image=None, n=None, models=None) == []


def test_names_are_shortened_printable_and_bounded() -> None:
    request = parse_request({**BASE, "zz\n" + "q" * 500: 1, **{f"zk_{n}": 1 for n in range(100)}})

    assert isinstance(request, VideoRequest)
    assert len(request.unknown_fields) == 20
    assert all(len(name) <= 64 and name.isprintable() for name in request.unknown_fields)
