"""Which differences between two requests change the fingerprint."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.fingerprint import Fingerprint, fingerprint
from gateway.domain.strict_json import parse_object

SECRET = b"s" * 32
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40
BODY: Mapping[str, Any] = {
    "model": "x-ai/grok-imagine-video",
    "prompt": "a lighthouse",
    "duration": 4,
    "seed": 7,
    "frame_images": [
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/b.png"}},
    ],
    "provider": {"options": {"x-ai": {"style": "noir"}}},
}


def of(body: Mapping[str, Any], **changes: Any) -> Fingerprint:
    return fingerprint(
        changes.pop("secret", SECRET),
        {**body, **changes.pop("fields", {})},
        upstream=changes.pop("upstream", "main"),
        zdr=changes.pop("zdr", False),
    )


def with_image(url: str) -> Fingerprint:
    return of({"model": "m", "frame_images": [{"image_url": {"url": url}}]})


@pytest.mark.parametrize(
    "fields",
    [
        {"user": "u"},
        {"session_id": "s"},
        {"trace": {"trace_id": "t"}},
        {"callback_url": "https://example.com/hook"},
        {"aspect_ratio": None},
        {"anything": None},
        {"duration": 4.0},
        {"seed": 7.0},
        {"provider": {"options": {"x-ai": {"style": "noir", "more": None}}, "sort": None}},
    ],
)
def test_fields_that_do_not_change_the_video_do_not_change_the_fingerprint(
    fields: Mapping[str, Any],
) -> None:
    assert of(BODY, fields=fields) == of(BODY)


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": "a lighthouse "},
        {"prompt": "A lighthouse"},
        {"prompt": ""},
        {"prompt": None},
        {"duration": 5},
        {"duration": "4"},
        {"seed": 0},
        {"seed": None},
        {"generate_audio": False},
        {"a_field_of_tomorrow": 1},
        {"frame_images": list(reversed(BODY["frame_images"]))},
        {"frame_images": BODY["frame_images"][:1]},
        {"provider": {"options": {"x-ai": {"style": "Noir"}}}},
        {"model": "x-ai/grok-imagine-video-1.5"},
    ],
)
def test_fields_that_may_change_the_video_change_the_fingerprint(fields: Mapping[str, Any]) -> None:
    assert of(BODY, fields=fields) != of(BODY)


def test_the_upstream_and_zdr_change_the_fingerprint() -> None:
    assert len({of(BODY), of(BODY, upstream="other"), of(BODY, zdr=True)}) == 3


def test_another_secret_gives_another_fingerprint() -> None:
    assert of(BODY, secret=b"t" * 32) != of(BODY)
    assert len(of(BODY)) == 64


@pytest.mark.parametrize(
    "spelling",
    [
        '{"model":"m","prompt":"é 😀","duration":4}',
        '{ "duration" : 4.0,\n "prompt":"\\u00e9 \\ud83d\\ude00", "model":"m" }',
        '{"prompt":"é 😀","duration":4e0,"model":"m","seed":null}',
        '{"prompt":"é 😀","duration":40e-1,"model":"\\u006d","user":"me"}',
    ],
)
def test_the_spelling_of_a_data_url_does_not_matter(spelling: str) -> None:
    plain = {"model": "m", "prompt": "é 😀", "duration": 4}

    assert of(parse_object(spelling.encode())) == of(plain)


def test_an_image_counts_by_its_content() -> None:
    text = base64.b64encode(PNG).decode()
    wrapped = "\n".join(text[at : at + 20] for at in range(0, len(text), 20))

    same = {
        with_image(f"data:image/png;base64,{text}"),
        with_image(f"data:image/PNG;base64,{text}"),
        with_image(f"DATA:image/png; base64,{wrapped}"),
    }
    assert len(same) == 1
    others = {
        with_image("data:image/png;base64," + base64.b64encode(PNG + b"\x00").decode()),
        with_image(f"data:image/webp;base64,{text}"),
        with_image("https://example.com/a.png"),
        with_image(f"data:image/png,{text}"),
        with_image("data:image/png;base64,not base64"),
    }
    assert len(others | same) == 6


def test_integers_beyond_a_double_are_distinguished() -> None:
    numbers = [2**53, 2**53 + 1, 2**63 - 1, -(2**63), float(2**53)]

    assert len({of({"model": "m", "seed": n}) for n in numbers}) == 4  # the float is 2**53


def test_no_client_value_equals_an_internal_form() -> None:
    """Large integers and images have an internal form that no client value can equal."""
    digest = "ab" * 32
    image = "data:image/png;base64," + base64.b64encode(PNG).decode()
    pairs: list[tuple[Any, Any]] = [
        (2**60, ["integer", str(2**60)]),
        (2**60, {"integer": str(2**60)}),
        (2**60, str(2**60)),
        ([1, 2], ["list", 1, 2]),
        ([], ["list"]),
        (image, ["data", "image/png", digest]),
        ([["a"]], ["a"]),
        (True, 1),
        (False, 0),
        ("1", 1),
    ]

    for one, other in pairs:
        assert of({"model": "m", "x": one}) != of({"model": "m", "x": other}), (one, other)


VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.text(max_size=3), VALUES, max_size=3)


@settings(max_examples=60, deadline=None)
@given(one=OBJECTS, other=OBJECTS)
def test_only_equal_requests_are_identical(one: dict[str, Any], other: dict[str, Any]) -> None:
    def text(value: object) -> str:
        return json.dumps(value, sort_keys=True)

    assert (of(one) == of(other)) == (text(one) == text(other))


@settings(max_examples=40, deadline=None)
@given(body=OBJECTS, key=st.text(max_size=3), value=VALUES)
def test_one_more_field_makes_another_request(body: dict[str, Any], key: str, value: Any) -> None:
    if key not in body:
        assert of({**body, key: value}) != of(body)
