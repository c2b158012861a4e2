"""Checks against the capabilities report every violation; what is unknown passes."""

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.capability import Capabilities, NumberRange, parse_capabilities
from gateway.domain.catalog import parse_catalog
from gateway.domain.checks import check
from gateway.domain.video import FrameImage, InputReference, VideoRequest
from gateway.domain.violation import Violation

MODELS = json.loads((Path(__file__).parent.parent / "data" / "models.json").read_text())["data"]
LIVE = parse_catalog(MODELS)
UNKNOWN = Capabilities("a/b", "a/b", "A: B")
PNG = "data:image/png;base64,iVBORw0KGgo="


def ask(model: str = "a/b", **fields: Any) -> VideoRequest:
    return VideoRequest(body={}, model=model, **{"prompt": "rain over a harbour", **fields})


def found(model: str, **fields: Any) -> tuple[Violation, ...]:
    can = LIVE.models[model]
    return check(ask(model, **fields), can)


def only(model: str, **fields: Any) -> Violation:
    (violation,) = found(model, **fields)
    return violation


def first(url: str = PNG) -> FrameImage:
    return FrameImage("first_frame", url)


def last(url: str = PNG) -> FrameImage:
    return FrameImage("last_frame", url)


@pytest.mark.parametrize("model", LIVE.models)
def test_a_request_within_the_capabilities_has_no_violations(model: str) -> None:
    can = LIVE.models[model]
    fields = {
        "duration": (can.durations or [None])[-1],
        "resolution": (can.resolutions or [None])[-1],
        "aspect_ratio": (can.aspect_ratios or [None])[-1],
        "frame_images": tuple(FrameImage(kind, PNG) for kind in can.frame_images or ()),
        "generate_audio": can.generate_audio,
        "seed": None if can.seed is False else 7,
        "provider_options": {"some": dict.fromkeys(can.passthrough or (), 1)},
    }

    assert check(ask(model, **fields), can) == ()


@pytest.mark.parametrize("model", LIVE.models)
def test_every_listed_size_is_accepted_and_agrees_with_its_own_resolution(model: str) -> None:
    can = LIVE.models[model]

    for size in can.sizes or ():
        short = min(map(int, size.split("x")))
        named = f"{short}p" if f"{short}p" in (can.resolutions or ()) else None

        assert check(ask(model, size=size, resolution=named), can) == ()


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "prompt": st.text(min_size=1).filter(str.strip),
            "duration": st.integers(1),
            "resolution": st.text(),
            "aspect_ratio": st.text(),
            "generate_audio": st.booleans(),
            "seed": st.integers(),
            "upscale_factor": st.decimals(min_value="0.1", max_value=100),
            "creativity": st.integers(),
            "frame_images": st.just((first(), first(), last())),
            "input_references": st.just((InputReference("audio", "http://x/a.mp3"),)),
            "provider_options": st.just({"x": {"k": 1, "parameters": {"j": 2}}}),
        },
    )
)
def test_an_empty_catalog_entry_refuses_nothing(fields: Mapping[str, Any]) -> None:
    assert check(ask(**fields), UNKNOWN) == ()


def test_all_violations_are_reported_together() -> None:
    violations = found(
        "minimax/hailuo-2.3",
        prompt=" ",
        duration=99,
        resolution="4K",
        aspect_ratio="9:16",
        size="640x640",
        generate_audio=True,
    )

    assert [violation.field for violation in violations] == [
        *("prompt", "duration", "resolution", "aspect_ratio"),
        *("size", "size", "generate_audio"),
    ]
    not_listed, not_that_shape = (v for v in violations if v.field == "size")
    assert not_listed.allowed == ["1920x1080"]
    assert "aspect_ratio" in not_that_shape.message


def test_a_duration_outside_the_list_names_the_list_and_the_nearest() -> None:
    violation = only("google/veo-3.1-lite", duration=9)

    assert violation == Violation(
        field="duration",
        value=9,
        allowed=[4, 6, 8],
        message="duration 9 is not supported; allowed: 4, 6, 8",
        nearest=8,
    )


