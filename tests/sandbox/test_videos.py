"""Submit and poll, as the real service was recorded to do them."""

import re

import pytest
from aiohttp import ClientSession

from gateway.sandbox import Sandbox
from tests.fakes.clock import FakeClock
from tests.sandbox.client import GROK, Client
from tests.sandbox.conftest import Start


@pytest.fixture
def client(http: ClientSession, sandbox: Sandbox) -> Client:
    return Client(http, sandbox)


async def test_a_submit_answers_202_with_exactly_the_three_recorded_keys(client: Client) -> None:
    answer = await client.submit()

    assert answer.status == 202
    assert list(answer.body) == ["id", "polling_url", "status"]
    assert re.fullmatch(r"gen-vid-\d+-[0-9A-Za-z]{20}", answer.body["id"])
    assert answer.body["polling_url"] == f"{client.sandbox.url}/videos/{answer.body['id']}"
    assert answer.body["status"] == "pending"


async def test_a_job_runs_through_in_progress_to_completed_by_the_clock(
    http: ClientSession, start: Start, clock: FakeClock
) -> None:
    client = Client(http, await start(in_progress="always", generation_seconds=(10.0, 10.0)))
    job_id = await client.job()

    seen = []
    for seconds in (2.9, 0.2, 6.8, 0.2):
        await clock.advance(seconds)
        seen.append((await client.poll(job_id)).body["status"])

    assert seen == ["pending", "in_progress", "in_progress", "completed"]


async def test_a_job_may_go_from_pending_straight_to_completed(
    http: ClientSession, start: Start, clock: FakeClock
) -> None:
    client = Client(http, await start(in_progress="never", generation_seconds=(10.0, 10.0)))
    job_id = await client.job()

    await clock.advance(9.9)
    before = (await client.poll(job_id)).body["status"]
    await clock.advance(0.1)

    assert (before, (await client.poll(job_id)).body["status"]) == ("pending", "completed")


async def test_a_completed_poll_has_the_recorded_fields_and_the_recorded_charge(
    client: Client, clock: FakeClock
) -> None:
    """Recorded: Grok, 1 s, 480p, one image, 0.052 USD."""
    frame = {
        "type": "image_url",
        "image_url": {"url": "https://example.com/a.png"},
        "frame_type": "first_frame",
    }
    job_id = await client.job(resolution="480p", frame_images=[frame])
    await clock.advance(6)

    answer = await client.poll(job_id)

    assert answer.body == {
        "id": job_id,
        "generation_id": job_id,
        "polling_url": f"{client.sandbox.url}/videos/{job_id}",
        "status": "completed",
        "unsigned_urls": [f"{client.sandbox.url}/videos/{job_id}/content?index=0"],
        "usage": {"cost": 0.052, "is_byok": False},
    }


async def test_an_unknown_job_is_404_in_the_recorded_words(client: Client) -> None:
    answer = await client.poll("gen-vid-1-AAAAAAAAAAAAAAAAAAAA")

    assert answer.status == 404
    assert answer.body["error"] == {
        "message": "Job gen-vid-1-AAAAAAAAAAAAAAAAAAAA not found",
        "code": 404,
    }


async def test_without_a_key_and_with_an_unknown_one_it_is_401(
    client: Client, http: ClientSession
) -> None:
    async with http.post(f"{client.sandbox.url}/videos", json=GROK) as keyless:
        nothing = (await keyless.json())["error"]["message"]
    unknown = await client.call("POST", "/videos", key="sk-or-other", json=GROK)

    assert (keyless.status, nothing) == (401, "No cookie auth credentials found")
    assert (unknown.status, unknown.body["error"]["message"]) == (401, "User not found.")
    assert client.sandbox.jobs == ()


async def test_every_submit_is_in_the_ledger_without_its_key(client: Client) -> None:
    job_id = await client.job(prompt="x" * 1000)
    await client.submit({"model": "nobody/nothing"})

    taken, refused = client.sandbox.ledger.submits
    assert (taken.outcome, taken.status, taken.job_id) == ("accepted", 202, job_id)
    assert taken.body["prompt"].endswith("(1000 characters)")
    assert (refused.outcome, refused.status) == ("refused", 400)
    assert refused.message == "nobody/nothing is not a valid model ID"
    assert client.sandbox.api_key not in str(client.sandbox.ledger.document())
