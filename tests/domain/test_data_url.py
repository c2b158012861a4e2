"""Large data URLs are forwarded as the received bytes, and count by their content."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.data_url import LIFTED, DataUrl, content_digest, data_urls, lift, splice
from gateway.domain.strict_json import NotStrict, parse_object

LARGE = "data:image/png;base64," + "A" * LIFTED
OTHER = "data:image/png;base64," + "B" * LIFTED


def read(value: Any) -> dict[str, Any]:
    return parse_object(json.dumps(value).encode())


def test_a_large_data_url_is_lifted_and_restored_byte_for_byte() -> None:
    body = {"a": LARGE, "b": [OTHER, "small", LARGE], "prompt": "data: x"}

    found = read(body)

    assert [type(url) for url in data_urls(found)] == [DataUrl] * 3
    assert bytes(found["a"].raw).decode() == LARGE
    assert json.loads(splice(json.dumps(found).encode(), found)) == body


@pytest.mark.parametrize(
    "text",
    [
        '{"prompt": "say \\"data:' + "A" * LIFTED + '\\""}',  # inside another string
        '{"a": "data:' + "\\u0041" * LIFTED + '"}',  # escaped
        '{"a": "data:é' + "A" * LIFTED + '"}',
        '{"a": "x' + LARGE + '"}',
    ],
)
def test_text_that_is_not_a_plain_data_url_is_parsed_unchanged(text: str) -> None:
    try:
        found = parse_object(text.encode())
    except NotStrict:
        assert "x" + LARGE in text or "prompt" in text  # longer than other strings may be
    else:
        assert list(data_urls(found)) == []
        assert found == json.loads(text)


@pytest.mark.parametrize("stand_in", ["data:,@0", "data:,@@0", "data:,@", "\\u0064ata:,@0"])
def test_no_client_text_is_mistaken_for_a_placeholder(stand_in: str) -> None:
    text = '{"a": "' + LARGE + '", "prompt": "' + stand_in + '"}'

    found = parse_object(text.encode())

    assert found["prompt"] == json.loads(text)["prompt"]
    sent = splice(json.dumps(found).encode(), found)
    assert json.loads(sent) == json.loads(text)


def test_a_key_that_looks_like_a_large_data_url_is_refused() -> None:
    with pytest.raises(NotStrict, match="a key has"):
        read({LARGE: 1})


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        st.sampled_from([LARGE, OTHER, "data:,@0", "data:", '"data:', "\\", "x", 1, None]),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["a", "b", "data:x"]), inner, max_size=3)
        ),
        max_leaves=8,
    ),
    st.booleans(),
)
def test_every_parsed_body_is_forwarded_unchanged(value: Any, ascii_only: bool) -> None:
    body = {"value": value}

    found = parse_object(json.dumps(body, ensure_ascii=ascii_only).encode())

    assert json.loads(splice(json.dumps(found).encode(), found)) == body


def test_white_space_and_padding_do_not_change_the_digest() -> None:
    plain = b"data:image/png;base64,QUJD" + b"QUJD" * 30 + b"QQ=="
    wrapped = plain.replace(b"QUJDQUJD", b"QUJD\nQUJD ")

    assert content_digest(plain) == content_digest(wrapped)
    assert content_digest(plain) == content_digest(plain.rstrip(b"="))
    assert content_digest(plain) != content_digest(plain.replace(b"QUJD", b"QUJE", 1))
    assert content_digest(plain) != content_digest(plain.replace(b"png", b"jpg"))
    assert content_digest(b"data:text/plain,hello") is None


def test_small_data_urls_are_not_lifted() -> None:
    assert lift(b'{"a": "data:x"}').urls == ()


CHUNK = 256 * 1024


@pytest.mark.parametrize("before", [CHUNK - 30, CHUNK - 10, CHUNK - 9, CHUNK - 1, CHUNK, CHUNK + 7])
@pytest.mark.parametrize("size", [LIFTED, CHUNK, 2 * CHUNK + 1])
def test_a_data_url_is_found_wherever_a_chunk_of_the_search_ends(before: int, size: int) -> None:
    url = "data:image/png;base64," + "A" * size
    spaces = " " * before
    text = f'{{{spaces}"image": "{url}"}}'.encode()

    [lifted] = lift(text).urls

    assert bytes(lifted.raw).decode() == url
    assert splice(json.dumps(found := parse_object(text)).encode(), found).count(url.encode()) == 1


@pytest.mark.parametrize("place", [0, CHUNK - 1, CHUNK, 2 * CHUNK - 1])
@pytest.mark.parametrize("odd", ["\\n", "é"])
def test_an_odd_character_in_any_chunk_is_noticed(place: int, odd: str) -> None:
    text = "A" * place + odd + "A" * (2 * CHUNK - place)

    assert not lift(f'{{"image": "data:image/png;base64,{text}"}}'.encode()).urls


def test_a_body_in_a_bytearray_is_parsed_as_bytes_are() -> None:
    text = json.dumps({"image": LARGE, "prompt": "x"}).encode()

    assert json.dumps(parse_object(bytearray(text))) == json.dumps(parse_object(text))