@pytest.mark.parametrize(("asked", "nearest"), [(1, 4), (5, 4), (7, 6), (99, 8), (2**62, 8)])
def test_the_cheaper_of_two_equally_near_durations_is_suggested(asked: int, nearest: int) -> None:
    assert only("google/veo-3.1-lite", duration=asked).nearest == nearest


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [("480p", "720p"), ("768p", "720p"), ("1440p", "1080p"), ("8K", "4K"), ("cinema", None)],
)
def test_a_resolution_outside_the_list_names_the_nearest(asked: str, nearest: str | None) -> None:
    violation = only("google/veo-3.1", resolution=asked)

    assert violation.allowed == ["720p", "1080p", "4K"]
    assert violation.nearest == nearest


@pytest.mark.parametrize(("asked", "right"), [("4k", "4K"), (" 4K", "4K"), ("1080P", "1080p")])
def test_a_resolution_in_another_case_is_refused_with_the_right_spelling(
    asked: str, right: str
) -> None:
    """The upstream compares exactly, so such a request would fail there."""
    violation = only("google/veo-3.1", resolution=asked)

    assert violation.nearest == right
    assert violation.message.endswith(f'did you mean "{right}"?')
    assert found("google/veo-3.1", resolution=right) == ()


@pytest.mark.parametrize(
    ("asked", "nearest"), [("21:9", "16:9"), ("9:21", "9:16"), ("round", None)]
)
def test_an_aspect_ratio_outside_the_list_names_the_nearest(
    asked: str, nearest: str | None
) -> None:
    violation = only("google/veo-3.1", aspect_ratio=asked)

    assert (violation.allowed, violation.nearest) == (["16:9", "9:16"], nearest)


def test_a_size_outside_the_list_names_the_nearest_in_area_and_shape() -> None:
    violation = only("runway/gen-4.5", size="700x1300")

    assert violation.field == "size"
    assert violation.allowed == ["1280x720", "720x1280"]
    assert violation.nearest == "720x1280"


@pytest.mark.parametrize("size", ["1280x720", "1280X720", "720p"])
def test_a_size_as_the_ai_sdk_sends_it_passes(size: str) -> None:
    assert found("runway/gen-4.5", size=size) == ()


def test_a_size_that_is_neither_pixels_nor_a_resolution_is_refused_where_sizes_are_known() -> None:
    assert only("runway/gen-4.5", size="large").nearest is None
    assert found("minimax/hailuo-3", size="large") == ()  # its sizes are unknown


@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({"size": "1280x720", "resolution": "1080p"}, ["1920x1080", "1080x1920"]),
        ({"size": "1280x720", "aspect_ratio": "9:16"}, ["720x1280", "1080x1920"]),
        (
            {"size": "1920x1080", "resolution": "720p", "aspect_ratio": "16:9"},
            ["1280x720"],
        ),
    ],
)
def test_a_size_that_contradicts_resolution_or_aspect_ratio_is_refused(
    fields: dict[str, Any], allowed: list[str]
) -> None:
    violation = only("google/veo-3.1-lite", **fields)

    assert violation.field == "size"
    assert violation.allowed == allowed
    assert violation.nearest == allowed[0]
    assert "send only one of them" in violation.message


def test_a_size_that_may_match_the_resolution_passes() -> None:
    fields = {"resolution": "480p", "aspect_ratio": "1:1", "size": "640x640"}
    assert found("bytedance/seedance-2.5", **fields) == ()

    strange = {"resolution": "2K", "size": "300x300"}
    assert found("minimax/hailuo-3", **strange) == ()


def test_an_unsupported_frame_type_is_refused() -> None:
    violation = only("runway/gen-4.5", frame_images=(first(), last()))

    assert violation.field == "frame_images[1].frame_type"
    assert (violation.value, violation.nearest) == ("last_frame", "first_frame")


