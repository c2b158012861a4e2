"""Webhooks: signed, retried, at least once; and spoilt where a fault says so."""

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


def good(received: Received, clock: FakeClock) -> bool:
    """What an honest receiver checks: signature over `t`, comma, bytes; 300 s both ways."""
    header = received.headers.get("X-OpenRouter-Signature", "")
    parts = dict(part.split("=", 1) for part in header.split(",") if "=" in part)
    message = parts.get("t", "").encode() + b"," + received.body
    right = hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()
    fresh = abs(clock.now().timestamp() - int(parts.get("t", "0"))) <= 300
    return fresh and hmac.compare_digest(right, parts.get("v1", ""))


@pytest.fixture
async def signing(start: Start) -> Sandbox:
    return await start(webhook_secret=SECRET, webhook_jitter=0.0, webhook_timeout=5.0)


def tried(times: int) -> Callable[[Ledger], bool]:
    return lambda ledger: len(ledger.webhooks) >= times


async def ended(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver, tries: int = 1
) -> str:
    """A job that is over, and whose event was tried so many times."""
    job_id = await Client(http, signing).job(callback_url=receiver.url)
    await clock.advance(6)
    await signing.ledger.until(lambda ledger: len(ledger.webhooks) >= tries)
    return job_id


async def test_the_end_of_a_job_is_told_signed_and_with_its_idempotency_key(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    job_id = await ended(signing, http, clock, receiver)

    (received,) = receiver.received
    event = json.loads(received.body)
    assert good(received, clock)
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
async def test_other_ends_are_told_with_an_error(
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


async def test_without_a_secret_it_goes_out_unsigned(
    client: Client, clock: FakeClock, receiver: Receiver
) -> None:
    await client.job(callback_url=receiver.url)
    await clock.advance(6)
    await client.sandbox.ledger.until(lambda ledger: bool(ledger.webhooks))

    assert "X-OpenRouter-Signature" not in receiver.received[0].headers
    assert "X-OpenRouter-Idempotency-Key" in receiver.received[0].headers


async def test_it_is_retried_with_the_same_key_and_bytes_and_a_fresh_timestamp(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    receiver.statuses = [500, 302]
    await ended(signing, http, clock, receiver)
    for tries, wait in ((2, 5), (3, 60)):
        await clock.advance(wait)
        await signing.ledger.until(tried(tries))

    keys = {received.headers["X-OpenRouter-Idempotency-Key"] for received in receiver.received}
    signatures = {received.headers["X-OpenRouter-Signature"] for received in receiver.received}
    assert [attempt.status for attempt in signing.ledger.webhooks] == [500, 302, 204]
    assert [attempt.attempt for attempt in signing.ledger.webhooks] == [1, 2, 3]
    assert (len(receiver.received), len(keys), len(signatures)) == (3, 1, 3)
    assert len({received.body for received in receiver.received}) == 1
    assert good(receiver.received[-1], clock)


async def test_it_gives_up_after_six_tries(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    receiver.statuses = [500] * 10
    await ended(signing, http, clock, receiver)
    for tries, wait in enumerate((5, 60, 600, 3600, 7200), start=2):
        await clock.advance(wait)
        await signing.ledger.until(tried(tries))

    await clock.advance(1_000_000)

    assert len(receiver.received) == 6


async def test_a_receiver_that_cannot_be_reached_is_an_attempt_with_a_reason(
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


async def test_the_workspace_default_is_used_where_a_request_names_no_callback(
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


async def test_a_duplicate_is_sent_twice_with_one_key(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    signing.faults.next("webhook", "duplicate")
    await ended(signing, http, clock, receiver, tries=2)

    first, second = receiver.received
    assert first.body == second.body
    assert (
        first.headers["X-OpenRouter-Idempotency-Key"]
        == second.headers["X-OpenRouter-Idempotency-Key"]
    )


async def test_a_late_one_comes_late(
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


async def test_a_dropped_one_never_comes(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    signing.faults.next("webhook", "drop")
    await Client(http, signing).job(callback_url=receiver.url)
    await clock.advance(1_000_000)

    assert receiver.received == []
    assert signing.faults.waiting == ()


@pytest.mark.parametrize("manner", ["forge", "tamper", "stale", "unsigned"])
async def test_a_false_one_comes_first_and_an_honest_receiver_sees_through_it(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver, manner: str
) -> None:
    signing.faults.next("webhook", manner)
    await ended(signing, http, clock, receiver, tries=2)

    false, genuine = receiver.received
    assert not good(false, clock)
    assert good(genuine, clock)
    assert [attempt.genuine for attempt in signing.ledger.webhooks] == [False, True]


async def test_a_forged_one_claims_the_opposite_at_any_time(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    signing.faults.next("job", "fail")
    job_id = await Client(http, signing).job(callback_url=receiver.url)

    await signing.send_webhook(job_id, "forge")

    claimed = json.loads(receiver.received[0].body)["data"]
    assert (claimed["status"], claimed["usage"]) == ("completed", {"cost": 0, "is_byok": False})
    assert not good(receiver.received[0], clock)
    with pytest.raises(ValueError, match="not over"):
        await signing.send_webhook(job_id)


async def test_a_genuine_one_can_be_sent_again(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    job_id = await ended(signing, http, clock, receiver)

    attempt = await signing.send_webhook(job_id)

    assert attempt.delivered
    assert good(receiver.received[1], clock)


async def test_ending_a_job_by_hand_tells_its_callback_once(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    job_id = await Client(http, signing).job(callback_url=receiver.url)

    signing.end(job_id, "cancelled")
    await signing.ledger.until(lambda ledger: bool(ledger.webhooks))
    await clock.advance(1_000)

    assert [json.loads(received.body)["type"] for received in receiver.received] == [
        "video.generation.cancelled"
    ]


async def test_nothing_is_told_after_a_reset(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    await Client(http, signing).job(callback_url=receiver.url)

    await signing.reset()
    await clock.advance(1_000)

    assert receiver.received == []
    assert (signing.jobs, signing.ledger.submits) == ((), [])


async def test_closing_ends_what_is_under_way(
    signing: Sandbox, http: ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    receiver.statuses = [500]
    await ended(signing, http, clock, receiver)

    await signing.close()
    await clock.advance(100)

    assert len(receiver.received) == 1


def test_a_good_signature_is_told_from_a_bad_one(clock: FakeClock) -> None:
    """The receiver that the other tests trust."""
    headers: dict[str, Any] = {"X-OpenRouter-Signature": "t=1,v1=0"}

    assert not good(Received(headers, b"{}"), clock)
