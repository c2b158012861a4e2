"""Tests of webhooks: signatures, retries and injected faults."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.sandbox import Sandbox
from gateway.sandbox.ledger import Ledger
from tests.fakes.clock import FakeClock
from tests.sandbox.client import Client
from tests.sandbox.conftest import Start
from tests.sandbox.receiver import Received, Receiver

SECRET = "whsec_test_4f9c1d7e2b8a"


def verified(received: Received, clock: FakeClock) -> bool:
    """Verify the signature over `t`, a comma and the body, with a tolerance of 300 s."""
    header = received.headers.get("X-OpenRouter-Signature", "")
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    message = parts.get("t", "").encode() + b"," + received.body
    expected = hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()
    fresh = abs(clock.now().timestamp() - int(parts.get("t", "0"))) <= 300
    return fresh and hmac.compare_digest(expected, parts.get("v1", ""))


@pytest.fixture
async def signing(start: Start) -> Sandbox:
    return await start(webhook_secret=SECRET, webhook_jitter=0.0, webhook_timeout=5.0)


def attempts(times: int) -> Callable[[Ledger], bool]:
    return lambda ledger: len(ledger.webhooks) >= times


async def ended(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver, attempts: int = 1
) -> str:
    """Return an ended job whose event was attempted so many times."""
    job_id = await Client(http, signing).job(callback_url=receiver.url)
    await clock.advance(6)
    await signing.ledger.until(lambda ledger: len(ledger.webhooks) >= attempts)
    return job_id


async def test_the_event_of_a_completed_job_is_signed_and_has_an_idempotency_key(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    job_id = await ended(signing, http, clock, receiver)

    (received,) = receiver.received
    event = json.loads(received.body)
    assert verified(received, clock)
    assert received.headers["X-OpenRouter-Idempotency-Key"] == f"{job_id}-completed"
    assert received.headers["Content-Type"] == "application/json"
    assert list(event) == ["type", "created_at", "data"]
    assert event["type"] == "video.generation.completed"
    assert event["created_at"] == "2026-11-22T12:00:06.000Z"
    assert event["data"] == {
        "id": job_id,
        "status": "completed",
        "generation_id": job_id,
        "model": "x-ai/grok-imagine-video",
        "unsigned_urls": [f"{signing.url}/videos/{job_id}/content?index=0"],
        "usage": {"cost": 0.07, "is_byok": False},
    }


@pytest.mark.parametrize(
    ("action", "status"), [("fail", "failed"), ("expire", "expired"), ("cancel", "cancelled")]
)
async def test_events_of_other_ends_have_an_error(
    signing: Sandbox,
    http: ClientSession,
    clock: FakeClock,
    receiver: Receiver,
    action: str,
    status: str,
) -> None:
    signing.faults.next("job", action, error="because")
    job_id = await ended(signing, http, clock, receiver)

    event = json.loads(receiver.received[0].body)
    assert event["type"] == f"video.generation.{status}"
    assert set(event["data"]) == {"id", "status", "generation_id", "model", "error"}
    assert event["data"]["error"] == "because"
    assert receiver.received[0].headers["X-OpenRouter-Idempotency-Key"] == f"{job_id}-{status}"


async def test_without_a_secret_the_event_is_unsigned(
    client: Client, clock: FakeClock, receiver: Receiver
) -> None:
    await client.job(callback_url=receiver.url)
    await clock.advance(6)
    await client.sandbox.ledger.until(lambda ledger: bool(ledger.webhooks))

    assert "X-OpenRouter-Signature" not in receiver.received[0].headers
    assert "X-OpenRouter-Idempotency-Key" in receiver.received[0].headers


async def test_a_retry_has_the_same_key_and_body_and_a_new_timestamp(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    receiver.statuses = [500, 302]
    await ended(signing, http, clock, receiver)
    for number, wait in ((2, 5), (3, 60)):
        await clock.advance(wait)
        await signing.ledger.until(attempts(number))

    keys = {received.headers["X-OpenRouter-Idempotency-Key"] for received in receiver.received}
    signatures = {received.headers["X-OpenRouter-Signature"] for received in receiver.received}
    assert [attempt.status for attempt in signing.ledger.webhooks] == [500, 302, 204]
    assert [attempt.attempt for attempt in signing.ledger.webhooks] == [1, 2, 3]
    assert (len(receiver.received), len(keys), len(signatures)) == (3, 1, 3)
    assert len({received.body for received in receiver.received}) == 1
    assert verified(receiver.received[-1], clock)


async def test_there_are_at_most_six_attempts(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    receiver.statuses = [500] * 10
    await ended(signing, http, clock, receiver)
    for number, wait in enumerate((5, 60, 600, 3600, 7200), start=2):
        await clock.advance(wait)
        await signing.ledger.until(attempts(number))

    await clock.advance(1_000_000)

    assert len(receiver.received) == 6


async def test_an_unreachable_receiver_is_an_attempt_with_an_error(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    url = receiver.url
    await receiver.close()
    await Client(http, signing).job(callback_url=url)
    await clock.advance(6)
    await signing.ledger.until(lambda ledger: bool(ledger.webhooks))

    (attempt,) = signing.ledger.webhooks
    assert attempt.status is None
    assert attempt.error is not None
    assert "ClientConnectorError" in attempt.error


async def test_the_workspace_default_is_used_without_a_callback_url(
    http: ClientSession, start: Start, clock: FakeClock, receiver: Receiver
) -> None:
    other = Receiver()
    await other.open()
    sandbox = await start(default_callback_url=receiver.url)
    try:
        await Client(http, sandbox).job()
        await Client(http, sandbox).job(callback_url=other.url)
        await clock.advance(6)
        await sandbox.ledger.until(lambda ledger: len(ledger.webhooks) >= 2)
    finally:
        await other.close()

    assert (len(receiver.received), len(other.received)) == (1, 1)


async def test_a_duplicate_event_has_the_same_key(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    signing.faults.next("webhook", "duplicate")
    await ended(signing, http, clock, receiver, attempts=2)

    first, second = receiver.received
    assert first.body == second.body
    assert (
        first.headers["X-OpenRouter-Idempotency-Key"]
        == second.headers["X-OpenRouter-Idempotency-Key"]
    )


async def test_an_event_can_be_late(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    signing.faults.next("webhook", "late", seconds=900)
    job_id = await Client(http, signing).job(callback_url=receiver.url)
    await clock.advance(6 + 899)
    polled = await Client(http, signing).poll(job_id)
    early = len(receiver.received)

    await clock.advance(1)
    await signing.ledger.until(lambda ledger: bool(ledger.webhooks))

    assert (polled.body["status"], early, len(receiver.received)) == ("completed", 0, 1)
    assert json.loads(receiver.received[0].body)["created_at"] == "2026-11-22T12:00:06.000Z"


async def test_an_event_can_be_dropped(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    signing.faults.next("webhook", "drop")
    await Client(http, signing).job(callback_url=receiver.url)
    await clock.advance(1_000_000)

    assert receiver.received == []
    assert signing.faults.waiting == ()


@pytest.mark.parametrize("manner", ["forge", "tamper", "stale", "unsigned"])
async def test_a_false_event_comes_first_and_fails_verification(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver, manner: str
) -> None:
    signing.faults.next("webhook", manner)
    await ended(signing, http, clock, receiver, attempts=2)

    forged, genuine = receiver.received
    assert not verified(forged, clock)
    assert verified(genuine, clock)
    assert [attempt.genuine for attempt in signing.ledger.webhooks] == [False, True]


async def test_a_forged_event_claims_the_opposite(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    signing.faults.next("job", "fail")
    job_id = await Client(http, signing).job(callback_url=receiver.url)

    await signing.send_webhook(job_id, "forge")

    claimed = json.loads(receiver.received[0].body)["data"]
    assert (claimed["status"], claimed["usage"]) == ("completed", {"cost": 0, "is_byok": False})
    assert not verified(receiver.received[0], clock)
    with pytest.raises(ValueError, match="has not ended"):
        await signing.send_webhook(job_id)


async def test_a_genuine_event_can_be_sent_again(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    job_id = await ended(signing, http, clock, receiver)

    attempt = await signing.send_webhook(job_id)

    assert attempt.delivered
    assert verified(receiver.received[1], clock)


async def test_ending_a_job_sends_its_event_once(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    job_id = await Client(http, signing).job(callback_url=receiver.url)

    signing.end(job_id, "cancelled")
    await signing.ledger.until(lambda ledger: bool(ledger.webhooks))
    await clock.advance(1_000)

    assert [json.loads(received.body)["type"] for received in receiver.received] == [
        "video.generation.cancelled"
    ]


async def test_a_reset_cancels_pending_events(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    await Client(http, signing).job(callback_url=receiver.url)

    await signing.reset()
    await clock.advance(1_000)

    assert receiver.received == []
    assert (signing.jobs, signing.ledger.submits) == ((), [])


async def test_closing_cancels_retries(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    receiver.statuses = [500]
    await ended(signing, http, clock, receiver)

    await signing.close()
    await clock.advance(100)

    assert len(receiver.received) == 1


def test_the_test_receiver_rejects_an_invalid_signature(clock: FakeClock) -> None:
    """The other tests rely on `verified`."""
    headers: dict[str, Any] = {"X-OpenRouter-Signature": "t=1,v1=0"}

    assert not verified(Received(headers, b"{}"), clock)
