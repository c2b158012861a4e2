"""Two programs priced the same requests apart: the gateway's bound, and the sandbox's charge."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.domain.capability import parse_capabilities
from gateway.domain.pricing import Estimate, estimate
from gateway.domain.units import micros_up
from gateway.domain.video import VideoRequest, parse_request
from gateway.sandbox.catalog import Catalog, Model
from gateway.sandbox.config import SandboxConfig
from gateway.sandbox.errors import ApiError
from gateway.sandbox.order import place_order
from gateway.sandbox.request import read_request
from gateway.sandbox.validation import check_request

CLIP = {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}
PICTURE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
FIRST = {**PICTURE, "frame_type": "first_frame"}
CATALOG = Catalog.recorded()
SOLD_BY_SOURCE = {
    "black-forest-labs/flux-video-edit",
    "black-forest-labs/flux-video-upscale",
    "heygen/avatar-iv",
    "runway/aleph-2",
}
"""What the gateway can't price before it is made: it does not know the source's length."""


def requests(model: Model) -> Iterator[dict[str, Any]]:
    """What the sandbox takes, at the corners of every field that bears on the price."""
    durations = {None, *(model.durations or ())[-1:]}
    ratios = {None, "1:1", *(model.aspect_ratios or ())[-1:]}
    shapes: list[dict[str, Any]] = [{"size": size} for size in model.sizes or ()]
    shapes += [
        {"resolution": resolution, "aspect_ratio": ratio}
        for resolution, ratio in itertools.product((None, *(model.resolutions or ())), ratios)
    ]
    given: list[dict[str, Any]] = [{}, {"frame_images": [FIRST]}]
    given += [{"input_references": parts} for parts in ([PICTURE] * 2, [CLIP], [CLIP, PICTURE])]
    given.append({"previous_job_id": f"gen-vid-1-{'A' * 20}"})
    for duration, shape, sound, inputs in itertools.product(
        durations, shapes, (None, True, False), given
    ):
        body = {"duration": duration, "generate_audio": sound, **shape, **inputs}
        body = {name: value for name, value in body.items() if value is not None}
        body = {"model": model.id, "prompt": "x", **body}
        try:
            check_request(read_request(body, "standard"), model, SandboxConfig())
        except ApiError:
            continue
        yield body


@pytest.mark.parametrize("model", CATALOG.models.values(), ids=lambda model: model.id)
def test_the_gateway_never_holds_less_than_the_sandbox_charges(model: Model) -> None:
    capabilities = parse_capabilities(model.entry)
    asked = 0
    for body in requests(model):
        asked += 1
        order = place_order(read_request(body, "standard"), model, SandboxConfig())
        request = parse_request(body)
        assert isinstance(request, VideoRequest)
        bound = estimate(request, capabilities)
        if model.id in SOLD_BY_SOURCE:
            assert not isinstance(bound, Estimate)
            continue
        assert isinstance(bound, Estimate), body
        assert bound.micros >= micros_up(order.list_price), body
        open_fields = {"duration", "resolution", "generate_audio"} - set(body)
        by_token = any(key.startswith("video_tokens") for key in model.skus)
        work = order.work  # a clip may be taken for a continuation; the gateway holds the dearer
        if not (open_fields or by_token or work.continued or work.video_input):
            assert bound.micros == micros_up(order.list_price), body

    assert asked >= 2
