"""Resolutions, sizes and ratios: parsing and comparing them."""

from fractions import Fraction

import pytest

from gateway.domain.resolution import (
    Size,
    lines,
    normal,
    parse_ratio,
    parse_size,
    resolution_of,
    same_shape,
    wide_area,
)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1280x720", Size(1280, 720)),
        (" 480X854 ", Size(480, 854)),
        ("640\u00d7640", Size(640, 640)),
        ("0x720", None),
        ("720p", None),
        ("1280x", None),
        ("999999x1", None),
        ("12\u0663x720", None),
        ("", None),
    ],
)
def test_a_size_is_two_whole_numbers_of_pixels(text: str, size: Size | None) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "ratio"),
    [
        ("16:9", Fraction(16, 9)),
        (" 9:21", Fraction(9, 21)),
        ("16:0", None),
        ("wide", None),
        ("16", None),
        ("16:9:1", None),
        ("adaptive", None),
    ],
)
def test_a_ratio_is_two_whole_numbers(text: str, ratio: Fraction | None) -> None:
    assert parse_ratio(text) == ratio


def test_resolutions_are_compared_in_one_spelling() -> None:
    assert normal(" 4K ") == normal("4k") == "4k"
    assert [lines(name) for name in ("360p", "768p", "1080P", "1K", "2K", "4K", "hd")] == [
        *(360, 768, 1080, 1080, 1440, 2160),
        None,
    ]


def test_the_area_of_a_wide_picture_is_never_rounded_down() -> None:
    assert wide_area("720p") == 1280 * 720
    assert wide_area("4K") == 3840 * 2160
    assert wide_area("480p") == 409_600  # 853.3 x 480
    assert wide_area("unheard of") is None


@pytest.mark.parametrize(
    ("size", "resolution"),
    [
        ("480x480", "480p"),
        ("1120x480", "480p"),
        ("480x1120", "480p"),
        ("640x640", "480p"),
        ("752x560", "480p"),
        ("992x432", "480p"),
        ("720x720", "720p"),
        ("720x1680", "720p"),
        ("1470x630", "720p"),
        ("960x960", "720p"),
        ("1792x1024", "1080p"),
        ("2520x1080", "1080p"),
        ("5040x2160", "4K"),
        ("100x100", None),
    ],
)
def test_a_size_belongs_to_the_resolution_with_its_lines_or_nearly_its_area(
    size: str, resolution: str | None
) -> None:
    parsed = parse_size(size)
    assert parsed is not None
    assert resolution_of(parsed, ("4K", "1080p", "480p", "720p")) == resolution


def test_a_size_has_no_resolution_if_none_is_known() -> None:
    assert resolution_of(Size(1280, 720), ()) is None
    assert resolution_of(Size(1280, 720), ("hd",)) is None


def test_a_rendered_picture_matches_only_the_ratio_it_is_listed_as() -> None:
    assert same_shape(Size(992, 432).ratio, Fraction(21, 9))
    assert same_shape(Size(864, 496).ratio, Fraction(16, 9))
    assert not same_shape(Fraction(4, 3), Fraction(3, 2))
    assert not same_shape(Fraction(16, 9), Fraction(9, 16))
    assert str(Size(992, 432)) == "992x432"
