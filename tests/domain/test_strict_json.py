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
        ('{"n": ' + "[" * 99 + "]" * 99 + "}", None),
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
        '{"n": ' + "[" * 100 + "]" * 100 + "}",
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
