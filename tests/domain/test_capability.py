"""Parsing a catalog entry into capabilities, or rejecting it with a reason."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.capability import Capabilities, NumberRange, parse_capabilities

MODELS = json.loads((Path(__file__).parent.parent / "data" / "models.json").read_text())["data"]

WORST: dict[str, Any] = {
    "id": "a/b",
    "canonical_slug": 7,
    "name": [],
    "supported_resolutions": "720p",
    "supported_aspect_ratios": ["16:9", 5],
    "supported_sizes": {},
    "supported_durations": [4, "8"],
    "supported_frame_images": [None],
    "upscale_factor": [1, 2],
    "creativity": [0.5],
    "generate_audio": "yes",
    "seed": 1,
    "allowed_passthrough_parameters": None,
    "pricing_skus": [1],
}

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.decimals()
    | st.text(max_size=20)
    | st.sampled_from(["0.40", "1e-7", "-1", "NaN", "720p", "16:9", "1280x720"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


def test_every_field_of_a_real_entry_is_parsed() -> None:
    raw = next(model for model in MODELS if model["id"] == "google/veo-3.1-lite")

    read = parse_capabilities(raw)

    assert read == Capabilities(
        id="google/veo-3.1-lite",
        canonical_slug="google/veo-3.1-lite-20260331",
        name="Google: Veo 3.1 Lite",
        resolutions=("720p", "1080p"),
        aspect_ratios=("16:9", "9:16"),
        sizes=("1280x720", "720x1280", "1920x1080", "1080x1920"),
        durations=(8, 4, 6),
        frame_images=("first_frame", "last_frame"),
        generate_audio=True,
        seed=True,
        passthrough=(
            "personGeneration",
            "aspectRatio",
            "negativePrompt",
            "conditioningScale",
            "enhancePrompt",
        ),
        prices={
            "duration_seconds_with_audio": Decimal("0.08"),
            "duration_seconds_without_audio": Decimal("0.05"),
            "duration_seconds_with_audio_720p": Decimal("0.05"),
            "duration_seconds_without_audio_720p": Decimal("0.03"),
        },
    )
    assert read.entry is raw


def test_an_upscaler_is_parsed_with_its_range_and_steps() -> None:
    raw = next(model for model in MODELS if model["id"].endswith("flux-video-upscale"))

    read = parse_capabilities(raw)

    assert read.upscale_factor == NumberRange(Decimal("1.5"), Decimal(3))
    assert read.creativity == (0, 1)
    assert (read.durations, read.resolutions, read.frame_images) == (None, None, None)


@pytest.mark.parametrize("raw", MODELS, ids=lambda raw: raw["id"])
def test_every_real_entry_has_readable_prices(raw: dict[str, Any]) -> None:
    read = parse_capabilities(raw)

    assert read.unreadable_prices == ()
    assert set(read.prices) == set(raw["pricing_skus"])
    assert read.passthrough == tuple(raw["allowed_passthrough_parameters"])


def test_a_field_of_the_wrong_type_is_unknown_and_the_others_are_kept() -> None:
    read = parse_capabilities(WORST)

    assert read == Capabilities("a/b", "a/b", "a/b", unreadable_prices=("pricing_skus",))


def test_an_empty_list_is_unknown_but_empty_passthrough_means_none() -> None:
    raw = {"id": "a/b", "supported_durations": [], "allowed_passthrough_parameters": []}

    read = parse_capabilities(raw)

    assert read.durations is None
    assert read.passthrough == ()


@pytest.mark.parametrize("durations", [[4.0, Decimal("8.0")], [4, 8]])
def test_a_duration_written_as_4_0_is_4(durations: list[Any]) -> None:
    assert parse_capabilities({"id": "a", "supported_durations": durations}).durations == (4, 8)


@pytest.mark.parametrize("odd", [0, -4, True, 4.5, float("nan"), float("inf"), "4", 10**400])
def test_an_invalid_duration_makes_all_durations_unknown(odd: Any) -> None:
    assert parse_capabilities({"id": "a", "supported_durations": [4, odd]}).durations is None


@pytest.mark.parametrize(
    ("spelled", "price"),
    [
        ("0.1120", "0.112"),
        ("0.000002475", "0.000002475"),
        ("4e-7", "0.0000004"),
        ("0", "0"),
        (3, "3"),
        (0.2, "0.2"),
        (Decimal("10.5"), "10.5"),
    ],
)
def test_a_price_is_parsed_exactly(spelled: Any, price: str) -> None:
    read = parse_capabilities({"id": "a", "pricing_skus": {"duration_seconds": spelled}})

    assert read.prices == {"duration_seconds": Decimal(price)}
    assert read.unreadable_prices == ()


@pytest.mark.parametrize(
    "spelled",
    [
        *(
            "",
            "free",
            "-0.1",
            "-0",
            "NaN",
            "Infinity",
            "1_000",
            "0,4",
            "$1",
            "1e9",
            "1e99",
            "\u0661",
        ),
        *("0." + "1" * 60, None, True, [], {}, float("nan"), float("inf"), -1, 10**7),
    ],
)
def test_an_unreadable_price_is_reported_and_never_zero(spelled: Any) -> None:
    prices = {"duration_seconds": "0.1", "duration_seconds_720p": spelled}

    read = parse_capabilities({"id": "a", "pricing_skus": prices})

    assert read.unreadable_prices == ("duration_seconds_720p",)
    assert read.prices == {"duration_seconds": Decimal("0.1")}


@pytest.mark.parametrize("prices", [None, {}])
def test_without_a_price_list_there_is_no_price(prices: Any) -> None:
    read = parse_capabilities({"id": "a", "pricing_skus": prices})

    assert (read.prices, read.unreadable_prices) == ({}, ())


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"id": ""}, {"id": 5}, {"id": "x" * 201}])
def test_an_entry_without_a_usable_id_is_refused(raw: Any) -> None:
    with pytest.raises(ValueError, match="a catalog entry must"):
        parse_capabilities(raw)


@given(st.dictionaries(st.sampled_from(sorted(WORST)), json_values))
def test_no_entry_raises_anything_but_a_value_error(raw: Any) -> None:
    try:
        read = parse_capabilities(raw)
    except ValueError:
        return
    assert all(price >= 0 for price in read.prices.values())
    assert read.durations is None or min(read.durations) > 0
