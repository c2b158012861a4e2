"""Tests of invalid bodies: 400 in either format, never a 500."""

import json
from typing import Any

import pytest
from aiohttp import ClientSession
from hypothesis import given
from hypothesis import strategies as st

from gateway.sandbox.errors import ApiError, SchemaError
from gateway.sandbox.request import VideoRequest, read_json, read_request
from tests.sandbox.client import Client
from tests.sandbox.conftest import Start

NOT_JSON = [
    b"",
    b"nope",
    b"{",
    b"\xff\xfe",
    b'{"model": NaN}',
    b'{"seed": Infinity}',
    b"[" * 50_000,
    b'{"seed": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("raw", [*NOT_JSON, b"[]", b'"text"', b"null", b"1"])
async def test_a_body_that_is_not_a_json_object_is_400(client: Client, raw: bytes) -> None:
    answer = await client.call("POST", "/videos", data=raw)

    assert answer.status == 400
    assert answer.body["error"]["code"] == 400


INVALID = [
    ({}, "model"),
    ({"model": 1}, "model"),
    ({"model": "m", "duration": 0}, "duration"),
    ({"model": "m", "duration": "5"}, "duration"),
    ({"model": "m", "duration": 5.5}, "duration"),
    ({"model": "m", "duration": True}, "duration"),
    ({"model": "m", "resolution": "9p"}, "resolution"),
    ({"model": "m", "aspect_ratio": "5:0"}, "aspect_ratio"),
    ({"model": "m", "size": "wide"}, "size"),
    ({"model": "m", "generate_audio": "yes"}, "generate_audio"),
    ({"model": "m", "upscale_factor": 0}, "upscale_factor"),
    ({"model": "m", "session_id": "x" * 257}, "session_id"),
    ({"model": "m", "provider": {"options": {"slug": 1}}}, "provider.options.slug"),
    ({"model": "m", "frame_images": [{"type": "image_url"}]}, "frame_images.0.image_url"),
    ({"model": "m", "input_references": [{"type": "nope"}]}, "input_references.0"),
    (
        {"model": "m", "input_references": [{"type": "video_url", "video_url": {}}]},
        "input_references.0.video_url.url",
    ),
]


@pytest.mark.parametrize(("body", "path"), INVALID)
async def test_an_invalid_field_is_named(client: Client, body: Any, path: str) -> None:
    answer = await client.submit({"prompt": "x", **body})

    assert answer.status == 400
    assert f"{path}: " in answer.body["error"]["message"]


async def test_the_zod_error_format_can_be_configured(http: ClientSession, start: Start) -> None:
    client = Client(http, await start(error_shape="zod"))

    answer = await client.submit({"model": "m", "frame_images": [{"type": "image_url"}]})

    assert answer.status == 400
    assert answer.body["success"] is False
    assert set(answer.body["error"]) == {"name", "message"}
    issues = json.loads(answer.body["error"]["message"])
    assert issues[0]["path"] == ["frame_images", 0, "image_url"]


async def test_a_body_over_the_limit_is_413_and_creates_no_job(
    http: ClientSession, start: Start
) -> None:
    client = Client(http, await start(max_body_bytes=1000))

    answer = await client.submit(prompt="x" * 2000)

    assert answer.status == 413
    assert answer.body["error"]["message"] == "Request payload too large"
    assert client.sandbox.jobs == ()


FIELDS = st.sampled_from([*VideoRequest.model_fields, "other"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(FIELDS, JSON, max_size=6))
def test_any_object_is_a_request_or_an_error(body: dict[str, Any]) -> None:
    try:
        request = read_request(body, "standard")
    except SchemaError as error:
        paths = [issue["path"] for issue in error.issues]
    else:
        paths = [["model"]]
        assert request.model == body["model"]

    assert paths
    assert all(paths)


@given(st.binary(max_size=64))
def test_any_bytes_are_an_object_or_an_error(raw: bytes) -> None:
    try:
        body = read_json(raw)
    except ApiError as error:
        status = error.status
    else:
        status = 400
        assert isinstance(body, dict)

    assert status == 400


def test_frames_take_precedence_over_references() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://a.b/c.png"}}
    body = {"model": "m", "input_references": [image, image]}

    with_references = read_request(body, "standard")
    with_frames = read_request(
        {**body, "frame_images": [{**image, "frame_type": "first_frame"}]}, "standard"
    )

    assert (with_references.images, len(with_references.references)) == (2, 2)
    assert (with_frames.images, len(with_frames.references)) == (1, 0)
