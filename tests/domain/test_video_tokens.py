"""Video tokens: the assumed pixels are never fewer than the rendered ones."""

import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from gateway.domain.capability import Capabilities
from gateway.domain.catalog import parse_catalog
from gateway.domain.resolution import Size, parse_ratio
from gateway.domain.video_tokens import largest_picture, tokens

LIVE = parse_catalog(
    json.loads((Path(__file__).parent.parent / "data" / "models.json").read_text())["data"]
)
SEEDANCE = [model for model in LIVE.models.values() if model.id.startswith("bytedance/")]

# Output pixels of Seedance 1.5, 2.0 and 2.5 as ByteDance publishes them, landscape and portrait.
PUBLISHED = {
    ("480p", "16:9"): ["864x496", "854x480"],
    ("480p", "4:3"): ["752x560"],
    ("480p", "1:1"): ["640x640"],
    ("480p", "3:4"): ["560x752"],
    ("480p", "9:16"): ["496x864", "480x854"],
    ("480p", "21:9"): ["992x432"],
    ("720p", "16:9"): ["1280x720"],
    ("720p", "4:3"): ["1112x834"],
    ("720p", "1:1"): ["960x960"],
    ("720p", "3:4"): ["834x1112"],
    ("720p", "9:16"): ["720x1280"],
    ("720p", "21:9"): ["1470x630"],
    ("1080p", "16:9"): ["1920x1080"],
    ("1080p", "4:3"): ["1664x1248"],
    ("1080p", "1:1"): ["1440x1440"],
    ("1080p", "3:4"): ["1248x1664"],
    ("1080p", "9:16"): ["1080x1920"],
    ("1080p", "21:9"): ["2206x946"],
    ("4K", "16:9"): ["3840x2160"],
    ("4K", "4:3"): ["3326x2494"],
    ("4K", "1:1"): ["2880x2880"],
    ("4K", "9:16"): ["2160x3840"],
    ("4K", "21:9"): ["4398x1886"],
}


def pixels(size: str) -> int:
    width, height = map(int, size.split("x"))
    return width * height


def test_the_recorded_job_has_its_recorded_tokens() -> None:
    assert tokens(640 * 640, 4) == 38_800
    assert tokens(640 * 640, 4) * Decimal("0.0000035") == Decimal("0.1358")


@pytest.mark.parametrize("model", SEEDANCE, ids=lambda model: model.id)
@pytest.mark.parametrize(("resolution", "ratio"), PUBLISHED)
def test_the_assumed_picture_is_never_smaller_than_a_published_one(
    model: Capabilities, resolution: str, ratio: str
) -> None:
    rendered = max(map(pixels, PUBLISHED[resolution, ratio]))

    for known in (parse_ratio(ratio), None):
        held = largest_picture(model, resolution, known)

        assert held is not None
        assert held.area >= rendered


def test_the_recorded_picture_counts_although_the_catalog_lists_a_smaller_one() -> None:
    mini = LIVE.models["bytedance/seedance-2.0-mini"]
    assert "480x480" in (mini.sizes or ())

    held = largest_picture(mini, "480p", Fraction(1))

    assert held is not None
    assert (held.area, held.source) == (409_600, "640x640 px")


def test_a_portrait_picture_has_the_pixels_of_the_landscape_one() -> None:
    mini = LIVE.models["bytedance/seedance-2.0-mini"]

    held = largest_picture(mini, "480p", Fraction(9, 16))

    assert held is not None
    assert held.area == 864 * 496


def test_a_larger_listed_or_requested_size_counts_instead() -> None:
    mini = LIVE.models["bytedance/seedance-2.0-mini"]

    wide = largest_picture(mini, "480p", Fraction(21, 9))
    asked = largest_picture(mini, "480p", Fraction(1), Size(900, 900))

    assert wide is not None
    assert (wide.area, wide.source) == (1120 * 480, "1120x480 px")
    assert asked is not None
    assert asked.area == 810_000


def test_an_open_or_unpublished_ratio_gets_the_wide_picture_plus_5_percent() -> None:
    bare = Capabilities("bytedance/next", "bytedance/next", "Next")
    other = Capabilities("acme/video", "acme/video", "Acme")

    for model, ratio in [(bare, None), (bare, Fraction(3, 2)), (other, Fraction(1))]:
        held = largest_picture(model, "720p", ratio)

        assert held is not None
        assert held.area == 967_680  # 1280 x 720 x 1.05


def test_an_unknown_picture_has_no_bound() -> None:
    bare = Capabilities("acme/video", "acme/video", "Acme")

    assert largest_picture(bare, None, None) is None
    assert largest_picture(bare, "cinema", None) is None
    assert largest_picture(bare, None, None, Size(10, 10)) is not None
