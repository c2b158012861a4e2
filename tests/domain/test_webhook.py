"""Parsing an upstream's event: events of the contract, and any other bytes without an error."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.job import Status, parse_news
from gateway.domain.webhook import read_event


def event(status: str = "completed", **data: Any) -> bytes:
    data = {"id": "up-1", **data, "status": status}
    return json.dumps({"type": f"video.generation.{status}", "data": data}).encode()


@pytest.mark.parametrize("status", ["completed", "failed", "cancelled", "expired"])
def test_every_terminal_status_is_parsed(status: str) -> None:
    told = read_event(event(status))

    assert told is not None
    assert (told.upstream_id, told.news.status, told.ends) == ("up-1", Status(status), True)


def test_the_upstreams_digits_are_kept() -> None:
    body = b"""{"type":"video.generation.completed","data":{"id":"up-1","status":"completed",
               "usage":{"cost":0.1234567890123456789,"is_byok":true},"unsigned_urls":["a","b"]}}"""

    told = read_event(body)

    assert told is not None
    assert told.news.raw_cost == "0.1234567890123456789"
    assert (told.news.is_byok, told.news.outputs) == (True, 2)


@pytest.mark.parametrize("status", ["pending", "in_progress", "rendering", ""])
def test_other_statuses_do_not_end_a_job(status: str) -> None:
    told = read_event(event(status))

    assert told is not None
    assert not told.ends


def test_an_event_of_another_family_needs_no_id() -> None:
    told = read_event(b'{"type":"workspace.renamed","data":null}')

    assert told is not None
    assert (told.type, told.ends) == ("workspace.renamed", False)


def test_a_missing_status_is_taken_from_the_type() -> None:
    told = read_event(b'{"type":"video.generation.failed","data":{"id":"up-1"}}')

    assert told is not None
    assert told.news.status is Status.FAILED


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"1", b"{}", b'{"type":null}', b'{"type":"video.generation.failed"}',
     b'{"type":"video.generation.failed","data":[]}', event(id=1), event(id=""), event(id="a\0"),
     event(id="\ud800"), event(id="x" * 201),
     event("completed").replace(b'"completed"}', b'"failed"}'),
     b"[" * 100_000, b"\xff\xfe", b'{"type":' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_an_event_that_violates_the_contract_is_none(body: bytes) -> None:
    assert read_event(body) is None


@given(st.binary(max_size=300))
def test_no_bytes_raise(body: bytes) -> None:
    read_event(body)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "status", "usage", "cost", "error", "message", "unsigned_urls"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(_JSON, st.sampled_from(["completed", "failed", "x"]))
def test_no_data_raises(data: Any, status: str) -> None:
    read_event(json.dumps({"type": f"video.generation.{status}", "data": data}).encode())


@pytest.mark.parametrize(
    ("error", "text"),
    [("a\0b", "a\ufffdb"), ("half \ud83d", "half ?"), ({"message": "told\0"}, "told\ufffd"),
     ("", None), (7, None)],
)  # fmt: skip
def test_an_error_text_can_always_be_stored(error: Any, text: str | None) -> None:
    assert parse_news({"status": "failed", "error": error}).error == text
