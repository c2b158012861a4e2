"""Strict JSON: no text that two parsers may read differently, and no value beyond the limits."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.strict_json import NotStrict, parse_object

# Strings without lone surrogates and NUL, 64-bit integers, finite floats.
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
SOUND = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)

OBJECTS = st.dictionaries(TEXT, SOUND, max_size=3)
FEW = settings(max_examples=40, deadline=None)


@FEW
@given(value=OBJECTS, ascii_only=st.booleans())
def test_valid_json_is_parsed_unchanged(value: dict[str, Any], ascii_only: bool) -> None:
    assert parse_object(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(text=st.binary(max_size=300))
def test_any_bytes_are_parsed_or_refused_with_a_message(text: bytes) -> None:
    words = ""
    try:
        parse_object(text)
    except NotStrict as refusal:
        words = str(refusal)

    assert words == "" or 10 < len(words) < 200


@FEW
@given(value=OBJECTS, cut=st.integers(1, 20))
def test_truncated_json_is_refused(value: dict[str, Any], cut: int) -> None:
    text = json.dumps(value).encode()

    with pytest.raises(NotStrict):
        parse_object(text[: -min(cut, len(text))])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"n": 9223372036854775807}', 2**63 - 1),
        ('{"n": -9223372036854775808}', -(2**63)),
        ('{"n": 1e308}', 1e308),
        ('{"n": 1e-400}', 0.0),
        ('{"n": "\\ud83d\\ude00"}', "😀"),
        ('{"n": "\\u00e9"}', "é"),
        ('{"n": ' + "[" * 31 + "]" * 31 + "}", None),
    ],
)
def test_values_at_the_limits_are_accepted(text: str, value: Any) -> None:
    read = parse_object(text.encode())["n"]

    assert value is None or read == value


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 9223372036854775808}',
        '{"n": -9223372036854775809}',
        '{"n": 1e309}',
        '{"n": -1e999}',
        '{"n": NaN}',
        '{"n": "\\ud83d"}',
        '{"n": "\\ude00\\ud83d"}',
        '{"n": ' + "[" * 32 + "]" * 32 + "}",
        '{"n": ' + "[" * 3000 + "]" * 3000 + "}",
        '{"n": 1, "n": 1}',
        '{"a": {"n": 1, "\\u006e": 1}}',
        '{"n": 01}',
        '{"n": +1}',
        '{"n": .5}',
        '{"n": 0x10}',
        "{n: 1}",
        '{"n": 1} // comment',
        '{"n": "a\tb"}',
    ],
)
def test_values_beyond_the_limits_are_refused(text: str) -> None:
    with pytest.raises(NotStrict):
        parse_object(text.encode())


def test_a_refusal_quotes_only_a_key() -> None:
    with pytest.raises(NotStrict) as refusal:
        parse_object(
            json.dumps({"k" * 500: 1}).replace(": 1", ': 1, "' + "k" * 500 + '": 2').encode()
        )

    assert len(str(refusal.value)) < 120


def test_a_float_equals_pythons_float() -> None:
    assert math.isclose(parse_object(b'{"n": 0.1}')["n"], 0.1, rel_tol=0)
    assert isinstance(parse_object(b'{"n": 4.0}')["n"], float)


def refusal_of(value: Any) -> NotStrict:
    with pytest.raises(NotStrict) as refusal:
        parse_object(value if isinstance(value, bytes) else json.dumps(value).encode())
    assert len(str(refusal.value)) < 300
    return refusal.value


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b'{"seed": 18446744073709551615}', "seed"),
        (b'{"provider": {"options": {"google": {"seed": 99999999999999999999}}}}',
         "provider.options.google.seed"),
        (b'{"a": [{"b": NaN}]}', "a[0].b"),
        (b'{"a": [0, {"b": 1e999}]}', "a[1].b"),
        (b'{"a": {"b": "\\ud800"}}', "a.b"),
        (b'{"a": {"b": "\\u0000"}}', "a.b"),
        (b'{"a": {"x": 1, "x": 2}}', "a"),
        (b'{"x": 1, "x": 2}', "body"),
        (b"{", "body"),
    ],
)  # fmt: skip
def test_a_refusal_names_the_path_of_the_value(text: bytes, field: str) -> None:
    refusal = refusal_of(text)

    assert refusal.field == field
    assert field == "body" or str(refusal).startswith(f"{field}: ")


def test_an_integer_that_is_too_large_is_named_with_the_range() -> None:
    words = str(refusal_of({"seed": 2**64 - 1}))

    assert words == (
        "seed: 18446744073709551615 is too large; allowed: an integer of 64 bits, from"
        " -9223372036854775808 to 9223372036854775807"
    )


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"aspect_ratio": "x" * 4097}, "aspect_ratio"),
        ({"trace": {"a": ["x" * 5000]}}, "trace.a[0]"),
        ({"prompt": "x" * 100_001}, "prompt"),
        ({"trace": dict.fromkeys(map(str, range(501)), 1)}, "trace"),
        ({"a": {"k" * 5000: 1}}, "a"),
        ({str(n): dict.fromkeys(map(str, range(400)), 1) for n in range(13)}, "body"),
        ({"a": [0] * 50_001}, "body"),
    ],
    ids=["string", "nested", "prompt", "keys", "key", "all keys", "values"],
)
def test_a_value_beyond_a_limit_is_refused_by_name(value: Any, field: str) -> None:
    assert refusal_of(value).field == field


@pytest.mark.parametrize(
    "value",
    [
        {"prompt": "x" * 100_000},
        {"provider": {"options": {"x": {"negative_prompt": "y" * 100_000}}}},
        {"image_url": {"url": "https://example.com/" + "x" * 100_000}},
        {"image_url": {"url": "data:image/png;base64," + "A" * 1_000_000}},
        {"trace": dict.fromkeys(map(str, range(500)), 1)},
        {"aspect_ratio": "x" * 4096},
    ],
)
def test_a_value_within_every_limit_is_parsed(value: Any) -> None:
    parse_object(json.dumps(value).encode())


def test_a_body_with_millions_of_values_is_refused_before_parsing() -> None:
    started = b'{"a": [' + b"0," * 300_000 + b"0]}"

    assert "too many values" in str(refusal_of(started))


def test_a_text_beside_its_images_is_bounded_before_parsing() -> None:
    assert "at most 4000000" in str(refusal_of(b'{"prompt": "' + b"x" * 4_000_000 + b'"}'))


@pytest.mark.parametrize("colon", [b'":', b'" :'])
def test_too_many_keys_are_refused_however_they_are_written(colon: bytes) -> None:
    members = b",".join(b'"k%d%s1' % (number, colon) for number in range(6_000))

    assert "more than 5000 keys" in str(refusal_of(b'{"a": {' + members + b"}}"))


def test_quotes_and_colons_inside_of_a_string_are_no_keys() -> None:
    prompt = 'say ":' * 6_000

    assert parse_object(json.dumps({"prompt": prompt}).encode()) == {"prompt": prompt}


@pytest.mark.parametrize("blank", [b"", b" ", b"\n" * 1_000_000])
def test_a_blank_body_is_empty(blank: bytes) -> None:
    assert "the body is empty" in str(refusal_of(blank))


def test_white_space_before_the_object_is_allowed() -> None:
    assert parse_object(b" " * 1_000_000 + b'{"a": 1}') == {"a": 1}
