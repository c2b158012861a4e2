"""JSON that two readers can't understand differently."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.strict_json import NotStrict, parse_object

# Texts without halves of surrogate pairs and NUL, integers of 64 bits, finite floats.
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
def test_sound_json_is_read_as_it_was_written(value: dict[str, Any], ascii_only: bool) -> None:
    assert parse_object(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(text=st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_in_words(text: bytes) -> None:
    words = ""
    try:
        parse_object(text)
    except NotStrict as refusal:
        words = str(refusal)

    assert words == "" or 10 < len(words) < 200


@FEW
@given(value=OBJECTS, cut=st.integers(1, 20))
def test_what_is_cut_off_is_refused(value: dict[str, Any], cut: int) -> None:
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
def test_the_last_that_is_allowed(text: str, value: Any) -> None:
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
def test_the_first_that_is_not(text: str) -> None:
    with pytest.raises(NotStrict):
        parse_object(text.encode())


def test_a_refusal_quotes_a_key_at_most() -> None:
    with pytest.raises(NotStrict) as refusal:
        parse_object(
            json.dumps({"k" * 500: 1}).replace(": 1", ': 1, "' + "k" * 500 + '": 2').encode()
        )

    assert len(str(refusal.value)) < 120


def test_a_float_keeps_what_python_reads_of_it() -> None:
    assert math.isclose(parse_object(b'{"n": 0.1}')["n"], 0.1, rel_tol=0)
    assert isinstance(parse_object(b'{"n": 4.0}')["n"], float)
