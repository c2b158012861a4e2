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


def rejects(read: Callable[[object], object], value: object) -> bool:
    try:
        read(value)
    except PydanticCustomError:
        return True
    return False


@pytest.mark.parametrize(
    ("text", "expected"),
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
def test_a_duration_is_a_number_with_a_unit(text: str, expected: timedelta) -> None:
    assert values.read_duration(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "4", "s", "4 s", "-4s", "4S", "1h30m", "4sec", "1w", "1e3s", ".5s", "٤s", "9" * 20 + "d"],
)
def test_an_invalid_duration_is_rejected(text: str) -> None:
    with pytest.raises(PydanticCustomError, match="a duration with a unit"):
        values.read_duration(text)


@pytest.mark.parametrize("value", [None, True, 4, 4.0, ["4s"], {"s": 4}])
def test_a_duration_that_is_not_text_is_rejected(value: object) -> None:
    assert rejects(values.read_duration, value)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=3650)))
def test_a_formatted_duration_parses_to_the_same_value(length: timedelta) -> None:
    assert values.read_duration(values.duration_text(length)) == length


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(minutes=15), "15m"),
        (timedelta(days=1), "1d"),
        (timedelta(seconds=90), "90s"),
        (timedelta(microseconds=1500), "1.5ms"),
        (timedelta(0), "0ms"),
    ],
)
def test_a_duration_is_formatted_in_the_largest_unit_that_gives_an_integer(
    length: timedelta, text: str
) -> None:
    assert values.duration_text(length) == text


def test_the_limits_of_a_duration_are_inclusive() -> None:
    read = values.duration("1s", "1m")

    assert [read("1s"), read("60s")] == [timedelta(seconds=1), timedelta(minutes=1)]
    assert rejects(read, "999ms")
    assert rejects(read, "61s")


@given(st.integers(min_value=0, max_value=10**15))
def test_money_is_exact_to_the_micro_dollar(micros: int) -> None:
    assert values.usd()(usd_text(micros)) == micros


@pytest.mark.parametrize(
    ("value", "micros"),
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
def test_dollars_become_micro_dollars(value: object, micros: int) -> None:
    assert values.usd()(value) == micros


@pytest.mark.parametrize(
    "value",
    ["0.0000001", "-1", "-0.01", "1e2", "nan", "inf", "", "$5", "5,00", "1_0", 0.1, True, None],
)
def test_invalid_amounts_and_binary_floats_are_rejected(value: object) -> None:
    assert rejects(values.usd(), value)


def test_zero_is_rejected_where_the_amount_must_be_above_zero() -> None:
    assert values.usd(above_zero=True)("0.000001") == 1
    assert rejects(values.usd(above_zero=True), "0.00")


@pytest.mark.parametrize("value", ["", "1.0", "0x1", "1e3", "one", "1 ", True, None, 1.0, "9" * 30])
def test_an_integer_is_digits_only(value: object) -> None:
    assert rejects(values.integer(0, 10**17), value)


def test_a_flag_is_true_or_false_also_as_text() -> None:
    assert [values.read_flag(one) for one in (True, "true", "TRUE")] == [True] * 3
    assert [values.read_flag(one) for one in (False, "false", "False")] == [False] * 3
    assert all(rejects(values.read_flag, one) for one in ("yes", "1", 1, 0, "", None))


def test_seconds_of_video_may_have_a_unit() -> None:
    assert [values.read_seconds("8"), values.read_seconds("8s"), values.read_seconds(8)] == [8] * 3
    assert all(rejects(values.read_seconds, one) for one in ("0", "1m", "s", "8.5", "-8s", None))


@pytest.mark.parametrize("name", ["ci", "render-farm", "a.b_c", "2024", "A" * 63])
def test_a_valid_name_is_accepted(name: str) -> None:
    assert values.read_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", ".a", "a b", "a/b", "é", "a\n", "A" * 64, "../a", None])
def test_an_invalid_name_is_rejected(name: object) -> None:
    assert rejects(values.read_name, name)


@pytest.mark.parametrize("glob", ["*", "google/*", "openai/sora-?", "*.example.com", "a:b@c~d+e"])
def test_a_pattern_has_two_wildcards(glob: str) -> None:
    assert values.read_glob(glob) == glob


@pytest.mark.parametrize("glob", ["", "a b", "[ab]", "{a,b}", "!a", "a\n", "x" * 201, None])
def test_other_wildcards_are_rejected(glob: object) -> None:
    assert rejects(values.read_glob, glob)


def test_a_hash_is_converted_to_lower_case() -> None:
    assert values.read_hash("SHA256:" + "AB" * 32) == "sha256:" + "ab" * 32
    assert all(
        rejects(values.read_hash, one)
        for one in ("ab" * 32, "sha256:" + "ab" * 31, "md5:" + "ab" * 32, "sha256:<hex>", "", None)
    )


@pytest.mark.parametrize("text", ["", "\n"])
def test_the_hash_of_an_empty_text_is_rejected(text: str) -> None:
    digest = hashlib.sha256(text.encode()).hexdigest()

    with pytest.raises(PydanticCustomError, match="the hash of an empty text"):
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


def test_a_network_has_no_host_bits() -> None:
    assert values.read_network("10.0.0.0/8") == ip_network("10.0.0.0/8")
    assert values.read_network("fd00::/8") == ip_network("fd00::/8")
    assert values.read_network("192.0.2.7") == ip_network("192.0.2.7/32")
    assert all(
        rejects(values.read_network, one)
        for one in ("10.0.0.1/8", "10.0.0.0/33", "10.0.0", "host", "", None, 10)
    )


@pytest.mark.parametrize("resolution", ["360p", "720p", "1080p", "1K", "2K", "4K", "4k"])
def test_a_known_resolution_is_accepted(resolution: str) -> None:
    assert values.read_resolution(resolution) == resolution


@pytest.mark.parametrize("resolution", ["", "720", "hd", " 720p", "3K", "1280x720", None, 720])
def test_an_unknown_resolution_is_rejected(resolution: object) -> None:
    assert rejects(values.read_resolution, resolution)


def test_a_secret_has_a_minimum_length_and_no_outer_spaces() -> None:
    read = values.secret(16, "a secret")

    assert read("x" * 16).get_secret_value() == "x" * 16
    assert read(SecretStr("x" * 16)).get_secret_value() == "x" * 16
    assert all(
        rejects(read, one)
        for one in ("x" * 15, "x" * 16 + "\n", " " + "x" * 16, "x" * 8 + "\0" + "x" * 8, "", None)
    )


def test_a_minimum_length_may_be_in_bytes() -> None:
    read = values.secret(32, "a key", "bytes")

    assert read("é" * 16).get_secret_value() == "é" * 16
    assert rejects(read, "é" * 15)


@pytest.mark.parametrize("key", ["", "a b", "a\r\nX-Evil: 1", "schlüssel", "a\udc80", None, 5])
def test_a_bearer_key_must_be_visible_ascii(key: object) -> None:
    assert rejects(values.read_header_secret, key)


def test_empty_text_is_null_for_an_optional_value() -> None:
    read = values.or_null(values.integer(1, 5))

    assert [read(None), read(""), read("3")] == [None, None, 3]
