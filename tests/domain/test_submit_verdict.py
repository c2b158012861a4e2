"""The classification of an upstream's answers to a submit, row by row."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.job import Status
from gateway.domain.submit_verdict import read_models, read_submit
from gateway.domain.upstream import Accepted, CatalogFailed, Declined, Unclear

OWN = {"error": {"code": 503, "message": "no provider is free"}}
PAGE = b"<html><head><title>x</title></head><body><h1>413</h1> Request&nbsp;Too Large</body></html>"


def read(status: int, value: Any = None, body: bytes | None = None) -> Any:
    return read_submit(status, json.dumps(value).encode() if body is None else body, 3)


def test_an_acceptance_needs_an_id_and_nothing_else() -> None:
    assert read(200, {"id": "a"}) == Accepted("a", Status.PENDING)
    assert read(202, {"id": "a", "status": "odd"}) == Accepted("a", Status.PENDING)
    assert read(200, {"id": "a", **OWN}) == Accepted("a", Status.PENDING)


@pytest.mark.parametrize(
    "value", [{"id": ""}, {"id": 7}, {"id": "x" * 201}, {}, [], "text", {"status": "pending"}]
)
def test_a_success_without_an_id_is_unknown(value: Any) -> None:
    assert isinstance(read(202, value), Unclear)


@pytest.mark.parametrize("code", [400, 402, 403, 404, 422, 429])
def test_an_error_of_a_4xx_inside_a_success_is_refused(code: int) -> None:
    outcome = read(200, {"error": {"code": code, "message": "moderated"}, "user_id": "u"})

    assert outcome == Declined(code, {"code": code, "message": "moderated"}, 3)


@pytest.mark.parametrize("code", [408, 499, 500, 503, "400", 400.5, True, None])
def test_any_other_error_inside_a_success_is_unknown(code: Any) -> None:
    assert isinstance(read(200, {"error": {"code": code, "message": "no"}}), Unclear)


def test_an_error_of_another_form_inside_a_success_is_unknown() -> None:
    for value in ({"error": "no"}, {"error": {"code": 400, "message": "m", "type": "t"}}):
        assert isinstance(read(200, value), Unclear)
    assert isinstance(read(200, {"id": 7, "error": {"code": 400, "message": "m"}}), Unclear)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"error": {"message": "no", "code": 1}}, "no"),
        ({"success": False, "error": {"name": "ZodError", "message": "[]"}}, "[]"),
        ({"error": "model is away"}, "model is away"),
        ({"detail": "Not authenticated"}, "Not authenticated"),
        ({"detail": [{"loc": ["body"], "msg": "bad"}]}, '[{"loc": ["body"], "msg": "bad"}]'),
        ({"code": "E1", "message": "quota"}, "quota"),
        ({"errors": [{"message": "first"}]}, '[{"message": "first"}]'),
        ({"fault": {"message": "inner"}}, None),
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415, 422, 425, 429, 431])
def test_every_4xx_is_refused_with_the_upstreams_message(
    status: int, value: Any, message: str | None
) -> None:
    outcome = read(status, value)

    assert isinstance(outcome, Declined)
    assert (outcome.status, outcome.error["code"]) == (status, status)
    assert outcome.error["message"] == message or message is None


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (PAGE, "413 Request Too Large"),
        (b"", "The upstream answered with status 413."),
        (b"nginx says no\n", "nginx says no"),
        (b"\x00\x01binary", "The upstream answered with status 413."),
        (b'{"cut": ', '{"cut":'),
        (b"<script>alert(1)</script>", "The upstream answered with status 413."),
    ],
)
def test_a_page_or_a_text_becomes_openrouters_error_object(body: bytes, message: str) -> None:
    assert read(413, body=body) == Declined(413, {"code": 413, "message": message}, 3)


def test_an_upstreams_message_is_bounded() -> None:
    long = {"error": {"message": "x" * 9000, "metadata": {"raw": "y" * 9000}}}

    outcome = read(400, long)

    assert isinstance(outcome, Declined)
    assert len(outcome.error["message"]) == 2000
    assert "metadata" not in outcome.error
    assert read(400, body=b"<" * 5_000_000).status == 400


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_refused_and_says_where_it_points(status: int) -> None:
    secret = "https://user:secret@up.example:8443/api/v1/videos?key=secret"

    outcome = read_submit(status, b"", None, location=secret)

    assert isinstance(outcome, Declined)
    assert outcome.location == "https://up.example:8443/api/v1/videos"
    for odd in (None, "", "/relative", "ftp://x/", "https://[::1", "https://x:99999/", "\n"):
        odd_outcome = read_submit(status, b"", None, location=odd)
        assert isinstance(odd_outcome, Declined)
        assert odd_outcome.location == ""


@pytest.mark.parametrize("extra", [{}, {"user_id": "u"}, {"openrouter_metadata": {}}])
def test_openrouters_own_503_is_refused(extra: Any) -> None:
    outcome = read(503, {**OWN, **extra})

    assert isinstance(outcome, Declined)
    assert outcome.transient


@pytest.mark.parametrize(
    "value",
    [
        {"error": {"message": "no"}},
        {"error": {"message": "no", "code": 502}},
        {"error": {"message": "no", "code": "503"}},
        {"error": {"message": "no", "code": 503.0}},
        {"error": {"message": "no", "code": 503, "type": "proxy"}},
        {**OWN, "request_id": "r"},
        {"error": {"code": 503}},
        {"error": "no"},
        [OWN],
        None,
    ],
)
def test_any_other_503_is_unknown(value: Any) -> None:
    assert isinstance(read(503, value), Unclear)


@pytest.mark.parametrize("status", [100, 300, 303, 304, 408, 499, 500, 501, 502, 504, 520, 599])
def test_every_other_status_is_unknown_whatever_its_body(status: int) -> None:
    for value in ({"error": {"code": status, "message": "no"}}, {"id": "a"}, None):
        assert isinstance(read(status, value), Unclear)


@given(status=st.integers(100, 599), body=st.binary(max_size=300))
def test_no_answer_raises(status: int, body: bytes) -> None:
    outcome = read_submit(status, body)

    if isinstance(outcome, Declined):
        assert json.dumps(dict(outcome.error))
        assert not 500 <= status < 503


@pytest.mark.parametrize(
    ("status", "body", "location", "why"),
    [
        (301, b"", "https://up.example/api/v1/videos/models", "base_url is wrong"),
        (308, b"", None, "somewhere else"),
        (502, b"<html>", None, "status 502"),
        (200, b"<html>", None, "not JSON"),
        (200, b"[]", None, "no list"),
        (200, b'{"data": {}}', None, "no list"),
    ],
)
def test_an_answer_that_lists_no_models_says_why(
    status: int, body: bytes, location: str | None, why: str
) -> None:
    outcome = read_models(status, body, location=location)

    assert isinstance(outcome, CatalogFailed)
    assert why in outcome.why


def test_models_are_returned_as_listed() -> None:
    assert read_models(200, b'{"data": [{"id": "a"}, 7]}') == [{"id": "a"}]
