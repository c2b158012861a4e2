"""Estimates are exact to the micro-dollar if possible, never too low, and never guessed."""

import dataclasses
import itertools
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.domain.capability import Capabilities, parse_capabilities
from gateway.domain.catalog import parse_catalog
from gateway.domain.checks import check
from gateway.domain.pricing import (
    Estimate,
    Unpriced,
    estimate,
    price_profile,
    raised,
)
from gateway.domain.units import Micros
from gateway.domain.video import FrameImage, InputReference, VideoRequest
from tests.domain.price_oracle import SECONDS, SOURCE_LENGTH, TOKENS, Case, expected_micros
from tests.domain.test_video_tokens import PUBLISHED, pixels

MODELS = json.loads((Path(__file__).parent.parent / "data" / "models.json").read_text())["data"]
LIVE = parse_catalog(MODELS)
PRICED = [*SECONDS, *TOKENS]


def ask(model: str, **fields: Any) -> VideoRequest:
    return VideoRequest(body={}, model=model, **{"prompt": "rain", **fields})


def frames(count: int) -> tuple[FrameImage, ...]:
    return tuple(FrameImage(kind, "https://x/i.png") for kind in ("first_frame", "last_frame"))[
        :count
    ]


def references(images: int = 0, videos: int = 0, sounds: int = 0) -> tuple[InputReference, ...]:
    return (
        *(InputReference("image", f"https://x/{n}.png") for n in range(images)),
        *(InputReference("video", f"https://x/{n}.mp4") for n in range(videos)),
        *(InputReference("audio", f"https://x/{n}.mp3") for n in range(sounds)),
    )


def quoted(model: str, **fields: Any) -> Estimate:
    answer = estimate(ask(model, **fields), LIVE.models[model])
    assert isinstance(answer, Estimate)
    return answer


def model_with(prices: dict[str, str], **fields: Any) -> Capabilities:
    raw = {"id": "acme/video", "supported_durations": [4, 8], "pricing_skus": prices, **fields}
    return parse_capabilities(raw)


