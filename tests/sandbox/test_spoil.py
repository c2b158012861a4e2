"""Every fault that can happen to a call does what it says."""

import asyncio
import json
from typing import Any

import aiohttp
import pytest
from aiohttp import ClientSession

from gateway.sandbox.faults import ACTIONS, Fault
from tests.fakes.clock import FakeClock
from tests.sandbox.client import Client
from tests.sandbox.conftest import Start, asleep


async def outcome(client: Client) -> tuple[str, str | None, int | None]:
    """What the ledger says of the only submit."""
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
async def test_a_refusal_has_the_known_words_of_its_status(
    client: Client, status: int, metadata: Any
) -> None:
    client.sandbox.faults.next("submit", "refuse", status=status, retry_after=7)

    answer = await client.submit()

    assert answer.status == answer.body["error"]["code"] == status
    assert answer.body["error"].get("metadata") == metadata
    assert answer.headers["Retry-After"] == "7"
    assert await outcome(client) == ("unread", "refuse", status)
    assert (await client.submit()).status == 202


async def test_a_refusal_can_say_anything(client: Client) -> None:
    client.sandbox.faults.next(
        "submit", "refuse", status=400, message="no", metadata={"a": 1}, headers={"X-Odd": "1"}
    )
    client.sandbox.faults.next("submit", "refuse", status=418, body="{}")

    first, second = await client.submit(), await client.submit()

    assert first.body == {"error": {"message": "no", "code": 400, "metadata": {"a": 1}}}
    assert first.headers["X-Odd"] == "1"
    assert (second.status, second.body) == (418, {})


async def test_a_fault_meets_as_many_calls_as_it_was_told_to(client: Client) -> None:
    client.sandbox.faults.next("submit", "refuse", status=503, times=2)

    assert [(await client.submit()).status for _ in range(3)] == [503, 503, 202]


async def test_a_fault_can_wait_for_one_model_or_one_job(client: Client) -> None:
    first, second = await client.job(), await client.job()
    client.sandbox.faults.next("poll", "refuse", status=500, job_id=second)
    client.sandbox.faults.next("submit", "refuse", status=503, model="openai/sora-2-pro")

    polls = [(await client.poll(job_id)).status for job_id in (first, second, second)]
    grok = await client.submit()
    sora = await client.submit({"model": "openai/sora-2-pro", "prompt": "x"})

    assert polls == [200, 500, 200]
    assert (grok.status, sora.status) == (202, 503)


async def test_a_page_of_html_comes_instead(client: Client) -> None:
    client.sandbox.faults.next("submit", "html")

    answer = await client.submit()

    assert answer.status == 500
    assert answer.headers["Content-Type"].startswith("text/html")
    assert b"<h1>500" in answer.body
    assert client.sandbox.jobs == ()


async def test_a_failure_after_acceptance_has_made_a_job(client: Client) -> None:
    client.sandbox.faults.next("submit", "html", status=502, accept=True)

    answer = await client.submit()

    assert answer.status == 502
    assert len(client.sandbox.jobs) == 1
    assert await outcome(client) == ("accepted", "html", 502)


async def test_a_redirect_leads_elsewhere(client: Client) -> None:
    client.sandbox.faults.next("submit", "redirect", location="http://127.0.0.1:9/else")

    answer = await client.submit()

    assert (answer.status, answer.headers["Location"]) == (307, "http://127.0.0.1:9/else")
    assert client.sandbox.jobs == ()


async def test_garbage_is_202_and_no_json_though_the_job_was_made(
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


async def test_an_answer_can_break_off(client: Client) -> None:
    client.sandbox.faults.next("submit", "truncated")

    with pytest.raises(aiohttp.ClientPayloadError):
        await client.submit()

    assert len(client.sandbox.jobs) == 1


async def test_an_answer_can_forget_the_id(client: Client) -> None:
    client.sandbox.faults.next("submit", "no_id")

    answer = await client.submit()

    assert (answer.status, answer.body) == (202, {"status": "pending"})
    assert len(client.sandbox.jobs) == 1


@pytest.mark.parametrize(
    ("action", "jobs", "done"), [("reset", 0, "unread"), ("reset_after", 1, "accepted")]
)
async def test_a_reset_comes_before_or_after_the_job_is_made(
    client: Client, clock: FakeClock, action: str, jobs: int, done: str
) -> None:
    client.sandbox.faults.next("submit", action)

    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await client.submit()
    await client.sandbox.ledger.until(lambda ledger: ledger.submits[0].answered_at is not None)
    await clock.advance(6)

    assert len(client.sandbox.jobs) == jobs
    assert (client.sandbox.charged > 0) == bool(jobs)
    assert await outcome(client) == (done, action, None)


@pytest.mark.parametrize("accept", [False, True])
async def test_a_delay_is_before_or_after_the_act(
    client: Client, clock: FakeClock, accept: bool
) -> None:
    client.sandbox.faults.next("submit", "delay", seconds=8, accept=accept)
    answering = asyncio.create_task(client.submit())
    await asleep(clock)

    made = len(client.sandbox.jobs)
    await clock.advance(8)

    assert made == int(accept)
    assert (await answering).status == 202
    assert len(client.sandbox.jobs) == 1


async def test_who_gives_up_on_a_late_answer_has_a_job_all_the_same(
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

    await asleep(clock)
    await clock.advance(8)
    await client.sandbox.ledger.until(lambda ledger: bool(ledger.accepted))

    assert len(client.sandbox.jobs) == 1


async def test_a_hanging_call_ends_when_the_client_goes_away(client: Client) -> None:
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


async def test_an_act_that_refuses_is_answered_as_it_is(client: Client) -> None:
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
async def test_other_calls_are_spoilt_alike(
    client: Client, clock: FakeClock, target: Any, path: str
) -> None:
    job_id = await client.job()
    await clock.advance(6)
    client.sandbox.faults.next(target, "refuse", status=500)
    client.sandbox.faults.next(target, "html", status=502)
    client.sandbox.faults.next(target, "reset", times=2)  # aiohttp repeats a GET once by itself

    where = path.format(id=job_id)
    statuses = [(await client.call("GET", where)).status for _ in range(2)]
    with pytest.raises((aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)):
        await client.call("GET", where)

    assert statuses == [500, 502]
    assert (await client.call("GET", where)).status == 200


def test_every_action_says_what_it_happens_to() -> None:
    for action, targets in ACTIONS.items():
        for target in targets:
            assert Fault(target, action).action == action
    with pytest.raises(ValueError, match="is none of"):
        Fault("lunch", "refuse")
    with pytest.raises(ValueError, match="does not happen to 'poll'"):
        Fault("poll", "forge")
