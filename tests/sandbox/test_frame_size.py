"""Tests of output sizes: the recorded exceptions, and the listed sizes."""

import pytest

from gateway.sandbox.catalog import Catalog, Model
from gateway.sandbox.frame_size import described_size, equal_area_of, nominal_size, rendered_size

CATALOG = Catalog.recorded()


@pytest.mark.parametrize(
    ("model", "resolution", "ratio", "size"),
    [
        ("bytedance/seedance-2.0-mini", "480p", "1:1", (640, 640)),  # recorded
        ("x-ai/grok-imagine-video", "480p", "1:1", (544, 544)),  # recorded
        ("x-ai/grok-imagine-video", "480p", "16:9", (854, 480)),
        ("bytedance/seedance-2.0-mini", "720p", "9:21", (630, 1470)),
        ("bytedance/seedance-2.0", "4K", "16:9", (3840, 2160)),
        ("google/veo-3.1", "4K", "9:16", (2160, 3840)),
        ("minimax/hailuo-3", "2K", "1:1", (1440, 1440)),
        ("minimax/hailuo-3-max", "768p", "16:9", (1366, 768)),
    ],
)
def test_what_is_rendered_is_what_was_recorded_or_listed(
    model: str, resolution: str, ratio: str, size: tuple[int, int]
) -> None:
    assert rendered_size(model, resolution, ratio) == size


@pytest.mark.parametrize("model", CATALOG.models.values(), ids=lambda model: model.id)
def test_every_size_has_two_even_sides(model: Model) -> None:
    shapes = [
        rendered_size(model.id, resolution, ratio)
        for resolution in model.resolutions or ("720p",)
        for ratio in model.aspect_ratios or ("16:9",)
    ]

    assert shapes
    assert all(side % 2 == 0 and side > 0 for shape in shapes for side in shape)


@pytest.mark.parametrize("model", CATALOG.models.values(), ids=lambda model: model.id)
def test_a_listed_size_stands_for_a_supported_resolution_and_ratio(model: Model) -> None:
    for size in model.sizes or ():
        resolution, ratio = equal_area_of(size) or described_size(size)
        assert resolution in (model.resolutions or ())
        assert ratio in (model.aspect_ratios or ())


def test_seedance_keeps_the_area_whatever_the_ratio() -> None:
    for resolution, pixels in (("480p", 640 * 640), ("720p", 960 * 960), ("1080p", 1440 * 1440)):
        for ratio in ("16:9", "4:3", "1:1", "21:9", "9:21", "3:4"):
            width, height = rendered_size("bytedance/seedance-2.0", resolution, ratio)
            assert abs(width * height / pixels - 1) < 0.05


def test_the_shorter_side_is_the_resolution() -> None:
    assert nominal_size("480p", "16:9") == (854, 480)
    assert nominal_size("1080p", "9:21") == (1080, 2520)
    assert nominal_size("1K", "3:2") == (1536, 1024)
