"""A team's defaults fill what a request leaves open, with a value that the model offers."""

from typing import Any

import pytest

from gateway.domain.capability import Capabilities
from gateway.domain.defaults import Defaults, with_defaults
from gateway.domain.video import VideoRequest, parse_request

MODEL = Capabilities(
    "x/one", "x/one", "One", resolutions=("480p", "720p", "1080p"), durations=(5, 10, 15)
)
DEFAULTS = Defaults(duration=8, resolution="720p")


def asked(**fields: Any) -> VideoRequest:
    request = parse_request({"model": "x/one", "prompt": "a fox", **fields})
    assert isinstance(request, VideoRequest)
    return request


@pytest.mark.parametrize(
    ("fields", "applied"),
    [
        ({}, ("duration=5", "resolution=720p")),
        ({"duration": None, "resolution": None}, ("duration=5", "resolution=720p")),
        ({"duration": 15}, ("resolution=720p",)),
        ({"resolution": "480p"}, ("duration=5",)),
        ({"size": "1920x1080"}, ("duration=5",)),
        ({"duration": 10, "resolution": "1080p"}, ()),
        ({"provider": {"options": {"x": {"durationSeconds": 12}}}}, ("resolution=720p",)),
        ({"provider": {"options": {"x": {"size": "1920*1080"}}}}, ("duration=5",)),
    ],
)
def test_what_is_left_open_is_filled_in(fields: dict[str, Any], applied: tuple[str, ...]) -> None:
    request, filled = with_defaults(asked(**fields), DEFAULTS, MODEL)

    assert filled == applied
    for each in applied:
        name, value = each.split("=")
        assert str(getattr(request, name)) == str(request.body[name]) == value


@pytest.mark.parametrize(
    ("defaults", "applied"),
    [
        (Defaults(), ()),
        (Defaults(duration=4), ()),
        (Defaults(duration=10), ("duration=10",)),
        (Defaults(duration=60), ("duration=15",)),
        (Defaults(resolution="4K"), ("resolution=1080p",)),
        (Defaults(resolution="360p"), ()),
    ],
)
def test_a_default_is_the_most_that_is_filled_in(
    defaults: Defaults, applied: tuple[str, ...]
) -> None:
    assert with_defaults(asked(), defaults, MODEL)[1] == applied


def test_a_model_that_offers_no_values_gets_none() -> None:
    bare = Capabilities("x/one", "x/one", "One")

    assert with_defaults(asked(), DEFAULTS, bare) == (asked(), ())
