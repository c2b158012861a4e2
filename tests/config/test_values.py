import hashlib
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from pydantic_core import PydanticCustomError

from gateway.config import values
from gateway.domain.units import usd_text


def refuses(read: Callable[[object], object], value: object) -> bool:
    try:
        read(value)
    except PydanticCustomError:
        return True
    return False


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("4s", timedelta(seconds=4)),
        ("1.5h", timedelta(minutes=90)),
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(days=1)),
        ("30d", timedelta(days=30)),
        ("0.1s", timedelta(milliseconds=100)),
    ],
)
def test_a_duration_is_a_number_with_its_unit(written: str, meant: timedelta) -> None:
    assert values.read_duration(written) == meant


@pytest.mark.parametrize(
    "written",
    ["", "4", "s", "4 s", "-4s", "4S", "1h30m", "4sec", "1w", "1e3s", ".5s", "٤s", "9" * 20 + "d"],
)
def test_what_is_no_duration_is_refused(written: str) -> None:
    with pytest.raises(PydanticCustomError, match="a duration with its unit"):
        values.read_duration(written)


@pytest.mark.parametrize("value", [None, True, 4, 4.0, ["4s"], {"s": 4}])
def test_a_duration_is_text(value: object) -> None:
    assert refuses(values.read_duration, value)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3650)))
def test_a_duration_is_written_as_it_is_read(length: timedelta) -> None:
    assert values.read_duration(values.duration_text(length)) == length


@pytest.mark.parametrize(
    ("length", "written"),
    [
        (timedelta(minutes=15), "15m"),
        (timedelta(days=1), "1d"),
        (timedelta(seconds=90), "90s"),
        (timedelta(microseconds=1500), "1.5ms"),
        (timedelta(0), "0ms"),
    ],
)
def test_a_duration_is_told_in_its_largest_whole_unit(length: timedelta, written: str) -> None:
    assert values.duration_text(length) == written


def test_the_bounds_of_a_duration_are_included() -> None:
    read = values.duration("1s", "1m")

    assert [read("1s"), read("60s")] == [timedelta(seconds=1), timedelta(minutes=1)]
    assert refuses(read, "999ms")
    assert refuses(read, "61s")


@given(st.integers(min_value=0, max_value=10**15))
def test_money_is_exact_to_the_micro_dollar(micros: int) -> None:
    assert values.usd()(usd_text(micros)) == micros


@pytest.mark.parametrize(
    ("written", "micros"),
    [
        ("0", 0),
        ("5", 5_000_000),
        ("5.00", 5_000_000),
        ("0.1", 100_000),
        ("0.000001", 1),
        ("1.10000000", 1_100_000),
        (Decimal("0.3"), 300_000),
        (7, 7_000_000),
    ],
)
def test_dollars_become_micro_dollars(written: object, micros: int) -> None:
    assert values.usd()(written) == micros


@pytest.mark.parametrize(
    "value",
    ["0.0000001", "-1", "-0.01", "1e2", "nan", "inf", "", "$5", "5,00", "1_0", 0.1, True, None],
)
def test_what_is_no_amount_is_refused_and_a_binary_float_is_none(value: object) -> None:
    assert refuses(values.usd(), value)


def test_nothing_is_no_amount_where_it_must_be_above_zero() -> None:
    assert values.usd(above_zero=True)("0.000001") == 1
    assert refuses(values.usd(above_zero=True), "0.00")


@pytest.mark.parametrize("value", ["", "1.0", "0x1", "1e3", "one", "1 ", True, None, 1.0, "9" * 30])
def test_a_whole_number_is_digits(value: object) -> None:
    assert refuses(values.whole(0, 10**17), value)


def test_a_flag_is_true_or_false_also_as_text_of_the_environment() -> None:
    assert [values.read_flag(one) for one in (True, "true", "TRUE")] == [True] * 3
    assert [values.read_flag(one) for one in (False, "false", "False")] == [False] * 3
    assert all(refuses(values.read_flag, one) for one in ("yes", "1", 1, 0, "", None))


def test_seconds_of_video_are_written_with_or_without_their_unit() -> None:
    assert [values.read_seconds("8"), values.read_seconds("8s"), values.read_seconds(8)] == [8] * 3
    assert all(refuses(values.read_seconds, one) for one in ("0", "1m", "s", "8.5", "-8s", None))


