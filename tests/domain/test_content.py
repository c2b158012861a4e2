"""Rules about stored videos: ranges, ETags, names, eviction, retries."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.content import (
    Asset,
    ByteRange,
    OutOfRange,
    blob_name,
    etag,
    file_name,
    if_range_holds,
    is_blob_name,
    is_of,
    make_room,
    may_be_video,
    next_try,
    none_match_fails,
    parse_content_range,
    parse_range,
)


def read_range(header: str | None, size: int) -> ByteRange | None:
    wanted = parse_range(header)
    return None if wanted is None else wanted.within(size)


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", ByteRange(0, 1)),
        ("bytes=0-", ByteRange(0, 100)),
        ("bytes=99-", ByteRange(99, 100)),
        ("bytes=10-19", ByteRange(10, 20)),
        ("bytes=10-1000", ByteRange(10, 100)),
        ("bytes=-1", ByteRange(99, 100)),
        ("bytes=-1000", ByteRange(0, 100)),
        ("Bytes= 1-2 ", ByteRange(1, 3)),
    ],
)
def test_one_valid_range_is_parsed(header: str, span: ByteRange) -> None:
    assert read_range(header, 100) == span


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=2-1",
        "bytes=0-1,3-4",
        "bytes=0-1, -1",
        "seconds=0-1",
        "bytes=+1-2",
        "bytes=1-2-3",
        "bytes=\u0661-\u0662",
        "bytes=" + "9" * 30 + "-",
        "bytes=0x1-",
    ],
)
def test_any_other_range_header_means_the_whole_video(header: str | None) -> None:
    assert read_range(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=-00"])
def test_a_valid_range_without_any_byte_is_not_satisfiable(header: str) -> None:
    with pytest.raises(OutOfRange):
        read_range(header, 100)


@given(st.integers(0, 300), st.integers(0, 300) | st.none(), st.integers(1, 200))
def test_a_range_is_never_empty_and_never_exceeds_the_video(
    first: int, last: int | None, size: int
) -> None:
    film = bytes(range(200))[:size]
    try:
        span = read_range(f"bytes={first}-{'' if last is None else last}", size)
    except OutOfRange:
        assert first >= size
        return
    if span is None:
        assert last is not None
        assert last < first
        return
    assert film[span.start : span.stop] == film[first : None if last is None else last + 1]
    assert span.length >= 1


@given(st.text(max_size=30), st.integers(1, 1000))
def test_no_header_raises_another_error(header: str, size: int) -> None:
    try:
        span = read_range(header, size)
    except OutOfRange:
        return
    assert span is None or 0 <= span.start < span.stop <= size


@pytest.mark.parametrize("header", ["bytes=5-", "bytes=0-0", "bytes=-7"])
def test_a_range_is_written_as_it_was_read(header: str) -> None:
    wanted = parse_range(header)
    assert wanted is not None
    assert wanted.header == header


@pytest.mark.parametrize(
    ("header", "stated"),
    [
        ("bytes 0-1/100", (ByteRange(0, 2), 100)),
        (" bytes 98-99/100 ", (ByteRange(98, 100), 100)),
        ("bytes 0-1/*", None),
        ("bytes */100", None),
        ("bytes 1-0/100", None),
        ("bytes 0-100/100", None),
        ("items 0-1/100", None),
        ("", None),
        (None, None),
    ],
)
def test_a_content_range_is_parsed(
    header: str | None, stated: tuple[ByteRange, int] | None
) -> None:
    assert parse_content_range(header) == stated


def test_content_range_has_an_inclusive_end() -> None:
    assert ByteRange(10, 20).content_range(100) == "bytes 10-19/100"


TAG = etag("ab12")


@pytest.mark.parametrize("header", ['"ab12"', 'W/"ab12"', '"x", "ab12"', '"x",W/"ab12"', "*"])
def test_if_none_match_matches_the_tag(header: str) -> None:
    assert none_match_fails(header, TAG)


@pytest.mark.parametrize("header", [None, "", "ab12", '"AB12"', '"x", "y"', '"ab12', '"xab12"'])
def test_if_none_match_does_not_match_another_tag(header: str | None) -> None:
    assert not none_match_fails(header, TAG)


@pytest.mark.parametrize(
    ("header", "holds"),
    [
        (None, True),
        ('"ab12"', True),
        (' "ab12" ', True),
        ('W/"ab12"', False),
        ('"x"', False),
        ("Sun, 22 Nov 2026 12:00:00 GMT", False),
        ("", False),
    ],
)
def test_if_range_compares_strongly(header: str | None, holds: bool) -> None:
    assert if_range_holds(header, TAG) is holds


def test_a_file_name_contains_the_job_and_the_output() -> None:
    assert file_name("gen-vid-1-abc", 0) == "gen-vid-1-abc.mp4"
    assert file_name("gen-vid-1-abc", 3) == "gen-vid-1-abc-3.mp4"


def test_every_write_has_a_unique_name_that_the_gateway_recognises() -> None:
    source = random.Random(1)
    names = {
        blob_name("gen-vid-1790000000-abcDEF", 0, "0123456789abcdef", source) for _ in range(1000)
    }

    assert len(names) == 1000
    assert all(is_blob_name(name) for name in names)
    assert all(is_of("0123456789abcdef", name) for name in names)
    assert not any(is_of("fedcba9876543210", name) for name in names)


@pytest.mark.parametrize(
    "name",
    ["", ".store", ".x.mp4.part", "a/b.mp4", "../x.mp4", "x.mov", "x.mp4\n", "x y.mp4", "-x.mp4"],
)
def test_other_file_names_are_not_the_gateways(name: str) -> None:
    assert not is_blob_name(name)


MP4 = b"\x00\x00\x00\x18ftypmp42"
PAGE = b"<!DOCTYPE ht"


@pytest.mark.parametrize(
    ("kind", "start", "may_be"),
    [
        ("video/mp4", PAGE, True),  # the upstream says so
        ("video/webm; codecs=vp9", b"", True),
        ("application/octet-stream", MP4, True),
        ("application/octet-stream", b"\x1aE\xdf\xa3" + b"\0" * 8, True),
        ("binary/octet-stream", b"RIFF\0\0\0\0AVI ", True),
        ("", MP4, True),
        ("", PAGE, False),
        ("application/octet-stream", PAGE, False),
        ("application/octet-stream", b"RIFF\0\0\0\0WAVE", False),
        ("application/octet-stream", b"ftyp", False),
        ("text/html", MP4, False),
        ("TEXT/plain; charset=utf-8", MP4, False),
        ("application/json", MP4, False),
        ("application/zip", MP4, False),
        ("image/png", MP4, False),
    ],
)
def test_only_videos_are_recognised_as_videos(kind: str, start: bytes, may_be: bool) -> None:
    assert may_be_video(kind, start) is may_be


def test_the_inside_of_a_video_is_judged_by_its_type_alone() -> None:
    assert may_be_video("application/octet-stream", PAGE, inside=True)
    assert not may_be_video("text/html", MP4, inside=True)


def _asset(name: str, size: int) -> Asset:
    return Asset(name, "job", 0, "store", "team", size, "00", 0, 0)


def test_the_fewest_least_recently_used_assets_are_chosen() -> None:
    by_use = [_asset("a", 5), _asset("b", 5), _asset("c", 5)]

    chosen = [asset.name for asset in make_room(by_use, 6)]

    assert chosen == ["a", "b"]
    assert make_room(by_use, 0) == []
    assert make_room(by_use, -5) == []
    assert len(make_room(by_use, 1000)) == 3


def test_waits_grow_and_shrink_again_before_the_deadline() -> None:
    end = 10_000_000
    waits = [(next_try(attempts, 0, end) or 0) for attempts in range(12)]

    assert waits[:4] == [5_000, 10_000, 20_000, 40_000]
    assert max(waits) == 600_000
    assert next_try(11, end - 60_000, end) == end - 30_000
    assert next_try(11, end - 100, end) == end + 900
    assert next_try(11, end, end) is None


@given(st.integers(0, 200), st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_retry_is_always_in_the_future(attempts: int, now: int, end: int) -> None:
    moment = next_try(attempts, now, end)

    assert moment is None if now >= end else moment is not None and moment > now