def test_two_images_for_one_frame_are_refused() -> None:
    violation = only("google/veo-3.1", frame_images=(first(), last(), first()))

    assert violation.field == "frame_images[2].frame_type"
    assert violation.allowed == "one image for each frame_type"


def test_frames_pass_if_the_catalog_does_not_list_frame_types() -> None:
    assert found("openai/sora-2-pro", frame_images=(first(), first(), last())) == ()


@pytest.mark.parametrize("url", ["http://x/v.mp4", "data:video/mp4;base64,AAAA", "ftp://x"])
def test_a_video_reference_must_be_https(url: str) -> None:
    references = (InputReference("image", PNG), InputReference("video", url))

    violation = only("bytedance/seedance-2.0", input_references=references)

    assert violation.field == "input_references[1].video_url.url"
    assert violation.allowed == "an https:// URL"


def test_references_beside_frames_are_ignored_as_the_upstream_ignores_them() -> None:
    fields: dict[str, Any] = {
        "frame_images": (first(),),
        "input_references": (InputReference("video", "http://x/v.mp4"),),
    }

    assert found("bytedance/seedance-2.0", **fields) == ()


@pytest.mark.parametrize(
    ("model", "wanted", "refused"),
    [
        ("minimax/hailuo-2.3", True, True),  # false in the catalog
        ("minimax/hailuo-2.3", False, False),
        ("x-ai/grok-imagine-video", True, False),  # null in the catalog
        ("google/veo-3.1", True, False),
        ("google/veo-3.1", False, False),
    ],
)
def test_only_audio_from_a_model_without_it_is_refused(
    model: str, wanted: bool, refused: bool
) -> None:
    assert bool(found(model, generate_audio=wanted)) is refused


@pytest.mark.parametrize(
    ("model", "refused"),
    [
        ("openai/sora-2-pro", True),
        ("minimax/hailuo-2.3", False),  # null
        ("google/veo-3.1", False),
    ],
)
def test_a_seed_is_refused_only_if_the_catalog_says_there_is_none(
    model: str, refused: bool
) -> None:
    assert bool(found(model, seed=0)) is refused


@pytest.mark.parametrize(
    ("factor", "nearest"), [("1.4", "1.5"), ("3.01", "3"), ("1.5", None), ("3", None)]
)
def test_an_upscale_factor_must_be_in_its_range(factor: str, nearest: str | None) -> None:
    source = (InputReference("video", "https://x/v.mp4"),)

    violations = found(
        "black-forest-labs/flux-video-upscale",
        prompt=None,
        input_references=source,
        upscale_factor=Decimal(factor),
    )

    assert [violation.nearest for violation in violations] == ([nearest] if nearest else [])


def test_an_upscale_range_may_be_open_on_either_side() -> None:
    above = Capabilities("a/b", "a/b", "A", upscale_factor=NumberRange(Decimal(2), None))
    below = Capabilities("a/b", "a/b", "A", upscale_factor=NumberRange(None, Decimal(2)))

    assert check(ask(upscale_factor=Decimal(99)), above) == ()
    assert check(ask(upscale_factor=Decimal(3)), below)[0].allowed == {"min": None, "max": "2"}
    assert check(ask(upscale_factor=Decimal(1)), above)[0].nearest == "2"


def test_creativity_must_be_one_of_its_steps() -> None:
    violation = only("black-forest-labs/flux-video-upscale", creativity=5)

    assert (violation.allowed, violation.nearest) == ([0, 1], 1)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"negativePromt": "fog"}, "provider.options.google-vertex.negativePromt"),
        (
            {"parameters": {"negativePromt": "fog"}},
            "provider.options.google-vertex.parameters.negativePromt",
        ),
    ],
)
def test_an_unknown_passthrough_parameter_is_found_at_both_levels(
    options: dict[str, Any], field: str
) -> None:
    violation = only("google/veo-3.1", provider_options={"google-vertex": options})

    assert violation.field == field
    assert violation.nearest == "negativePrompt"
    assert "personGeneration" in violation.allowed