def corners(model: str) -> Iterator[Case]:
    can = LIVE.models[model]
    durations = sorted(can.durations or ())
    for seconds, resolution, audio, frame_count, (images, videos), continues in itertools.product(
        {durations[0], durations[len(durations) // 2], durations[-1]},
        (None, *(can.resolutions or ())),
        (None, True, False),
        (0, 1, 2),
        ((0, 0), (2, 0), (0, 1)),
        (False, True),
    ):
        yield Case(model, seconds, resolution, audio, frame_count, images, videos, continues)
        if model in TOKENS:
            shaped = (frame_count, images, videos, continues, "16:9")
            yield Case(model, seconds, resolution, audio, *shaped)
            yield Case(model, seconds, resolution, audio, *shaped[:4], "1:1")


def request_of(case: Case) -> VideoRequest:
    return ask(
        case.model,
        duration=case.seconds,
        resolution=case.resolution,
        aspect_ratio=case.shape,
        generate_audio=case.audio,
        frame_images=frames(case.frames),
        input_references=references(case.image_references, case.video_references),
        previous_job_id="gen-vid-1-abc" if case.continues else None,
    )


def test_the_hand_written_table_covers_every_real_model() -> None:
    assert sorted([*SECONDS, *TOKENS, *SOURCE_LENGTH]) == sorted(LIVE.models)
    for model in PRICED:
        resolutions = list(SECONDS.get(model) or TOKENS[model])
        assert sorted(resolutions) == sorted(LIVE.models[model].resolutions or ())


@pytest.mark.parametrize("model", PRICED)
def test_every_corner_case_of_a_real_model_has_the_hand_calculated_price(
    model: str,
) -> None:
    can = LIVE.models[model]
    cases = list(corners(model))

    answers = {case: estimate(request_of(case), can) for case in cases}

    assert len(cases) >= 54
    wrong = {
        case: (answer, expected_micros(case))
        for case, answer in answers.items()
        if not isinstance(answer, Estimate) or answer.micros != expected_micros(case)
    }
    assert wrong == {}


@pytest.mark.parametrize("model", SOURCE_LENGTH)
@pytest.mark.parametrize("duration", [None, 5])
def test_a_video_as_long_as_its_source_has_no_price(model: str, duration: int | None) -> None:
    request = ask(model, duration=duration, input_references=references(videos=1))

    answer = estimate(request, LIVE.models[model])

    assert isinstance(answer, Unpriced)
    assert "source" in answer.reason
    assert answer.fields == ()


@pytest.mark.parametrize(
    ("model", "fields", "charged"),
    [
        (
            "x-ai/grok-imagine-video",
            {"duration": 1, "resolution": "480p", "frame_images": frames(1)},
            52_000,
        ),
        (
            "bytedance/seedance-2.0-mini",
            {
                "duration": 4,
                "resolution": "480p",
                "aspect_ratio": "1:1",
                "generate_audio": False,
            },
            135_800,
        ),
        (
            "google/veo-3.1-lite",
            {"duration": 4, "resolution": "720p", "generate_audio": False},
            120_000,
        ),
        (
            "google/veo-3.1-lite",
            {"duration": 4, "resolution": "1080p", "generate_audio": False},
            200_000,
        ),
    ],
)
def test_estimates_equal_recorded_charges_to_the_micro_dollar(
    model: str, fields: dict[str, Any], charged: int
) -> None:
    assert quoted(model, **fields).micros == charged


@pytest.mark.parametrize("model", TOKENS)
def test_no_published_picture_costs_more_than_the_estimate(
    model: str,
) -> None:
    can = LIVE.models[model]
    for (resolution, ratio), sizes in PUBLISHED.items():
        if resolution not in (can.resolutions or ()):
            continue
        fields = {"duration": 5, "resolution": resolution, "generate_audio": True}
        rate = Decimal(TOKENS[model][resolution][0]) / 1_000_000
        charge = max(map(pixels, sizes)) * Decimal(121) / 1024 * rate * 1_000_000

        for extra in ({}, {"frame_images": frames(1)}, {"input_references": references(1)}):
            assert quoted(model, aspect_ratio=ratio, **fields, **extra).micros >= charge
            assert quoted(model, **fields, **extra).micros >= charge


def test_the_arithmetic_is_readable() -> None:
    spoken = quoted("google/veo-3.1", duration=8, resolution="720p", generate_audio=True)
    assert spoken.lines == ("8 s x 0.40 USD/s (duration_seconds_with_audio) = 3.20 USD",)
    assert spoken.assumptions == ()

    pictured = quoted(
        "x-ai/grok-imagine-video", duration=1, resolution="480p", frame_images=frames(1)
    )
    assert pictured.lines == (
        "1 s x 5 cents/s (cents_per_video_output_second_480p) = 0.05 USD",
        "1 image x 0.2 cents/image (cents_per_image_input) = 0.002 USD",
        "total 0.052 USD",
    )

    counted = quoted(
        "bytedance/seedance-2.0-mini", duration=4, resolution="480p", aspect_ratio="1:1"
    )
    assert counted.lines == (
        "640x640 px / 1024 x (24 x 4 s + 1) = 38800 tokens",
        "38800 tokens x 0.0000035 USD/token (video_tokens) = 0.1358 USD",
    )


def test_missing_fields_are_assumed_at_their_most_expensive_and_listed() -> None:
    held = quoted("google/veo-3.1")

    assert held.micros == 4_800_000
    assert held.assumptions == (
        "duration left out: assumed 8 s, the longest; set duration",
        "resolution left out: assumed 4K, the most expensive; set resolution",
        "generate_audio left out: assumed with audio, the more expensive; set it",
    )


def test_a_field_that_does_not_affect_the_price_is_not_listed() -> None:
    assert quoted("alibaba/wan-2.7", duration=5).assumptions == ()


def test_an_image_leaves_the_ratio_of_a_token_video_open() -> None:
    plain = {"duration": 4, "resolution": "480p", "aspect_ratio": "1:1"}

    shaped = quoted("bytedance/seedance-2.0-mini", **plain)
    following = quoted("bytedance/seedance-2.0-mini", **plain, frame_images=frames(1))
    open_shape = quoted("bytedance/seedance-2.0-mini", duration=4, resolution="480p")

    assert shaped.assumptions == ()
    assert following.micros == open_shape.micros > shaped.micros
    assert following.assumptions == (
        "an input may determine the aspect ratio: assumed the largest picture of that resolution",
    )
    assert open_shape.assumptions == (
        "aspect_ratio left out: assumed the largest picture of that resolution",
    )


def test_a_video_input_is_assumed_at_its_longest_despite_its_lower_rate() -> None:
    plain = {"duration": 4, "resolution": "480p"}

    with_video = quoted(
        "bytedance/seedance-2.0-mini", **plain, input_references=references(videos=1)
    )

    assert with_video.micros == 503_843  # 1120x480 / 1024 x (24 x 19 + 1) x 0.0000021
    assert "length of the video input unknown: assumed 15 s, the longest" in (
        with_video.assumptions
    )
    with_sound = quoted(
        "bytedance/seedance-2.0-mini", **plain, input_references=references(sounds=1)
    )
    assert with_sound.micros == quoted("bytedance/seedance-2.0-mini", **plain).micros


def test_frames_beside_references_get_the_higher_price_of_both_modes() -> None:
    both = quoted(
        "heygen/heygen-video-1",
        duration=5,
        resolution="480p",
        frame_images=frames(1),
        input_references=references(1),
    )

    assert both.micros == 200_000


def test_a_frame_is_priced_as_a_reference_if_only_references_have_a_price() -> None:
    frame = quoted("heygen/heygen-video-1", duration=5, resolution="480p", frame_images=frames(1))

    assert frame.micros == 200_000


def test_4k_without_audio_takes_the_higher_of_the_two_prices_that_may_be_billed() -> None:
    fields = {"duration": 4, "resolution": "4K", "aspect_ratio": "16:9"}
    silent = quoted("bytedance/seedance-2.0", generate_audio=False, **fields)
    loud = quoted("bytedance/seedance-2.0", generate_audio=True, **fields)

    assert "video_tokens_without_audio" in "".join(silent.lines)
    assert silent.micros > loud.micros


@pytest.mark.parametrize(
    ("size", "micros"),
    [
        ("1280x720", 2_400_000),  # 8 s x 0.30
        ("1080x1920", 4_000_000),
        ("1792x1024", 4_000_000),  # not listed, nearest to 1080p
        ("720p", 2_400_000),
        ("unheard of", 4_000_000),
    ],
)
def test_a_size_determines_the_resolution(size: str, micros: int) -> None:
    assert quoted("openai/sora-2-pro", duration=8, size=size).micros == micros


def test_a_size_beside_another_resolution_gets_the_higher_price() -> None:
    for resolution, size in [("720p", "1920x1080"), ("1080p", "1280x720")]:
        answer = quoted("openai/sora-2-pro", duration=8, size=size, resolution=resolution)
        assert answer.micros == 4_000_000
        assert answer.assumptions == (
            "resolution: assumed 1080p, the most expensive; set resolution",
        )


def test_a_size_alone_determines_the_ratio_of_a_token_video() -> None:
    mini = "bytedance/seedance-2.0-mini"

    assert quoted(mini, duration=4, size="480x480", generate_audio=False).micros == 135_800
    contradicted = quoted(mini, duration=4, size="480x480", aspect_ratio="16:9")
    assert contradicted.micros == quoted(mini, duration=4, resolution="480p").micros


@pytest.mark.parametrize(
    ("model", "options", "like"),
    [
        ("openai/sora-2-pro", {"quality": "high"}, {"resolution": None}),
        ("openai/sora-2-pro", {"parameters": {"quality": "high"}}, {"resolution": None}),
        ("alibaba/wan-2.6", {"size": "1920*1080"}, {"resolution": None}),
        ("google/veo-3.1", {"generate-audio": True}, {"generate_audio": None}),
        ("google/veo-3.1", {"duration": 8}, {"duration": None}),
        ("google/veo-3.1", {"Num_Frames": 240}, {"duration": None}),
        ("alibaba/wan-2.6", {"images": ["https://x/i.png"]}, {"frame_images": frames(1)}),
    ],
)
def test_a_provider_parameter_that_may_override_a_field_leaves_it_open(
    model: str, options: dict[str, Any], like: dict[str, Any]
) -> None:
    can = LIVE.models[model]
    shortest = min(can.durations or (4,))
    stated = {"duration": shortest, "resolution": "720p", "generate_audio": False}

    overridden = quoted(model, **stated, provider_options={"some": options})

    assert overridden.micros == quoted(model, **{**stated, **like}).micros
    assert overridden.micros > quoted(model, **stated).micros


def test_other_provider_parameters_change_nothing() -> None:
    stated = {"duration": 4, "resolution": "720p", "generate_audio": False}
    harmless = {"vertex": {"negativePrompt": "fog", "size": None, "parameters": {"aspectRatio": 1}}}

    answer = quoted("google/veo-3.1", **stated, provider_options=harmless)

    assert answer == quoted("google/veo-3.1", **stated)


def test_images_hidden_in_provider_parameters_are_counted() -> None:
    hidden = {"minimax": {"parameters": {"images": ["a", "b", "c"]}}}

    answer = quoted("minimax/hailuo-3", duration=5, provider_options=hidden)

    assert answer.micros == 650_000 + 3 * 40_000


def test_a_minimum_raises_the_price_of_a_short_video_only() -> None:
    can = model_with({"cents_per_second_output": "28", "minimum_cents_per_generation": "200"})

    short, long = (estimate(ask("acme/video", duration=n), can) for n in (4, 8))

    assert isinstance(short, Estimate)
    assert isinstance(long, Estimate)
    assert (short.micros, long.micros) == (2_000_000, 2_240_000)
    assert short.lines[-1] == "at least 2.00 USD (minimum_cents_per_generation)"


@pytest.mark.parametrize(
    ("key", "assumption"),
    [
        ("per-video-second", ()),
        ("generate", ("the catalog's price `generate` is read as dollars per second",)),
    ],
)
def test_documented_aliases_price_by_the_second(key: str, assumption: tuple[str, ...]) -> None:
    answer = estimate(ask("acme/video", duration=4), model_with({key: "0.5"}))

    assert isinstance(answer, Estimate)
    assert answer.micros == 2_000_000
    assert answer.assumptions == assumption


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        ({}, "no price per second or per token"),
        ({"reference_images": "0.04"}, "no price per second or per token"),
        ({"duration_seconds": "free"}, "unreadable prices: duration_seconds"),
        ({"duration_seconds": "0.1", "cents_per_meteor": "1"}, "unknown kind: cents_per_meteor"),
        ({"cents_per_megapixel_second_precise": "7.5"}, "megapixel-second"),
        ({"duration_seconds": "999999"}, "implausible"),
    ],
)
def test_an_unpriced_request_has_a_reason_and_never_costs_zero(
    prices: dict[str, str], reason: str
) -> None:
    answer = estimate(ask("acme/video", duration=8), model_with(prices))

    assert isinstance(answer, Unpriced)
    assert reason in answer.reason
    assert answer.fields == ()


