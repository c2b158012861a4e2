"""Tests of the control API over HTTP."""

from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.sandbox import Sandbox, SandboxConfig
from gateway.sandbox.clock import SandboxClock
from tests.fakes.clock import FakeClock
from tests.sandbox.client import Client
from tests.sandbox.conftest import Start
from tests.sandbox.receiver import Receiver


async def control(
    http: ClientSession, sandbox: Sandbox, method: str, path: str, **options: Any
) -> tuple[int, Any]:
    url = f"{sandbox.origin}/sandbox/v1/{path}"
    headers = {"Authorization": f"Bearer {sandbox.control_token}", **options.pop("headers", {})}
    async with http.request(method, url, headers=headers, **options) as response:
        return response.status, await response.json()


async def test_a_queued_fault_affects_the_next_calls(client: Client, http: ClientSession) -> None:
    command = {"on": "submit", "action": "refuse", "status": 402, "times": 2}

    status, queued = await control(http, client.sandbox, "POST", "faults", json=command)
    answers = [(await client.submit()).status for _ in range(3)]
    _, left = await control(http, client.sandbox, "GET", "faults")

    assert status == 200
    assert [fault["status"] for fault in queued["waiting"]] == [402, 402]
    assert answers == [402, 402, 202]
    assert left == {"waiting": []}


async def test_queued_faults_can_be_removed(client: Client, http: ClientSession) -> None:
    client.sandbox.faults.next("submit", "refuse", times=3)

    await control(http, client.sandbox, "DELETE", "faults")

    assert (await client.submit()).status == 202


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"on": "submit", "action": "explode"}, "is not available for 'submit'"),
        ({"on": "lunch", "action": "refuse"}, "unknown target 'lunch'"),
        ({"on": "submit"}, "action: Field required"),
        ({"on": "submit", "action": "refuse", "stauts": 402}, "stauts"),
        ({"on": "submit", "action": "refuse", "status": 42}, "status"),
        ({"on": "submit", "action": "refuse", "times": 0}, "times"),
    ],
)
async def test_an_invalid_fault_is_rejected(
    sandbox: Sandbox, http: ClientSession, body: Any, message: str
) -> None:
    status, answer = await control(http, sandbox, "POST", "faults", json=body)

    assert status == 400
    assert message in answer["error"]
    assert sandbox.faults.waiting == ()


async def test_a_body_that_is_not_json_is_rejected(sandbox: Sandbox, http: ClientSession) -> None:
    json_header = {"Content-Type": "application/json"}

    broken, _ = await control(http, sandbox, "POST", "reset", data="{", headers=json_header)
    ignored, _ = await control(http, sandbox, "POST", "advance", data="{", headers=json_header)
    form, _ = await control(http, sandbox, "POST", "faults", data={"on": "submit"})

    assert (broken, ignored, form) == (200, 400, 415)


async def test_the_ledger_is_returned_as_json(
    client: Client, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    job_id = await client.job(callback_url=receiver.url)
    await client.submit(duration=99)
    await clock.advance(6)
    await client.sandbox.ledger.until(lambda ledger: bool(ledger.webhooks))

    _, ledger = await control(http, client.sandbox, "GET", "ledger")

    assert ledger["charged_usd"] == "0.07"
    (job,) = ledger["jobs"]
    assert (job["id"], job["status"], job["charged_usd"]) == (job_id, "completed", "0.07")
    assert [submit["outcome"] for submit in ledger["submits"]] == ["accepted", "refused"]
    assert ledger["submits"][0]["at"] == "2026-11-22T12:00:00+00:00"
    (attempt,) = ledger["webhooks"]
    assert (attempt["job_id"], attempt["status"], attempt["genuine"]) == (job_id, 204, True)


async def test_a_reset_removes_everything(client: Client, http: ClientSession) -> None:
    job_id = await client.job()
    client.sandbox.faults.next("poll", "hang")

    _, ledger = await control(http, client.sandbox, "POST", "reset", json={})

    assert (ledger["jobs"], ledger["submits"], ledger["charged_usd"]) == ([], [], "0")
    assert (await client.poll(job_id)).status == 404


async def test_a_stopped_clock_can_be_advanced(http: ClientSession) -> None:
    sandbox = await Sandbox.start(SandboxConfig(generation_seconds=(60, 60)), SandboxClock(0))
    client = Client(http, sandbox)
    try:
        job_id = await client.job()
        before = (await client.poll(job_id)).body["status"]
        status, advanced = await control(http, sandbox, "POST", "advance", json={"seconds": 60})
        after = (await client.poll(job_id)).body["status"]
    finally:
        await sandbox.close()

    assert before == "pending"
    assert (status, advanced) == (200, {"elapsed_seconds": 60.0})
    assert after == "completed"


async def test_a_job_can_be_ended_and_its_event_sent(
    client: Client, http: ClientSession, receiver: Receiver
) -> None:
    job_id = await client.job(callback_url=receiver.url)
    command = {"status": "failed", "cost": "0.01", "error": "because"}

    early = await control(http, client.sandbox, "POST", f"jobs/{job_id}/webhook", json={})
    ended = await control(http, client.sandbox, "POST", f"jobs/{job_id}/end", json=command)
    again = await control(http, client.sandbox, "POST", f"jobs/{job_id}/end", json=command)
    sent = await control(http, client.sandbox, "POST", f"jobs/{job_id}/webhook", json={})
    unknown = await control(http, client.sandbox, "POST", "jobs/nobody/end", json={})

    assert early[0] == 409
    assert (ended[0], ended[1]["status"], ended[1]["charged_usd"]) == (200, "failed", "0.01")
    assert again[0] == 409
    assert (sent[0], sent[1]["status"]) == (200, 204)
    assert unknown == (404, {"error": "job nobody not found"})


async def test_the_control_api_requires_its_token(http: ClientSession, start: Start) -> None:
    sandbox = await start(control_token="open sesame")

    missing, _ = await control(http, sandbox, "GET", "ledger", headers={"Authorization": ""})
    upstream_key = {"Authorization": f"Bearer {sandbox.api_key}"}
    wrong, _ = await control(http, sandbox, "GET", "ledger", headers=upstream_key)
    right_key = {"Authorization": "Bearer open sesame"}
    right, _ = await control(http, sandbox, "GET", "ledger", headers=right_key)
    health, _ = await control(http, sandbox, "GET", "health")

    assert (missing, wrong, right, health) == (401, 401, 200, 200)


async def test_control_calls_are_not_counted(client: Client, http: ClientSession) -> None:
    await control(http, client.sandbox, "GET", "ledger")

    assert client.sandbox.ledger.calls == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
async def test_a_web_page_can_not_steer_the_sandbox(headers: dict[str, str]) -> None:
    sandbox = await Sandbox.start()
    try:
        async with ClientSession() as http:
            status, _ = await control(http, sandbox, "POST", "reset", json={}, headers=headers)
        assert status == 403
    finally:
        await sandbox.close()


async def test_without_a_configured_token_a_random_one_is_required(http: ClientSession) -> None:
    """A web page in a browser on this machine has a loopback address, too."""
    first, second = await Sandbox.start(), await Sandbox.start()
    try:
        async with http.get(f"{first.origin}/sandbox/v1/ledger") as answer:
            without = answer.status
        right, _ = await control(http, first, "GET", "ledger")
    finally:
        await first.close()
        await second.close()

    assert (without, right) == (401, 200)
    assert len({first.control_token, second.control_token}) == 2
