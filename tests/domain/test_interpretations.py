"""The interpretations of incomplete requests."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from gateway.domain.capability import Capabilities
from gateway.domain.interpretations import (
    Interpretation,
    certain_ratio,
    inputs,
    interpretations,
    resolutions,
    stated_resolutions,
    stated_size,
)
from gateway.domain.price_keys import PriceKey, read_prices
from gateway.domain.resolution import Size
from gateway.domain.video import FrameImage, InputReference, VideoRequest

FRAME = (FrameImage("first_frame", "https://x/i.png"),)
IMAGE = (InputReference("image", "https://x/i.png"),)
VIDEO = (InputReference("video", "https://x/v.mp4"),)
SOUND = (InputReference("audio", "https://x/s.mp3"),)
CAN = Capabilities("a/b", "a/b", "A", resolutions=("720p", "4K"), durations=(8, 4))


def ask(**fields: Any) -> VideoRequest:
    return VideoRequest(body={}, model="a/b", **fields)


def keys(*names: str) -> tuple[PriceKey, ...]:
    return read_prices(dict.fromkeys(names, Decimal(1)))[0]


def test_a_complete_request_has_one_interpretation() -> None:
    request = ask(duration=4, resolution="720p", generate_audio=False)

    assert interpretations(request, CAN, keys("duration_seconds")) == (
        Interpretation(4, "720p", audio=False, mode="text", input_seconds=0),
    )


def test_an_open_request_has_an_interpretation_for_every_value() -> None:
    found = interpretations(ask(), CAN, keys("duration_seconds"))

    assert {(r.duration, r.resolution, r.audio) for r in found} == {
        (8, resolution, audio) for resolution in ("720p", "4K") for audio in (True, False)
    }


def test_a_video_as_long_as_its_source_has_no_interpretation() -> None:
    unknown = Capabilities("a/b", "a/b", "A")

    assert interpretations(ask(duration=4), unknown, keys("duration_seconds")) == ()


@pytest.mark.parametrize(
    ("fields", "prices", "modes"),
    [
        ({}, (), {"text"}),
        ({"frame_images": FRAME}, (), {"image"}),
        ({"input_references": IMAGE}, (), {"image"}),
        ({"input_references": VIDEO}, (), {"text", "image"}),
        ({"input_references": SOUND}, (), {"text", "image"}),
        ({"input_references": IMAGE}, ("reference_duration_seconds",), {"reference"}),
        (
            {"input_references": IMAGE, "frame_images": FRAME},
            ("reference_duration_seconds",),
            {"reference", "image"},
        ),
        ({"previous_job_id": "gen-vid-1-a"}, (), {"text", "image"}),
        (
            {"previous_job_id": "gen-vid-1-a", "frame_images": FRAME},
            ("cents_per_second_video_continuation",),
            {"continuation"},
        ),
        (
            {"input_references": VIDEO},
            ("cents_per_second_video_continuation",),
            {"text", "image", "continuation"},
        ),
    ],
)
def test_the_inputs_determine_the_possible_modes(
    fields: dict[str, Any], prices: tuple[str, ...], modes: set[str]
) -> None:
    found = interpretations(ask(**fields), CAN, keys("duration_seconds", *prices))

    assert {reading.mode for reading in found} == modes


@pytest.mark.parametrize(
    ("fields", "prices", "seconds"),
    [
        ({"input_references": VIDEO}, ("video_tokens_with_video_input",), {0, 8}),
        ({"previous_job_id": "gen-vid-1-a"}, ("video_tokens_with_video_input",), {0, 8}),
        ({"input_references": IMAGE}, ("video_tokens_with_video_input",), {0}),
        ({"input_references": VIDEO}, ("duration_seconds",), {0}),
    ],
)
def test_a_video_input_is_billed_only_if_it_has_a_price(
    fields: dict[str, Any], prices: tuple[str, ...], seconds: set[int]
) -> None:
    found = interpretations(ask(**fields), CAN, keys("video_tokens", *prices))

    assert {reading.input_seconds for reading in found} == seconds


def test_resolution_and_size_both_count_if_they_differ() -> None:
    known = ("720p", "4K")

    assert stated_resolutions(ask(), known) == ()
    assert stated_resolutions(ask(resolution="4k"), known) == ("4k",)
    assert stated_resolutions(ask(size="1280x720"), known) == ("720p",)
    assert stated_resolutions(ask(size="4k"), known) == ("4K",)
    assert stated_resolutions(ask(size="4K", resolution="4k"), known) == ("4k",)
    assert stated_resolutions(ask(size="1280x720", resolution="4K"), known) == ("720p", "4K")
    assert stated_resolutions(ask(size="9x9"), known) == ()


def test_without_listed_resolutions_the_price_keys_and_none_at_all_are_possible() -> None:
    unknown = Capabilities("a/b", "a/b", "A", durations=(4,))

    found = resolutions(ask(), unknown, keys("duration_seconds_480p", "duration_seconds"))

    assert found == ("480p", None)
    assert resolutions(ask(resolution="1080p"), unknown, keys("duration_seconds")) == ("1080p",)


def test_the_ratio_is_certain_only_if_the_request_alone_determines_it() -> None:
    assert certain_ratio(ask()) is None
    assert certain_ratio(ask(aspect_ratio="16:9")) == Fraction(16, 9)
    assert certain_ratio(ask(size="640x640")) == 1
    assert certain_ratio(ask(size="854x480", aspect_ratio="16:9")) == Fraction(16, 9)
    assert certain_ratio(ask(size="640x640", aspect_ratio="16:9")) is None
    assert certain_ratio(ask(aspect_ratio="16:9", frame_images=FRAME)) is None
    assert certain_ratio(ask(aspect_ratio="16:9", input_references=VIDEO)) is None
    assert certain_ratio(ask(aspect_ratio="16:9", previous_job_id="x")) is None
    assert certain_ratio(ask(aspect_ratio="1:1", provider_options={"x": {"ratio": 2}})) is None
    assert certain_ratio(ask(aspect_ratio="16:9", input_references=SOUND)) == Fraction(16, 9)
    assert stated_size(ask(size="1x2")) == Size(1, 2)
    assert stated_size(ask(size="720p")) is None


def test_inputs_are_counted_at_every_depth() -> None:
    options = {"x": {"image": "a", "parameters": {"images": ["b", "c"], "videos": ["d"]}}}

    brought = inputs(
        ask(frame_images=FRAME, input_references=IMAGE + SOUND, provider_options=options)
    )

    assert (brought.images, brought.video, brought.reference) == (5, True, True)
    assert brought.overridden == {"images", "video"}
    assert inputs(ask(input_references=SOUND)).shapes_the_picture is False