def test_a_price_list_that_is_not_an_object_is_unpriced() -> None:
    raw = {"id": "a", "supported_durations": [4], "pricing_skus": ["0.1"]}

    answer = estimate(ask("a"), parse_capabilities(raw))

    assert answer == Unpriced("unreadable prices: pricing_skus")


def test_a_zero_price_must_be_written_as_zero() -> None:
    answer = estimate(ask("acme/video"), model_with({"duration_seconds": "0"}))

    assert isinstance(answer, Estimate)
    assert answer.micros == 0
    assert answer.lines == ("8 s x 0 USD/s (duration_seconds) = 0.00 USD",)


def test_a_field_that_would_make_a_price_possible_is_listed() -> None:
    prices = {"duration_seconds_with_audio_720p": "0.1"}
    can = model_with(prices, supported_resolutions=["720p", "1080p"])

    assert estimate(ask("acme/video", generate_audio=True), can) == Unpriced(
        "the catalog has no price for 1080p with audio", ("resolution",)
    )
    assert estimate(ask("acme/video", resolution="720p"), can) == Unpriced(
        "the catalog has no price for 720p without audio", ("resolution", "generate_audio")
    )
    priced = estimate(ask("acme/video", resolution="720p", generate_audio=True), can)
    assert isinstance(priced, Estimate)


