"""Tests of validation errors; recorded messages must match exactly.

See docs/openrouter-contract.md section 1.
"""

from typing import Any

import pytest
from aiohttp import ClientSession

from tests.sandbox.client import Client
from tests.sandbox.conftest import Start

FUNNEL = {
    "routing_funnel": [{"step": "Initial Endpoints", "endpoint_count": 1}],
    "failed_routing_step": "Validate Video Parameters",
}
IMAGE = {"url": "https://example.com/a.png"}
CLIP = {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}
UPSCALE = {"model": "black-forest-labs/flux-video-upscale", "input_references": [CLIP]}
SEEDANCE = {"model": "bytedance/seedance-2.0-mini", "prompt": "x"}


def frame(kind: str, url: str = "https://example.com/a.png") -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}, "frame_type": kind}


DURATIONS = (
    "Duration 99s is not supported for this model. "
    "Supported durations: 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15s"
)

RECORDED = [
    (
        {"duration": 99},
        DURATIONS,
        FUNNEL,
    ),
    (
        {"resolution": "4K"},
        "Resolution 4K is not supported for this model. Supported resolutions: 480p, 720p",
        FUNNEL,
    ),
    (
        {"prompt": None},
        "xAI video generations require a prompt when no image input is provided",
        None,
    ),
    (
        {
            "input_references": [
                {"type": "video_url", "video_url": {"url": "http://example.com/a.mp4"}}
            ]
        },
        "Invalid reference URL: input_references[0].video_url.url: Only HTTPS URLs are allowed",
        None,
    ),
    ({"model": "nobody/nothing"}, "nobody/nothing is not a valid model ID", None),
]


@pytest.mark.parametrize(("changes", "message", "metadata"), RECORDED)
async def test_recorded_errors_match_exactly(
    client: Client, changes: Any, message: str, metadata: Any
) -> None:
    answer = await client.submit(**changes)

    expected = {"message": message, "code": 400}
    assert answer.status == 400
    assert answer.body["error"] == expected | ({"metadata": metadata} if metadata else {})
    assert list(answer.body["error"])[:2] == ["message", "code"]
    assert client.sandbox.jobs == ()


OTHERS = [
    ({**SEEDANCE, "aspect_ratio": "3:2"}, "Aspect ratio 3:2 is not supported"),
    ({**SEEDANCE, "size": "1920x1080"}, "Size 1920x1080 is not supported"),
    ({"model": "alibaba/wan-3.0", "prompt": "x", "size": "640x360"}, "Resolution 360p"),
    ({"model": "alibaba/wan-3.0", "prompt": "x", "size": "1680x720"}, "Aspect ratio 21:9"),
    ({"model": "runway/gen-4.5", "frame_images": [frame("last_frame")]}, "Frame type last_frame"),
    ({"model": "openai/sora-2-pro", "frame_images": [frame("first_frame")]}, "types: none"),
    ({"model": "runway/gen-4.5", "prompt": "x", "generate_audio": True}, "generate_audio is not"),
    ({"model": "openai/sora-2-pro", "prompt": "x", "seed": 1}, "seed is not supported"),
    ({**SEEDANCE, "upscale_factor": 2}, "upscale_factor is not supported"),
    ({**SEEDANCE, "creativity": 1}, "creativity is not supported"),
    ({**UPSCALE, "upscale_factor": 3.5}, "Upscale factor 3.5 is not supported"),
    ({**UPSCALE, "creativity": 2}, "Creativity 2 is not supported for this model. Supported"),
    ({**UPSCALE, "size": "90000x90000"}, "size is not supported"),
    ({"model": "black-forest-labs/flux-video-upscale"}, "video edits require a video input"),
    ({"model": "runway/aleph-2", "input_references": [CLIP]}, "Runway video generations require"),
    ({**SEEDANCE, "frame_images": [frame("first_frame", "http://a.b/c")]}, "Only HTTPS URLs"),
    ({**SEEDANCE, "frame_images": [frame("first_frame", "data:text/html,x")]}, "Only HTTPS URLs"),
    ({**SEEDANCE, "frame_images": [frame("first_frame", "https://[")]}, "Only HTTPS URLs"),
    ({**SEEDANCE, "callback_url": "ftp://a.b/c"}, "Invalid callback_url"),
    ({**SEEDANCE, "callback_url": "https://"}, "Invalid callback_url"),
]


@pytest.mark.parametrize(("body", "message"), OTHERS)
async def test_an_unsupported_request_is_400(client: Client, body: Any, message: str) -> None:
    answer = await client.submit(body)

    assert answer.status == 400
    assert message in answer.body["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"model": "x-ai/grok-imagine-video", "frame_images": [frame("first_frame")]},
        {**SEEDANCE, "frame_images": [frame("last_frame", "data:image/png;base64,iVBORw0KGgo=")]},
        {**SEEDANCE, "n": 4, "stream": True, "something": {"new": [1]}},
        {**SEEDANCE, "prompt": "x", "seed": None, "duration": 4.0, "provider": None},
        {**SEEDANCE, "provider": {"options": {"seedance": {"parameters": {"watermark": False}}}}},
        {"model": "x-ai/grok-imagine-video", "prompt": "x", "seed": 3, "generate_audio": True},
        {"model": "alibaba/wan-3.0", "prompt": "x", "size": "854x480"},
        {**UPSCALE, "upscale_factor": 1.5, "creativity": 0},
        {"model": "heygen/avatar-iv", "prompt": "Hello", "duration": 99},
        {**SEEDANCE, "zdr": True},
    ],
)
async def test_supported_and_unknown_fields_are_accepted(client: Client, body: Any) -> None:
    answer = await client.submit(body)

    assert answer.status == 202, answer.body


async def test_unsupported_flags_can_be_allowed(http: ClientSession, start: Start) -> None:
    client = Client(http, await start(strict_flags=False))

    answer = await client.submit(
        {"model": "runway/gen-4.5", "prompt": "x", "generate_audio": False}
    )

    assert answer.status == 202


async def test_an_http_callback_can_be_rejected(http: ClientSession, start: Start) -> None:
    client = Client(http, await start(allow_http_callbacks=False))

    refused = await client.submit(callback_url="http://127.0.0.1:1/hooks")
    accepted = await client.submit(callback_url="https://example.com/hooks")

    assert (refused.status, accepted.status) == (400, 202)
    assert "Only HTTPS" in refused.body["error"]["message"]


ZDR = {
    "message": "No endpoints found matching your data policy (Zero data retention). "
    "Configure: https://openrouter.ai/settings/privacy",
    "code": 404,
    "metadata": {"failed_routing_step": "Filter by Data Policy"},
}


async def test_a_request_for_zero_data_retention_is_rejected(client: Client) -> None:
    answer = await client.submit(provider={"zdr": True})

    assert (answer.status, answer.body) == (404, {"error": ZDR})


async def test_an_account_with_zero_data_retention_is_rejected(
    http: ClientSession, start: Start
) -> None:
    answer = await Client(http, await start(zdr=True)).submit()

    assert (answer.status, answer.body) == (404, {"error": ZDR})