@pytest.mark.parametrize("name", ["ci", "render-farm", "a.b_c", "2024", "A" * 63])
def test_a_name_fits_urls_and_labels(name: str) -> None:
    assert values.read_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "é", "a\n", "A" * 64, "../a", None])
def test_what_would_not_fit_is_no_name(name: object) -> None:
    assert refuses(values.read_name, name)


@pytest.mark.parametrize("glob", ["*", "google/*", "openai/sora-?", "*.example.com", "a:b@c~d+e"])
def test_a_pattern_has_two_wildcards(glob: str) -> None:
    assert values.read_glob(glob) == glob


@pytest.mark.parametrize("glob", ["", "a b", "[ab]", "{a,b}", "!a", "a\n", "x" * 201, None])
def test_no_other_wildcard_is_silently_taken_as_text(glob: object) -> None:
    assert refuses(values.read_glob, glob)


def test_a_hash_is_lower_case_whatever_was_written() -> None:
    assert values.read_hash("SHA256:" + "AB" * 32) == "sha256:" + "ab" * 32
    assert all(
        refuses(values.read_hash, one)
        for one in ("ab" * 32, "sha256:" + "ab" * 31, "md5:" + "ab" * 32, "sha256:<hex>", "", None)
    )


@pytest.mark.parametrize("nothing", ["", "\n"])
def test_the_hash_of_nothing_is_no_key(nothing: str) -> None:
    digest = hashlib.sha256(nothing.encode()).hexdigest()

    with pytest.raises(PydanticCustomError, match="anyone would fit it"):
        values.read_hash(f"sha256:{digest}")


@pytest.mark.parametrize(
    "digest",
    [
        *(hashlib.sha256(word.encode()).hexdigest() for word in ("test", "secret", "changeme\n")),
        "0" * 64,  # the placeholder of the documentation
    ],
)
def test_the_hash_of_a_well_known_word_is_no_key(digest: str) -> None:
    with pytest.raises(PydanticCustomError, match="nobody can guess"):
        values.read_hash(f"sha256:{digest}")


def test_a_network_is_strict() -> None:
    assert values.read_network("10.0.0.0/8") == ip_network("10.0.0.0/8")
    assert values.read_network("fd00::/8") == ip_network("fd00::/8")
    assert values.read_network("192.0.2.7") == ip_network("192.0.2.7/32")
    assert all(
        refuses(values.read_network, one)
        for one in ("10.0.0.1/8", "10.0.0.0/33", "10.0.0", "host", "", None, 10)
    )


@pytest.mark.parametrize("resolution", ["360p", "720p", "1080p", "1K", "2K", "4K", "4k"])
def test_a_resolution_is_one_that_can_be_compared(resolution: str) -> None:
    assert values.read_resolution(resolution) == resolution


@pytest.mark.parametrize("resolution", ["", "720", "hd", " 720p", "3K", "1280x720", None, 720])
def test_a_limit_that_could_not_be_compared_is_refused(resolution: object) -> None:
    assert refuses(values.read_resolution, resolution)


def test_a_secret_is_long_enough_and_has_no_accidental_space() -> None:
    read = values.secret(16, "a secret")

    assert read("x" * 16).get_secret_value() == "x" * 16
    assert read(SecretStr("x" * 16)).get_secret_value() == "x" * 16
    assert all(
        refuses(read, one)
        for one in ("x" * 15, "x" * 16 + "\n", " " + "x" * 16, "x" * 8 + "\0" + "x" * 8, "", None)
    )


def test_a_key_may_be_long_in_bytes_rather_than_in_characters() -> None:
    read = values.secret(32, "a key", "bytes")

    assert read("é" * 16).get_secret_value() == "é" * 16
    assert refuses(read, "é" * 15)


@pytest.mark.parametrize("key", ["", "a b", "a\r\nX-Evil: 1", "schlüssel", "a\udc80", None, 5])
def test_a_bearer_key_can_not_break_out_of_its_header(key: object) -> None:
    assert refuses(values.read_header_secret, key)


def test_empty_text_is_null_where_null_is_allowed() -> None:
    read = values.or_null(values.whole(1, 5))

    assert [read(None), read(""), read("3")] == [None, None, 3]
