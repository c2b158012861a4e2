"""The official Python SDK, unmodified: only its base URL and key are the gateway's."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from openrouter import OpenRouter, components, errors

from gateway.sandbox import Sandbox
from tests.api.conftest import StartGateway
from tests.fakes.clock import FakeClock
from tests.harness import GROK, KEYS, RunningGateway, flowing

T = TypeVar("T")
OPEN = ("pending", "in_progress")


def sdk(gateway: RunningGateway, key: str = KEYS["growth"]) -> OpenRouter:
    return OpenRouter(api_key=key, server_url=gateway.base)


async def in_thread(gateway: RunningGateway, use: Callable[[OpenRouter], T]) -> T:
    """Run what a synchronous program would."""

    def run() -> T:
        with sdk(gateway) as client:
            return use(client)

    return await asyncio.to_thread(run)


async def test_the_sync_client_lists_submits_polls_and_downloads(
    gateway: RunningGateway, sandbox: Sandbox, clock: FakeClock
) -> None:
    def program(client: OpenRouter) -> tuple[int, components.VideoGenerationResponse, bytes]:
        videos = client.video_generation
        models = videos.list_videos_models()
        job = videos.generate(**GROK)
        while job.status in OPEN:
            time.sleep(0.005)
            job = videos.get_generation(job_id=job.id)
        content = videos.get_video_content(job_id=job.id)
        return len(models.data), job, content.read()

    async with flowing(clock):
        models, job, video = await in_thread(gateway, program)

    assert models == 30
    assert job.status == "completed"
    assert job.usage is not None
    assert job.usage.cost == 0.07
    assert video[4:8] == b"ftyp"
    assert len(sandbox.ledger.submits) == 1


async def test_the_async_client_lists_submits_polls_and_downloads(
    gateway: RunningGateway, sandbox: Sandbox, clock: FakeClock
) -> None:
    async with flowing(clock), sdk(gateway) as client:
        videos = client.video_generation
        models = await videos.list_videos_models_async()
        job = await videos.generate_async(**GROK)
        while job.status in OPEN:
            await asyncio.sleep(0.005)
            job = await videos.get_generation_async(job_id=job.id)
        content = await videos.get_video_content_async(job_id=job.id)
        video = await content.aread()

    assert len(models.data) == 30
    assert job.status == "completed"
    assert video[4:8] == b"ftyp"
    assert len(sandbox.ledger.submits) == 1


async def test_a_job_that_fails_is_told_with_its_words(
    gateway: RunningGateway, sandbox: Sandbox, clock: FakeClock
) -> None:
    sandbox.faults.next("job", "fail", error="The provider blocked this prompt")

    job_id = await gateway.job()
    await gateway.ended(job_id)
    job = await in_thread(gateway, lambda c: c.video_generation.get_generation(job_id=job_id))

    assert (job.status, job.error) == ("failed", "The provider blocked this prompt")


async def test_refusals_raise_the_sdk_s_own_typed_errors(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    """Each with its message in place, whoever refused: the gateway, or the upstream behind it."""
    budget = {"growth": {"budgets": [{"period": "day", "limit_usd": "0.08"}]}}
    gateway = await gateways(sandbox, sqlite_url, {"teams": budget})

    async def raised(use: Callable[[OpenRouter], object]) -> errors.OpenRouterError:
        with pytest.raises(errors.OpenRouterError) as caught:
            await in_thread(gateway, use)
        return caught.value

    bad = await raised(lambda c: c.video_generation.generate(**{**GROK, "duration": 99}))
    assert isinstance(bad, errors.BadRequestResponseError)
    assert "duration" in bad.data.error.message

    unknown = await raised(
        lambda c: c.video_generation.generate(model="x-ai/grok-imagine-vidoe", prompt="a cat")
    )
    assert isinstance(unknown, errors.NotFoundResponseError)

    sandbox.faults.next("submit", "refuse", status=403, message="Your prompt was moderated")
    moderated = await raised(lambda c: c.video_generation.generate(**GROK))
    assert isinstance(moderated, errors.ForbiddenResponseError)
    assert moderated.data.error.message == "Your prompt was moderated"

    await in_thread(gateway, lambda c: c.video_generation.generate(**GROK))
    broke = await raised(lambda c: c.video_generation.generate(**{**GROK, "prompt": "another"}))
    assert isinstance(broke, errors.PaymentRequiredResponseError)

    absent = await raised(lambda c: c.video_generation.get_generation(job_id="gen-vid-1-x"))
    assert isinstance(absent, errors.NotFoundResponseError)

    job_id = await gateway.job()
    early = await raised(lambda c: c.video_generation.get_video_content(job_id=job_id))
    assert isinstance(early, errors.ConflictResponseError)


async def test_a_wrong_key_is_the_sdk_s_unauthorized(gateway: RunningGateway) -> None:
    def program() -> None:
        with OpenRouter(api_key="vg_wrong", server_url=gateway.base) as client:
            client.video_generation.generate(**GROK)

    with pytest.raises(errors.UnauthorizedResponseError):
        await asyncio.to_thread(program)


@pytest.mark.filterwarnings("ignore:.*DEPRECATED.*:DeprecationWarning")
async def test_every_method_that_touches_models_and_keys_reads_the_answer(
    gateways: StartGateway, sandbox: Sandbox, sqlite_url: str
) -> None:
    budgets = [{"period": "day", "limit_usd": 5}, {"period": "month", "limit_usd": 50}]
    gateway = await gateways(sandbox, sqlite_url, {"teams": {"growth": {"budgets": budgets}}})
    await gateway.completed()

    def ask() -> tuple[Any, Any, Any]:
        with OpenRouter(api_key=KEYS["growth"], server_url=gateway.base) as client:
            return (
                client.models.list(output_modalities="video"),
                client.models.count(output_modalities="video"),
                client.api_keys.get_current_key_metadata(),
            )

    listed, counted, key = await asyncio.to_thread(ask)

    assert len(listed.result.data) == counted.data.count > 10
    assert (key.data.limit, key.data.usage) == (5, 0.07)
    assert key.data.limit_remaining == pytest.approx(4.93)
    assert key.data.effective_budget.limit_usd == 5


async def test_a_wrong_key_is_refused_by_the_lists_too(gateway: RunningGateway) -> None:
    for path in ("/videos/models", "/models", "/models/count", "/key"):
        answer = await gateway.get(path, team=None, headers={"Authorization": "Bearer vg_no"})
        assert (answer.status, answer.reason) == (401, "invalid_key"), path
