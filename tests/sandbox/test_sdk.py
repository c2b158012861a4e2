"""Tests of the sandbox with the unmodified official Python SDK."""

import io
from collections.abc import AsyncIterator
from typing import Any

import av
import pytest
from openrouter import OpenRouter, errors

from gateway.sandbox import Sandbox
from tests.fakes.clock import FakeClock

REQUEST: dict[str, Any] = {
    "model": "bytedance/seedance-2.0-mini",
    "prompt": "a lighthouse in the rain",
    "duration": 4,
    "resolution": "480p",
    "aspect_ratio": "1:1",
    "generate_audio": False,
}


@pytest.fixture
async def sdk(sandbox: Sandbox) -> AsyncIterator[Any]:
    async with OpenRouter(
        server_url=sandbox.url, api_key=sandbox.api_key, timeout_ms=30_000
    ) as client:
        yield client


async def test_submit_poll_and_download(sdk: Any, sandbox: Sandbox, clock: FakeClock) -> None:
    job = await sdk.video_generation.generate_async(**REQUEST)
    early = await sdk.video_generation.get_generation_async(job_id=job.id)
    await clock.advance(6)
    done = await sdk.video_generation.get_generation_async(job_id=job.id)
    response = await sdk.video_generation.get_video_content_async(job_id=job.id)
    video = await response.aread()

    assert (job.status, early.status, done.status) == ("pending", "pending", "completed")
    assert done.usage.cost == 0.1358  # the recorded charge
    assert done.unsigned_urls == [f"{sandbox.url}/videos/{job.id}/content?index=0"]
    with av.open(io.BytesIO(video)) as container:
        assert (container.streams.video[0].width, container.duration) == (640, 4_000_000)


async def test_both_model_lists(sdk: Any) -> None:
    videos = await sdk.video_generation.list_videos_models_async()
    general = await sdk.models.list_async(output_modalities="video")

    assert len(videos.data) == 30
    assert len(general.result.data) == 30


async def test_a_failed_job_has_its_error(sdk: Any, sandbox: Sandbox, clock: FakeClock) -> None:
    sandbox.faults.next("job", "fail", error="The prompt was blocked")
    job = await sdk.video_generation.generate_async(**REQUEST)
    await clock.advance(6)

    done = await sdk.video_generation.get_generation_async(job_id=job.id)

    assert (done.status, done.error) == ("failed", "The prompt was blocked")


async def test_an_unknown_key_raises_the_unauthorized_error(sandbox: Sandbox) -> None:
    async with OpenRouter(server_url=sandbox.url, api_key="sk-or-other") as client:
        with pytest.raises(errors.UnauthorizedResponseError):
            await client.video_generation.generate_async(**REQUEST)


SUBMIT_ERRORS = [
    (400, errors.BadRequestResponseError),
    (402, errors.PaymentRequiredResponseError),
    (403, errors.ForbiddenResponseError),
    (404, errors.NotFoundResponseError),
    (413, errors.PayloadTooLargeResponseError),
    (429, errors.TooManyRequestsResponseError),
]


@pytest.mark.parametrize(("status", "raised"), SUBMIT_ERRORS)
async def test_a_refused_submit_raises_its_typed_error(
    sdk: Any, sandbox: Sandbox, status: int, raised: type[Exception]
) -> None:
    sandbox.faults.next("submit", "refuse", status=status)

    with pytest.raises(raised):
        await sdk.video_generation.generate_async(**REQUEST)

    assert len(sandbox.ledger.submits) == 1


async def test_content_errors_raise_typed_errors(
    sdk: Any, sandbox: Sandbox, clock: FakeClock
) -> None:
    job = await sdk.video_generation.generate_async(**REQUEST)

    with pytest.raises(errors.ConflictResponseError):
        await sdk.video_generation.get_video_content_async(job_id=job.id)
    await clock.advance(6)
    with pytest.raises(errors.BadRequestResponseError):
        await sdk.video_generation.get_video_content_async(job_id=job.id, index=5)
    await clock.advance(86_400)
    with pytest.raises(errors.GoneResponseError):
        await sdk.video_generation.get_video_content_async(job_id=job.id)
    with pytest.raises(errors.NotFoundResponseError):
        await sdk.video_generation.get_video_content_async(job_id="nobody")


async def test_the_sdk_repeats_a_paid_submit_after_a_500(sdk: Any, sandbox: Sandbox) -> None:
    """Without the gateway, one call creates and pays two jobs (docs/openrouter-contract.md)."""
    sandbox.faults.next("submit", "html", status=500, accept=True)

    await sdk.video_generation.generate_async(**REQUEST)

    assert len(sandbox.ledger.submits) == 2
    assert len(sandbox.jobs) == 2