def test_without_listed_resolutions_the_most_expensive_key_counts() -> None:
    can = model_with({"text_to_video_duration_seconds_480p": "0.9", "duration_seconds_720p": "0.2"})

    by_text = estimate(ask("acme/video", duration=4), can)
    by_image = estimate(ask("acme/video", duration=4, frame_images=frames(1)), can)
    stated = estimate(ask("acme/video", duration=4, resolution="720P"), can)
    unsold = estimate(ask("acme/video", duration=4, resolution="4K"), can)

    assert isinstance(by_text, Estimate)
    assert isinstance(by_image, Estimate)
    assert isinstance(stated, Estimate)
    assert (by_text.micros, by_image.micros, stated.micros) == (3_600_000, 800_000, 800_000)
    assert isinstance(unsold, Unpriced)


def test_a_price_with_more_digits_than_decimals_hold_is_still_rounded_up_only() -> None:
    price = "0.00000" + "3" * 30
    can = model_with({"video_tokens": price}, supported_resolutions=["480p"])

    answer = estimate(ask("acme/video", duration=8, resolution="480p"), can)

    assert isinstance(answer, Estimate)
    exact = Decimal(430_080 // 1024 * 193) * 1_000_000 * Decimal(price)  # 420 x 193 tokens
    assert 0 <= answer.micros - exact < 1


def test_an_estimate_is_raised_to_a_higher_past_cost() -> None:
    quote = Estimate(Micros(100_000), ("a line",), ("an assumption",))

    assert raised(quote, None) is quote
    assert raised(quote, 100_000) is quote
    assert raised(quote, 150_000) == Estimate(
        Micros(150_000),
        ("a line", "raised to 0.15 USD, the past cost of similar jobs"),
        ("an assumption",),
    )


def test_one_outlier_raises_an_estimate_to_three_times_the_catalog_at_most() -> None:
    quote = Estimate(Micros(50_000), ())

    assert raised(quote, 48_514_000_000).micros == 150_000
    assert raised(Estimate(Micros(0), ()), 48_514_000_000).micros == 0


def test_a_price_profile_contains_the_stated_fields_in_one_spelling() -> None:
    veo = LIVE.models["google/veo-3.1"]

    written = [
        price_profile(ask("x", resolution=r, size=None, duration=8, generate_audio=True), veo, "up")
        for r in ("4K", "4k")
    ]

    assert len(set(written)) == 1
    assert written[0].key.startswith("up|google/veo-3.1|4k|8|true|")


def test_a_field_that_affects_the_price_changes_the_profile() -> None:
    veo = LIVE.models["google/veo-3.1"]
    bases: list[dict[str, Any]] = [
        {},
        {"duration": 8},
        {"resolution": "720p"},
        {"resolution": "1080p"},
        {"generate_audio": False},
        {"input_references": references(1)},
        {"input_references": references(3)},
        {"frame_images": frames(1)},
        {"provider_options": {"p": {"parameters": {"durationSeconds": 4}}}},
    ]

    keys = [price_profile(ask("x", **fields), veo, "up").key for fields in bases]
    keys.append(price_profile(ask("x"), veo, "other").key)
    dearer = {name: price * 2 for name, price in veo.prices.items()}
    keys.append(price_profile(ask("x"), dataclasses.replace(veo, prices=dearer), "up").key)

    assert len(set(keys)) == len(keys)


def test_a_profile_contains_no_free_text_of_a_client() -> None:
    unknown = model_with({"duration_seconds": "1"})

    key = price_profile(ask("x", resolution="my|secret" * 99), unknown, "up").key

    assert key.startswith("up|acme/video||||")
    assert "secret" not in key


OPEN_FIELDS = ("duration", "resolution", "aspect_ratio", "size", "generate_audio")


@st.composite
def valid_requests(draw: st.DrawFn) -> VideoRequest:
    """A request with every price-relevant field, within a real model's capabilities."""
    can = LIVE.models[draw(st.sampled_from(PRICED))]

    def some(values: tuple[Any, ...] | None) -> Any:
        return draw(st.sampled_from(values)) if values else None

    by_size = can.sizes and draw(st.booleans())
    kinds = can.frame_images or ()
    request = ask(
        can.id,
        duration=some(can.durations),
        resolution=None if by_size else some(can.resolutions),
        aspect_ratio=None if by_size else some(can.aspect_ratios),
        size=some(can.sizes) if by_size else None,
        generate_audio=draw(st.booleans()) if can.generate_audio is not False else False,
        frame_images=frames(draw(st.integers(0, len(kinds)))),
        input_references=references(*(draw(st.integers(0, 2)) for _ in range(3))),
        previous_job_id=draw(st.sampled_from([None, None, "gen-vid-1-abc"])),
    )
    assume(not check(request, can))
    return request


def micros(request: VideoRequest) -> int:
    answer = estimate(request, LIVE.models[request.model])
    assert isinstance(answer, Estimate)
    assert answer.micros > 0
    return answer.micros


@settings(max_examples=400)
@given(valid_requests(), st.sets(st.sampled_from(OPEN_FIELDS), min_size=1))
def test_leaving_fields_out_never_lowers_the_estimate(
    request: VideoRequest, left_out: set[str]
) -> None:
    """In other words: whatever the upstream fills in costs at most the estimate."""
    nothing: dict[str, Any] = dict.fromkeys(left_out)
    shorter = dataclasses.replace(request, **nothing)

    assert micros(shorter) >= micros(request)


@settings(max_examples=200)
@given(valid_requests())
def test_a_longer_video_never_costs_less(request: VideoRequest) -> None:
    durations = sorted(LIVE.models[request.model].durations or ())

    costs = [micros(dataclasses.replace(request, duration=seconds)) for seconds in durations]

    assert costs == sorted(costs)


@settings(max_examples=200)
@given(valid_requests(), st.integers(1, 3), st.sampled_from(["image", "video"]))
def test_more_inputs_never_cost_less(request: VideoRequest, count: int, kind: str) -> None:
    more = references(count) if kind == "image" else references(videos=count)

    with_more = dataclasses.replace(request, input_references=(*request.input_references, *more))

    assert micros(with_more) >= micros(request)


prices_of_any_kind = st.dictionaries(
    st.sampled_from(sorted({key for model in MODELS for key in model["pricing_skus"]}))
    | st.sampled_from(["per-video-second", "generate", "duration_seconds_2k", "surprise"]),
    st.decimals(min_value=0, max_value=10**6, places=9).map(str)
    | st.sampled_from(["0", "1e-39", "free", "-1", "0." + "9" * 37]),
    max_size=6,
)


@settings(max_examples=400)
@given(
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["acme/video", "bytedance/new"]),
            "pricing_skus": prices_of_any_kind,
        },
        optional={
            "supported_durations": st.lists(st.integers(1, 90_000), max_size=3),
            "supported_resolutions": st.lists(st.sampled_from(["480p", "4K", "hd", ""])),
            "supported_sizes": st.lists(st.sampled_from(["640x640", "99999x99999", "big"])),
            "generate_audio": st.none() | st.booleans(),
        },
    ),
    st.fixed_dictionaries(
        {
            "duration": st.none() | st.integers(1, 2**63),
            "resolution": st.none() | st.text(max_size=5) | st.sampled_from(["480P", "2K"]),
            "size": st.none() | st.text(max_size=5) | st.sampled_from(["1x99999", "4k"]),
            "aspect_ratio": st.none() | st.text(max_size=5) | st.sampled_from(["1:1", "1:99999"]),
            "generate_audio": st.none() | st.booleans(),
            "input_references": st.builds(references, st.integers(0, 2), st.integers(0, 1)),
        }
    ),
)
def test_every_catalog_and_request_gives_an_estimate_or_a_reason(
    raw: dict[str, Any], fields: dict[str, Any]
) -> None:
    can = parse_capabilities(raw)

    answer = estimate(ask(raw["id"], **fields), can)

    if isinstance(answer, Unpriced):
        assert answer.reason
        return
    assert answer.micros >= 0
    assert answer.micros < 2**63
    assert answer.lines
    assert not can.unreadable_prices
    assert "surprise" not in can.prices
    if answer.micros == 0:
        assert any(price == 0 for price in can.prices.values())
