"""Tests of every fault that affects a call."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientSession

from gateway.sandbox.faults import ACTIONS, Fault
from tests.fakes.clock import FakeClock
from tests.sandbox.client import Client
from tests.sandbox.conftest import Start, wait_for_sleeper


async def outcome(client: Client) -> tuple[str, str | None, int | None]:
    """Return outcome, fault and status of the only submit."""
    (entry,) = client.sandbox.ledger.submits
    return entry.outcome, entry.fault, entry.status


@pytest.mark.parametrize(
    ("status", "metadata"),
    [
        (402, {"limit_source": "openrouter_credits"}),
        (429, {"limit_source": "upstream_provider_shared_pool", "retry_after_seconds": 7}),
        (503, None),
    ],
)
async def test_a_refusal_has_the_metadata_of_its_status(
    client: Client, status: int, metadata: Any
) -> None:
    client.sandbox.faults.next("submit", "refuse", status=status, retry_after=7)

    answer = await client.submit()

    assert answer.status == answer.body["error"]["code"] == status
    assert answer.body["error"].get("metadata") == metadata
    assert answer.headers["Retry-After"] == "7"
    assert await outcome(client) == ("unread", "refuse", status)
    assert (await client.submit()).status == 202


async def test_a_refusal_can_have_any_body(client: Client) -> None:
    client.sandbox.faults.next(
        "submit", "refuse", status=400, message="no", metadata={"a": 1}, headers={"X-Odd": "1"}
    )
    client.sandbox.faults.next("submit", "refuse", status=418, body="{}")

    first, second = await client.submit(), await client.submit()

    assert first.body == {"error": {"message": "no", "code": 400, "metadata": {"a": 1}}}
    assert first.headers["X-Odd"] == "1"
    assert (second.status, second.body) == (418, {})


async def test_a_fault_affects_the_given_number_of_calls(client: Client) -> None:
    client.sandbox.faults.next("submit", "refuse", status=503, times=2)

    assert [(await client.submit()).status for _ in range(3)] == [503, 503, 202]


async def test_a_fault_can_be_limited_to_a_model_or_job(client: Client) -> None:
    first, second = await client.job(), await client.job()
    client.sandbox.faults.next("poll", "refuse", status=500, job_id=second)
    client.sandbox.faults.next("submit", "refuse", status=503, model="openai/sora-2-pro")

    polls = [(await client.poll(job_id)).status for job_id in (first, second, second)]
    grok = await client.submit()
    sora = await client.submit({"model": "openai/sora-2-pro", "prompt": "x"})

    assert polls == [200, 500, 200]
    assert (grok.status, sora.status) == (202, 503)


async def test_the_response_can_be_an_html_page(client: Client) -> None:
    client.sandbox.faults.next("submit", "html")

    answer = await client.submit()

    assert answer.status == 500
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"<h1>500" in answer.body
    assert client.sandbox.jobs == ()


async def test_an_error_with_accept_creates_a_job(client: Client) -> None:
    client.sandbox.faults.next("submit", "html", status=502, accept=True)

    answer = await client.submit()

    assert answer.status == 502
    assert len(client.sandbox.jobs) == 1
    assert await outcome(client) == ("accepted", "html", 502)


async def test_the_response_can_be_a_redirect(client: Client) -> None:
    client.sandbox.faults.next("submit", "redirect", location="http://127.0.0.1:9/else")

    answer = await client.submit()

    assert (answer.status, answer.headers["Location"]) == (307, "http://127.0.0.1:9/else")
    assert client.sandbox.jobs == ()


async def test_garbage_is_202_without_json_and_creates_a_job(
    client: Client, http: ClientSession
) -> None:
    client.sandbox.faults.next("submit", "garbage")
    headers = {"Authorization": f"Bearer {client.sandbox.api_key}"}
    body = {"model": "x-ai/grok-imagine-video", "prompt": "x"}

    async with http.post(f"{client.sandbox.url}/videos", json=body, headers=headers) as response:
        text = await response.text()

    assert response.status == 202
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)
    assert len(client.sandbox.jobs) == 1


async def test_the_response_can_be_truncated(client: Client) -> None:
    client.sandbox.faults.next("submit", "truncated")

    with pytest.raises(aiohttp.ClientPayloadError):
        await client.submit()

    assert len(client.sandbox.jobs) == 1


async def test_the_response_can_lack_the_id(client: Client) -> None:
    client.sandbox.faults.next("submit", "no_id")

    answer = await client.submit()

    assert (answer.status, answer.body) == (202, {"status": "pending"})
    assert len(client.sandbox.jobs) == 1


@pytest.mark.parametrize(
    ("action", "jobs", "expected"), [("reset", 0, "unread"), ("reset_after", 1, "accepted")]
)
async def test_a_reset_is_before_or_after_the_job_is_created(
    client: Client, clock: FakeClock, action: str, jobs: int, expected: str
) -> None:
    client.sandbox.faults.next("submit", action)

    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await client.submit()
    await client.sandbox.ledger.until(lambda ledger: ledger.submits[0].answered_at is not None)
    await clock.advance(6)

    assert len(client.sandbox.jobs) == jobs
    assert (client.sandbox.charged > 0) == bool(jobs)
    assert await outcome(client) == (expected, action, None)


@pytest.mark.parametrize("accept", [False, True])
async def test_a_delay_is_before_or_after_the_call_is_handled(
    client: Client, clock: FakeClock, accept: bool
) -> None:
    client.sandbox.faults.next("submit", "delay", seconds=8, accept=accept)
    answering = asyncio.create_task(client.submit())
    await wait_for_sleeper(clock)

    created = len(client.sandbox.jobs)
    await clock.advance(8)

    assert created == int(accept)
    assert (await answering).status == 202
    assert len(client.sandbox.jobs) == 1


async def test_a_delayed_call_creates_a_job_although_the_client_disconnects(
    client: Client, clock: FakeClock
) -> None:
    client.sandbox.faults.next("submit", "delay", seconds=8)
    with pytest.raises(TimeoutError):
        await client.call(
            "POST",
            "/videos",
            json={"model": "x-ai/grok-imagine-video", "prompt": "x"},
            timeout=aiohttp.ClientTimeout(total=0.2),
        )

    await wait_for_sleeper(clock)
    await clock.advance(8)
    await client.sandbox.ledger.until(lambda ledger: bool(ledger.accepted))

    assert len(client.sandbox.jobs) == 1


async def test_a_hanging_call_ends_when_the_client_disconnects(client: Client) -> None:
    client.sandbox.faults.next("submit", "hang")

    with pytest.raises(TimeoutError):
        await client.call("POST", "/videos", json={}, timeout=aiohttp.ClientTimeout(total=0.2))
    await client.sandbox.ledger.until(lambda ledger: ledger.submits[0].answered_at is not None)

    assert await outcome(client) == ("unread", "hang", None)


async def test_closing_does_not_wait_for_hanging_calls(http: ClientSession, start: Start) -> None:
    client = Client(http, await start())
    client.sandbox.faults.next("submit", "hang")
    hanging = asyncio.create_task(client.submit())
    await client.sandbox.ledger.until(lambda ledger: bool(ledger.submits))

    async with asyncio.timeout(5):
        await client.sandbox.close()

    with pytest.raises(aiohttp.ClientError):
        await hanging


async def test_an_error_of_the_call_is_returned_unchanged(client: Client) -> None:
    client.sandbox.faults.next("submit", "garbage")

    answer = await client.submit(duration=99)

    assert answer.status == 400
    assert "Duration 99s" in answer.body["error"]["message"]


CALLS = [
    ("poll", "/videos/{id}"),
    ("content", "/videos/{id}/content"),
    ("models", "/videos/models"),
]


@pytest.mark.parametrize(("target", "path"), CALLS)
async def test_faults_affect_other_calls(
    client: Client, clock: FakeClock, target: Any, path: str
) -> None:
    job_id = await client.job()
    await clock.advance(6)
    client.sandbox.faults.next(target, "refuse", status=500)
    client.sandbox.faults.next(target, "html", status=502)
    client.sandbox.faults.next(target, "reset", times=2)  # aiohttp retries a GET once

    url_path = path.format(id=job_id)
    statuses = [(await client.call("GET", url_path)).status for _ in range(2)]
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await client.call("GET", url_path)

    assert statuses == [500, 502]
    assert (await client.call("GET", url_path)).status == 200


def test_a_fault_needs_a_known_target_and_action() -> None:
    for action, targets in ACTIONS.items():
        for target in targets:
            assert Fault(target, action).action == action
    with pytest.raises(ValueError, match="unknown target 'lunch'"):
        Fault("lunch", "refuse")
    with pytest.raises(ValueError, match="is not available for 'poll'"):
        Fault("poll", "forge")
