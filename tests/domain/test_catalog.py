"""The catalog: lookup by id and slug, suggestions, and differences between two catalogs."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.catalog import CatalogChange, changes, parse_catalog

MODELS = json.loads((Path(__file__).parent.parent / "data" / "models.json").read_text())["data"]
LIVE = parse_catalog(MODELS)


def live() -> list[dict[str, Any]]:
    return copy.deepcopy(MODELS)


def model(data: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in data if entry["id"] == name)


def test_the_real_catalog_is_parsed_without_problems() -> None:
    assert list(LIVE.models) == [entry["id"] for entry in MODELS]
    assert len(LIVE.models) == 30
    assert LIVE.problems == ()


def test_a_model_is_found_by_id_and_by_canonical_slug() -> None:
    hailuo = LIVE.models["minimax/hailuo-3"]

    assert LIVE.get("minimax/hailuo-3") is hailuo
    assert LIVE.get("minimax/hailuo-03-20260730") is hailuo
    assert LIVE.get("minimax/hailuo-4") is None
    assert LIVE.get("") is None


def test_a_bad_entry_is_reported_and_the_rest_is_kept() -> None:
    data: list[Any] = [None, {"id": ""}, *live(), model(live(), "google/veo-3.1")]

    catalog = parse_catalog(data)

    assert len(catalog.models) == 30
    assert [problem.split(":")[0] for problem in catalog.problems] == [
        "data[0]",
        "data[1]",
        "data[32]",
    ]
    assert catalog.problems[2] == "data[32]: google/veo-3.1 is listed twice; the first is kept"


@pytest.mark.parametrize("data", [None, {}, "models", 5])
def test_a_catalog_that_is_not_a_list_is_rejected(data: Any) -> None:
    with pytest.raises(ValueError, match="must be a list of models"):
        parse_catalog(data)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("veo-3.1", "google/veo-3.1"),
        ("google/veo3.1", "google/veo-3.1"),
        ("Google/VEO-3.1-Lite", "google/veo-3.1-lite"),
        ("openai/sora-2", "openai/sora-2-pro"),
        ("bytedance/seedance-1.5-pro", "bytedance/seedance-1-5-pro"),
        ("x-ai/grok-imagine", "x-ai/grok-imagine-video"),
        ("klingai/kling-v3.0-pro", "kwaivgi/kling-v3.0-pro"),
    ],
)
def test_a_misspelled_model_gets_the_intended_one_as_first_suggestion(
    written: str, meant: str
) -> None:
    near = LIVE.near(written)

    assert near[0] == meant
    assert len(near) <= 3


@pytest.mark.parametrize("written", ["gpt-4o", "", "zzzzzz", "/"])
def test_an_unlike_name_gets_no_suggestion(written: str) -> None:
    assert LIVE.near(written) == ()


@given(st.text())
def test_suggesting_never_fails(written: str) -> None:
    assert len(LIVE.near(written)) <= 3


def test_only_the_start_of_a_huge_name_is_compared() -> None:
    assert LIVE.near("google/veo-3.1" * 100_000) is not None


def test_equal_catalogs_have_no_changes_whatever_the_order_and_spelling() -> None:
    data = live()
    data.reverse()
    model(data, "google/veo-3.1-lite")["supported_durations"] = [4, 6, 8]
    model(data, "kwaivgi/kling-video-o1")["pricing_skus"] = {"duration_seconds": "0.112"}
    model(data, "google/veo-3.1")["description"] = "other words"

    assert changes(LIVE, parse_catalog(data)) == ()


def test_added_and_removed_models_are_reported() -> None:
    data = [entry for entry in live() if entry["id"] != "openai/sora-2-pro"]
    data.append({**model(data, "google/veo-3.1"), "id": "google/veo-4"})

    assert changes(LIVE, parse_catalog(data)) == (
        CatalogChange("added", "google/veo-4"),
        CatalogChange("removed", "openai/sora-2-pro"),
    )


def test_every_changed_price_is_reported_with_both_values() -> None:
    data = live()
    prices = model(data, "google/veo-3.1")["pricing_skus"]
    prices["duration_seconds_with_audio"] = "0.50"
    del prices["duration_seconds_without_audio"]
    prices["duration_seconds_with_audio_8k"] = "1"
    prices["duration_seconds_with_audio_4k"] = "call us"
    prices["duration_seconds_with_audio_9k"] = "call us"

    assert changes(LIVE, parse_catalog(data)) == tuple(
        CatalogChange("price", "google/veo-3.1", f"pricing_skus.{key}", before, after)
        for key, before, after in [
            ("duration_seconds_with_audio", "0.40", "0.50"),
            ("duration_seconds_with_audio_4k", "0.60", "unreadable"),
            ("duration_seconds_with_audio_8k", None, "1"),
            ("duration_seconds_with_audio_9k", None, "unreadable"),
            ("duration_seconds_without_audio", "0.20", None),
        ]
    )


def test_changed_capabilities_are_reported_under_the_catalogs_names() -> None:
    data = live()
    veo = model(data, "google/veo-3.1")
    veo["supported_durations"] = [4, 6]
    veo["generate_audio"] = None
    model(data, "black-forest-labs/flux-video-upscale")["upscale_factor"] = {"min": 1.5, "max": 4}

    told = changes(LIVE, parse_catalog(data))

    assert told == (
        CatalogChange(
            "capability",
            "black-forest-labs/flux-video-upscale",
            "upscale_factor",
            {"min": "1.5", "max": "3"},
            {"min": "1.5", "max": "4"},
        ),
        CatalogChange("capability", "google/veo-3.1", "supported_durations", [4, 6, 8], [4, 6]),
        CatalogChange("capability", "google/veo-3.1", "generate_audio", True, None),
    )
    assert json.loads(json.dumps([change.after for change in told]))
