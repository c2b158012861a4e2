"""Compares the gateway's estimate with the sandbox's charge, which are independent programs."""

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
from gateway.sandbox.render_plan import plan_render
from gateway.sandbox.request import read_request
from gateway.sandbox.validation import check_request

CLIP = {"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
FIRST = {**IMAGE, "frame_type": "first_frame"}
CATALOG = Catalog.recorded()
PRICED_BY_SOURCE = {
    "black-forest-labs/flux-video-edit",
    "black-forest-labs/flux-video-upscale",
    "heygen/avatar-iv",
    "runway/aleph-2",
}
"""Models that the gateway can't price in advance: it does not know the length of the source."""


def requests(model: Model) -> Iterator[dict[str, Any]]:
    """Yield accepted requests with extreme values of every field that affects the price."""
    durations = {None, *(model.durations or ())[-1:]}
    ratios = {None, "1:1", *(model.aspect_ratios or ())[-1:]}
    shapes: list[dict[str, Any]] = [{"size": size} for size in model.sizes or ()]
    shapes += [
        {"resolution": resolution, "aspect_ratio": ratio}
        for resolution, ratio in itertools.product((None, *(model.resolutions or ())), ratios)
    ]
    inputs: list[dict[str, Any]] = [{}, {"frame_images": [FIRST]}]
    inputs += [{"input_references": parts} for parts in ([IMAGE] * 2, [CLIP], [CLIP, IMAGE])]
    inputs.append({"previous_job_id": f"gen-vid-1-{'A' * 20}"})
    for duration, shape, audio, given in itertools.product(
        durations, shapes, (None, True, False), inputs
    ):
        body = {"duration": duration, "generate_audio": audio, **shape, **given}
        body = {name: value for name, value in body.items() if value is not None}
        body = {"model": model.id, "prompt": "x", **body}
        try:
            check_request(read_request(body, "standard"), model, SandboxConfig())
        except ApiError:
            continue
        yield body


@pytest.mark.parametrize("model", CATALOG.models.values(), ids=lambda model: model.id)
def test_the_estimate_is_never_below_the_charge(model: Model) -> None:
    capabilities = parse_capabilities(model.entry)
    count = 0
    for body in requests(model):
        count += 1
        plan = plan_render(read_request(body, "standard"), model, SandboxConfig())
        request = parse_request(body)
        assert isinstance(request, VideoRequest)
        worst_case = estimate(request, capabilities)
        if model.id in PRICED_BY_SOURCE:
            assert not isinstance(worst_case, Estimate)
            continue
        assert isinstance(worst_case, Estimate), body
        assert worst_case.micros >= micros_up(plan.list_price), body
        open_fields = {"duration", "resolution", "generate_audio"} - set(body)
        by_token = any(key.startswith("video_tokens") for key in model.skus)
        render = plan.render  # a clip may count as a continuation; the estimate is the higher price
        if not (open_fields or by_token or render.continued or render.video_input):
            assert worst_case.micros == micros_up(plan.list_price), body

    assert count >= 2
