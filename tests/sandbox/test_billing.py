"""Tests of exact charges: the recorded ones, and each family of price keys."""

import itertools
from decimal import Decimal
from typing import Any

import pytest

from gateway.sandbox.billing import PriceUnknown, Render, price
from gateway.sandbox.catalog import Catalog, Model
from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.render_plan import plan_render
from gateway.sandbox.request import read_request
from gateway.sandbox.validation import check_request

CATALOG = Catalog.recorded()
CONFIG = SandboxConfig()
CLIP = {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
FIRST = {**IMAGE, "frame_type": "first_frame"}


def charge(model: str, **body: Any) -> Decimal:
    request = read_request({"model": model, "prompt": "x", **body}, "standard")
    entry = CATALOG.models[model]
    check_request(request, entry, CONFIG)
    return plan_render(request, entry, CONFIG).list_price


RECORDED = [
    # docs/openrouter-contract.md section 6, "Prices confirmed by a real charge"
    (
        "x-ai/grok-imagine-video",
        {"duration": 1, "resolution": "480p", "frame_images": [FIRST]},
        "0.052",
    ),
    (
        "bytedance/seedance-2.0-mini",
        {"duration": 4, "resolution": "480p", "aspect_ratio": "1:1", "generate_audio": False},
        "0.1358",
    ),
    (
        "google/veo-3.1-lite",
        {"duration": 4, "resolution": "720p", "generate_audio": False},
        "0.12",
    ),
    (
        "google/veo-3.1-lite",
        {"duration": 4, "resolution": "1080p", "generate_audio": False},
        "0.20",
    ),
]


@pytest.mark.parametrize(("model", "body", "dollars"), RECORDED)
def test_recorded_charges_are_exact(model: str, body: dict[str, Any], dollars: str) -> None:
    assert charge(model, **body) == Decimal(dollars)


FAMILIES = [
    # audio keys, most specific first
    ("google/veo-3.1", {"duration": 8, "resolution": "4K"}, "4.80"),
    ("google/veo-3.1", {"duration": 8, "resolution": "1080p", "generate_audio": False}, "1.60"),
    ("google/veo-3.1-fast", {"duration": 4, "resolution": "720p"}, "0.40"),
    ("google/veo-3.1-fast", {"duration": 4, "resolution": "1080p"}, "0.48"),
    # Kling: audio costs more than the mode keys
    ("kwaivgi/kling-v3.0-pro", {"duration": 5}, "0.84"),
    ("kwaivgi/kling-v3.0-pro", {"duration": 5, "generate_audio": False}, "0.56"),
    # by mode
    ("alibaba/wan-2.6", {"duration": 5, "resolution": "1080p"}, "0.60"),
    ("alibaba/wan-2.6", {"duration": 5, "resolution": "1080p", "frame_images": [FIRST]}, "0.75"),
    # by reference
    (
        "heygen/heygen-video-1",
        {"duration": 5, "resolution": "768p", "input_references": [IMAGE]},
        "0.30",
    ),
    (
        "heygen/heygen-video-1",
        {"duration": 5, "resolution": "768p", "frame_images": [FIRST]},
        "0.15",
    ),
    # plain seconds, with and without a key for the resolution
    ("minimax/hailuo-3-max", {"duration": 5, "resolution": "480p"}, "0.25"),
    ("openai/sora-2-pro", {"duration": 8, "size": "1920x1080"}, "4.00"),
    ("minimax/hailuo-2.3", {"duration": 6}, "0.4902"),
    # plus images
    ("minimax/hailuo-3", {"duration": 5, "input_references": [IMAGE, IMAGE]}, "0.73"),
    (
        "x-ai/grok-imagine-video-1.5",
        {"duration": 15, "resolution": "1080p", "frame_images": [FIRST]},
        "3.76",
    ),
    # cents
    ("runway/gen-4.5", {"duration": 2}, "0.24"),
    ("black-forest-labs/flux-3-video", {"duration": 5, "resolution": "1080p"}, "1.45"),
    ("runway/aleph-2", {"input_references": [CLIP]}, "2.24"),
    ("black-forest-labs/flux-video-edit", {"input_references": [CLIP]}, "0.24"),
    ("heygen/avatar-iv", {}, "0.40"),
    # tokens: by input, then resolution, then audio
    ("bytedance/seedance-1-5-pro", {"duration": 4, "resolution": "720p"}, "0.20952"),
    (
        "bytedance/seedance-1-5-pro",
        {"duration": 4, "resolution": "720p", "generate_audio": False},
        "0.10476",
    ),
    (
        "bytedance/seedance-2.0",
        {"duration": 4, "resolution": "4K", "generate_audio": False},
        "3.1428",
    ),
    (
        "bytedance/seedance-2.0",
        {"duration": 4, "resolution": "1080p", "input_references": [CLIP]},
        "0.92319750",
    ),
    # area: 8 s of 1280x720 with both sides doubled
    (
        "black-forest-labs/flux-video-upscale",
        {"input_references": [CLIP]},
        "2.21184",
    ),
    (
        "black-forest-labs/flux-video-upscale",
        {"input_references": [CLIP], "creativity": 1, "upscale_factor": 1.5},
        "1.741824",
    ),
]


@pytest.mark.parametrize(("model", "body", "dollars"), FAMILIES)
def test_every_family_of_price_keys_follows_the_contract(
    model: str, body: dict[str, Any], dollars: str
) -> None:
    assert charge(model, **body) == Decimal(dollars)


def test_a_charge_is_at_least_the_minimum_of_the_model() -> None:
    skus = {"cents_per_second_output": "28", "minimum_cents_per_generation": "56"}

    assert price(skus, Render(1, 1280, 720, None)) == Decimal("0.56")
    assert price(skus, Render(3, 1280, 720, None)) == Decimal("0.84")


def test_a_free_model_costs_nothing_and_an_unknown_family_is_an_error() -> None:
    render = Render(4, 640, 640, "480p")

    assert price({"video_tokens": "0"}, render) == 0
    with pytest.raises(PriceUnknown):
        price({"dollars_per_smile": "1"}, render)


def test_documented_key_names_are_supported() -> None:
    skus = {"per-video-second": "0.5", "per-video-second-1080p": "0.75"}

    assert price(skus, Render(4, 1920, 1080, "1080p")) == 3
    assert price(skus, Render(4, 1280, 720, "720p")) == 2


def corners(model: Model) -> list[dict[str, Any]]:
    """Shortest and longest, every resolution, with and without sound and pictures."""
    durations = model.durations or (None,)
    inputs: list[dict[str, Any]] = [{}]
    if model.needs_source:
        inputs = [{"input_references": [CLIP]}]
    elif model.frame_types:
        inputs.append({"frame_images": [FIRST]})
        inputs.append({"input_references": [IMAGE]})
    sounds: tuple[bool | None, ...] = (True, False) if model.audio else (None,)
    return [
        {"duration": duration, "resolution": resolution, "generate_audio": sound, **given}
        for duration, resolution, sound, given in itertools.product(
            {durations[0], durations[-1]}, model.resolutions or (None,), sounds, inputs
        )
    ]


@pytest.mark.parametrize("model", CATALOG.models.values(), ids=lambda model: model.id)
def test_every_model_is_priced_at_its_corners(model: Model) -> None:
    prices: dict[object, list[tuple[int, Decimal]]] = {}
    for body in corners(model):
        charged = charge(model.id, **body)
        assert charged > 0
        shape = tuple(sorted((key, str(value)) for key, value in body.items() if key != "duration"))
        prices.setdefault(shape, []).append((body["duration"] or 0, charged))

    for points in prices.values():
        ordered = sorted(points)
        assert [charged for _, charged in ordered] == sorted(charged for _, charged in ordered)


def test_the_catalog_is_the_recorded_one() -> None:
    models = CATALOG.models.values()

    assert len(models) == 30
    assert len({key for model in models for key in model.skus}) == 39