def test_a_model_without_passthrough_rejects_every_parameter() -> None:
    violation = only("x-ai/grok-imagine-video", provider_options={"x-ai": {"fps": 30}})

    assert violation.allowed == []
    assert violation.message.endswith("allowed: none")


def test_each_providers_parameters_are_checked_separately() -> None:
    """A correct or empty entry of one provider does not hide the violations of another one."""
    options = {"google-vertex": {"negativePrompt": "fog"}, "openai": {"quality": "high"}, "x": {}}

    violation = only("google/veo-3.1", provider_options=options)

    assert violation.field == "provider.options.openai.quality"
    options["google-vertex"] = {"quality": "high"}
    assert len(found("google/veo-3.1", provider_options=options)) == 2


def test_parameters_that_are_not_an_object_are_one_parameter() -> None:
    (violation,) = found("google/veo-3.1", provider_options={"google-vertex": {"parameters": 5}})

    assert violation.field == "provider.options.google-vertex.parameters"


@pytest.mark.parametrize("prompt", [None, "", " \n"])
def test_a_request_without_any_input_is_refused(prompt: str | None) -> None:
    assert only("google/veo-3.1", prompt=prompt).field == "prompt"


@pytest.mark.parametrize(
    "fields",
    [
        {"frame_images": (first(),)},
        {"input_references": (InputReference("image", PNG),)},
        {"previous_job_id": "gen-vid-1-abc"},
        {"provider_options": {"alibaba": {"images": ["https://x/i.png"]}}},
    ],
)
def test_an_empty_prompt_passes_beside_any_input(fields: dict[str, Any]) -> None:
    assert found("alibaba/wan-2.7", prompt="", **fields) == ()


def test_only_the_start_of_a_clients_value_is_repeated() -> None:
    violations = found(
        "google/veo-3.1",
        resolution="x" * 100_000,
        size="y" * 100_000,
        provider_options={"google-vertex": {"z" * 100_000: 1}},
    )

    assert len(violations) == 3
    assert len(json.dumps([violation.message for violation in violations])) < 2_000
    assert all(len(str(violation.value)) < 200 for violation in violations)
    assert all(len(violation.field) < 200 for violation in violations)


@settings(max_examples=300)
@given(
    st.sampled_from(MODELS),
    st.fixed_dictionaries(
        {
            "prompt": st.none() | st.text(max_size=5),
            "duration": st.none() | st.integers(1, 2**63),
            "resolution": st.none() | st.text(max_size=9) | st.sampled_from(["4k", "720p", "1K"]),
            "aspect_ratio": st.none() | st.text(max_size=9) | st.sampled_from(["16:9", "9:21"]),
            "size": st.none() | st.text(max_size=9) | st.sampled_from(["1x1", "99999x1"]),
            "frame_images": st.lists(st.builds(FrameImage, st.text(max_size=12), st.just("u"))),
            "generate_audio": st.none() | st.booleans(),
            "seed": st.none() | st.integers(),
            "upscale_factor": st.none() | st.decimals(min_value="1e-9", max_value=10**9),
            "creativity": st.none() | st.integers(),
            "provider_options": st.dictionaries(
                st.text(max_size=5), st.dictionaries(st.text(max_size=9), st.none())
            ),
        }
    ),
)
def test_any_request_gets_an_answer_that_is_json(
    raw: dict[str, Any], fields: dict[str, Any]
) -> None:
    request = VideoRequest(body={}, model=raw["id"], **fields)

    violations = check(request, parse_capabilities(raw))

    for violation in violations:
        assert violation.field
        assert violation.message.startswith(violation.field)
        json.dumps([violation.value, violation.allowed, violation.nearest])
