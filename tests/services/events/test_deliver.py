"""Deliveries until they are delivered or dead, on both databases with a fake clock."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping

import pytest
from standardwebhooks.webhooks import Webhook

from gateway.adapters.clock import SystemClock
from gateway.adapters.database import open_database
from gateway.domain.audit import Actor
from gateway.domain.delivery import AttemptOutcome, ErrorKind
from gateway.domain.errors import Reason, Refused, StorageFailed
from gateway.domain.signature import Verdict, verify_openrouter
from gateway.domain.units import epoch_ms
from gateway.ports import Database, Value
from gateway.services.events.deliver import outcome_word
from gateway.store import deliveries
from tests.fakes.clock import FakeClock
from tests.fakes.outbound import FakeOutbound
from tests.fakes.transactions import WatchedDatabase
from tests.harness import until
from tests.services.delivery_harness import AUDITOR, FARM, SECRET, DeliveryHarness

OPERATOR = Actor("ops", "127.0.0.1")
FARM_NAME, AUDITOR_NAME = "team/growth/farm", "organisation/auditor"
SCHEDULE = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]  # the default, in seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def room(database: Database, clock: FakeClock) -> DeliveryHarness:
    """A harness on both databases, for tests that depend on SQL."""
    return DeliveryHarness(database, clock)


@pytest.fixture
async def quick(sqlite_url: str, clock: FakeClock) -> AsyncIterator[DeliveryHarness]:
    """A harness on SQLite, for tests that do not depend on the database."""
    database = await open_database(sqlite_url)
    yield DeliveryHarness(database, clock)
    await database.close()


# Successful deliveries.


async def test_a_delivery_has_both_signatures_over_the_events_bytes(
    quick: DeliveryHarness,
) -> None:
    event = await quick.publish()

    await quick.work()

    (sent,) = quick.outbound.to(FARM)
    assert (sent.body, sent.key) == (event.body, event.idempotency_key)
    now = int(quick.clock.now().timestamp())
    header = sent.headers["X-OpenRouter-Signature"]
    assert verify_openrouter(header, sent.body, [SECRET], now) is Verdict.VERIFIED
    assert sent.headers["webhook-id"] == event.id
    assert sent.headers["webhook-timestamp"] == str(now)
    assert sent.policy is None, "an operator's own subscriber may be anywhere"


async def test_a_standard_webhooks_receiver_accepts_a_delivery(database: Database) -> None:
    """It uses real time, because the library compares with the system clock."""
    key = base64.b64encode(b"twenty-four bytes of key").decode()
    room = DeliveryHarness(database, FakeClock(SystemClock().now()))
    room.reload({"teams": {"growth": {"webhooks": [
        {"name": "farm", "url": FARM, "secret": f"whsec_{key}", "events": ["*"]}]}}})  # fmt: skip
    await room.publish()

    await room.work()

    (sent,) = room.outbound.to(FARM)
    assert Webhook(f"whsec_{key}").verify(sent.body, dict(sent.headers)) == json.loads(sent.body)


async def test_during_a_rotation_both_secrets_sign(quick: DeliveryHarness) -> None:
    new, old = "the-new-secret-of-this-week", "the-old-secret-of-last-week"
    quick.reload({"teams": {"growth": {"webhooks": [
        {"name": "farm", "url": FARM, "secret": f"{new} {old}", "events": ["*"]}]}}})  # fmt: skip
    await quick.publish()

    await quick.work()

    (sent,) = quick.outbound.to(FARM)
    now = int(quick.clock.now().timestamp())
    header = sent.headers["X-OpenRouter-Signature"]
    assert verify_openrouter(header, sent.body, [new], now) is Verdict.VERIFIED
    assert len(sent.headers["webhook-signature"].split(" ")) == 2


async def test_each_attempt_has_its_own_timestamp_and_the_same_idempotency_key(
    quick: DeliveryHarness,
) -> None:
    quick.outbound.says(FARM, 500)
    await quick.publish()

    await quick.transient(minutes=10)

    sent = quick.outbound.to(FARM)
    assert len({one.key for one in sent}) == 1
    assert len({one.headers["webhook-id"] for one in sent}) == 1
    assert len({one.headers["webhook-timestamp"] for one in sent}) == len(sent) == 3


async def test_a_delivery_is_recorded_counted_and_ended(room: DeliveryHarness) -> None:
    await room.publish()

    await room.transient(hours=1)

    shown = await room.only(FARM_NAME)
    (attempt,) = await room.attempts(shown)
    assert (shown.state, shown.attempts, shown.next_attempt_at) == ("delivered", 1, None)
    assert (attempt.status, attempt.latency_ms, attempt.answer) == (200, 12, "ok")
    assert len(room.outbound.to(FARM)) == 1
    assert room.counted("delivery_attempt_duration_seconds_count", FARM_NAME, "delivered") == 1
    assert room.counted("delivery_delay_seconds_count", FARM_NAME, "delivered") == 1


# Failures.


async def test_a_subscriber_that_was_down_for_an_hour_gets_every_event(
    room: DeliveryHarness,
) -> None:
    room.outbound.says(FARM, None)
    published = []
    for _ in range(12):  # one every five minutes while it is down
        published.append(await room.publish())
        await room.transient(minutes=5)
    failed = len(room.outbound.to(FARM))
    room.outbound.says(FARM, 204)

    await room.transient(hours=3)

    arrived = [sent.key for sent in room.outbound.to(FARM)[failed:]]
    assert sorted(arrived) == sorted(event.idempotency_key for event in published)
    assert {shown.state for shown in await room.all(FARM_NAME)} == {"delivered"}


async def test_retries_follow_the_schedule_and_end_in_a_dead_letter(
    room: DeliveryHarness,
) -> None:
    room.outbound.says(FARM, 500, answer="no room")
    await room.publish()

    await room.transient(days=5)

    sent = room.outbound.to(FARM)
    waits = [(after.at - before.at).total_seconds() for before, after in itertools.pairwise(sent)]
    assert len(waits) == len(SCHEDULE)
    for wait, planned in zip(waits, SCHEDULE, strict=True):
        assert 0.8 * planned <= wait <= 1.2 * planned + 0.01
    assert any(abs(wait - planned) > 0.01 for wait, planned in zip(waits, SCHEDULE, strict=True))
    shown = await room.only(FARM_NAME)
    assert (shown.state, shown.attempts) == ("dead", 10)
    assert [attempt.answer for attempt in await room.attempts(shown)] == ["no room"] * 10
    assert room.counted("delivery_delay_seconds_count", FARM_NAME, "dead") == 1


async def test_retry_after_is_honoured(quick: DeliveryHarness) -> None:
    quick.outbound.says(FARM, 429, retry_after=9)
    await quick.publish()

    await quick.transient(seconds=20)

    first, second = quick.outbound.to(FARM)
    assert 9 <= (second.at - first.at).total_seconds() <= 10


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 500, 503, None])
async def test_every_failure_is_retried(quick: DeliveryHarness, status: int | None) -> None:
    quick.outbound.says(FARM, status)
    await quick.publish()

    await quick.work()

    assert (await quick.only(FARM_NAME)).state == "pending"
    quick.outbound.says(FARM, 200)
    await quick.transient(seconds=10)
    assert (await quick.only(FARM_NAME)).state == "delivered"


# Disabled endpoints.


async def test_a_410_disables_the_endpoint_and_notifies_the_others(room: DeliveryHarness) -> None:
    room.outbound.says(FARM, 500)
    waiting = await room.publish()
    await room.work()
    room.outbound.says(FARM, 410)
    await room.publish()

    await room.work()

    assert {shown.state for shown in await room.all(FARM_NAME)} == {"dead"}
    told = [json.loads(sent.body) for sent in room.outbound.to(AUDITOR)]
    (disabled,) = [body for body in told if body["type"] == "endpoint.disabled"]
    assert disabled["data"]["endpoint"] == FARM_NAME
    assert disabled["data"]["reason"] == "gone"
    assert FARM not in json.dumps(disabled)
    before = len(room.outbound.to(FARM))
    await room.publish()
    await room.transient(days=1)
    assert len(room.outbound.to(FARM)) == before, "it gets no further events"
    assert waiting.idempotency_key in {shown.idempotency_key for shown in await room.all(FARM_NAME)}


async def test_five_days_of_uninterrupted_failures_disable_a_subscriber(
    room: DeliveryHarness,
) -> None:
    room.outbound.says(FARM, 500)
    for _ in range(9):
        await room.publish()
        await room.transient(hours=12)
    assert room.counted("delivery_attempt_duration_seconds_count", FARM_NAME) > 30
    assert "endpoint.disabled" not in {shown.event_type for shown in await room.all()}

    for _ in range(3):
        await room.publish()
        await room.transient(hours=12)

    (event,) = [s for s in await room.all(AUDITOR_NAME) if s.event_type == "endpoint.disabled"]
    assert event.state == "delivered"
    assert {shown.state for shown in await room.all(FARM_NAME)} == {"dead"}


async def test_one_success_ends_the_run_of_failures(quick: DeliveryHarness) -> None:
    for day in range(9):
        quick.outbound.says(FARM, 200 if day == 4 else 500)
        await quick.publish()
        await quick.transient(hours=24)

    assert "endpoint.disabled" not in {shown.event_type for shown in await quick.all()}


async def test_an_enabled_endpoint_gets_new_events_and_replayed_ones(
    room: DeliveryHarness,
) -> None:
    room.outbound.says(FARM, 410)
    lost = await room.publish()
    await room.work()
    missed = await room.publish()
    room.outbound.says(FARM, 200)

    await room.subscribers.enable("farm", OPERATOR)
    fresh = await room.publish()
    count = await room.redeliverer.replay_dead(0, FARM_NAME, OPERATOR)
    await room.work()

    assert count == 1
    arrived = {sent.key for sent in room.outbound.to(FARM)[1:]}
    assert arrived == {lost.idempotency_key, fresh.idempotency_key}
    assert missed.idempotency_key not in arrived, "it gets no events of that time"


async def test_a_410_of_a_callback_disables_no_endpoint(quick: DeliveryHarness) -> None:
    quick.outbound.says("https://client.example/a", 410)
    await quick.callback("https://client.example/a")
    await quick.callback("https://client.example/b")

    await quick.work()

    states = {shown.url: shown.state for shown in await quick.all("callback")}
    assert states == {
        "https://client.example/a": "dead",
        "https://client.example/b": "delivered",
    }
    assert "endpoint.disabled" not in {shown.event_type for shown in await quick.all()}


async def test_deliveries_to_a_removed_subscriber_are_retried(
    quick: DeliveryHarness,
) -> None:
    await quick.publish()
    quick.reload({"teams": {"growth": {"webhooks": []}}})
    await quick.work()
    shown = await quick.only(FARM_NAME)
    (attempt,) = await quick.attempts(shown)
    assert (shown.state, attempt.error) == ("pending", "unconfigured")

    quick.reload({})
    await quick.transient(minutes=1)

    assert (await quick.only(FARM_NAME)).state == "delivered"
    assert len(quick.outbound.to(FARM)) == 1


# Concurrency limits.


async def test_concurrent_attempts_per_endpoint_are_limited(
    room: DeliveryHarness,
) -> None:
    for _ in range(30):
        await room.publish()

    await room.work()

    assert room.outbound.most_at_once[FARM] == 4
    assert len(room.outbound.to(FARM)) == 30


async def test_replicas_share_the_concurrency_limit(
    room: DeliveryHarness, database: Database
) -> None:
    other = DeliveryHarness(database, room.clock, outbound=room.outbound)
    gate = room.outbound.hangs(FARM)
    for _ in range(20):
        await room.publish()

    for _ in range(5):
        await room.dispatcher.step()
        await other.dispatcher.step()

    assert room.outbound.under_way[FARM] == 4
    assert len(room.dispatcher) + len(other.dispatcher) <= 4 + 4  # those to the auditor end
    gate.set()
    await room.settled()
    await other.settled()


async def test_a_hanging_endpoint_delays_no_other(room: DeliveryHarness) -> None:
    gate = room.outbound.hangs(FARM)
    for _ in range(50):
        await room.publish()

    for _ in range(3):
        await room.dispatcher.step()
        await _until(lambda: len(room.outbound.to(AUDITOR)) == 50)

    assert len(room.outbound.to(FARM)) == 4
    gate.set()
    await room.settled()


async def test_a_hanging_callback_host_delays_no_other_host_or_team(
    quick: DeliveryHarness,
) -> None:
    gates = [quick.outbound.hangs(f"https://slow.example/{n}") for n in range(20)]
    for number in range(20):
        await quick.callback(f"https://slow.example/{number}")
    await quick.callback("https://quick.example/1")
    await quick.callback("https://slow.example/theirs", "rivals")

    await quick.dispatcher.step()
    await _until(lambda: len(quick.outbound.sent) == 6)

    held = [sent.url for sent in quick.outbound.sent if "slow.example/" in sent.url]
    assert len(held) == 5
    assert {"https://quick.example/1", "https://slow.example/theirs"} <= {
        sent.url for sent in quick.outbound.sent
    }
    for gate in gates:
        gate.set()
    await quick.settled()


async def test_hundreds_of_hanging_hosts_of_a_team_delay_only_that_team(
    quick: DeliveryHarness,
) -> None:
    gates = [quick.outbound.hangs(f"https://h{number}.example/") for number in range(120)]
    for number in range(120):
        await quick.callback(f"https://h{number}.example/")
    await quick.dispatcher.step()
    await quick.callback("https://fine.example/", "rivals")
    for _ in range(20):
        await quick.publish()

    await quick.dispatcher.step()
    await _until(lambda: len(quick.outbound.to(FARM)) == 20)
    await _until(lambda: len(quick.outbound.to("https://fine.example/")) == 1)
    for _ in range(30):
        await quick.dispatcher.step()

    assert len([sent for sent in quick.outbound.sent if "//h" in sent.url]) == 64
    for gate in gates:
        gate.set()
    await quick.work()
    assert len([sent for sent in quick.outbound.sent if "//h" in sent.url]) == 120


# Leases.


@pytest.mark.parametrize("late", [200, 410, 500])
async def test_an_expired_lease_is_taken_over_and_fences_its_old_holder(
    room: DeliveryHarness, database: Database, late: int
) -> None:
    other = DeliveryHarness(database, room.clock)
    gate = room.outbound.hangs(FARM)
    await room.publish()
    await room.dispatcher.step()
    await _until(lambda: room.outbound.under_way[FARM] == 1)

    await room.clock.advance(61)
    other.outbound.says(FARM, 200)
    await other.work()
    room.outbound.says(FARM, late)
    gate.set()
    await room.settled()

    shown = await room.only(FARM_NAME)
    assert (shown.state, shown.attempts) == ("delivered", 1)
    assert len(await room.attempts(shown)) == 1
    assert room.counted("worker_leases_lost_total", "dispatcher") == 1
    assert {sent.key for sent in (*room.outbound.to(FARM), *other.outbound.to(FARM))} == {
        shown.idempotency_key
    }


@pytest.mark.parametrize("late", [200, 410, 500])
async def test_a_late_outcome_is_discarded_if_the_lease_was_lost(
    room: DeliveryHarness, database: Database, late: int
) -> None:
    other = DeliveryHarness(database, room.clock)
    gates = room.outbound.hangs(FARM), other.outbound.hangs(FARM)
    await room.publish()
    await room.dispatcher.step()
    await _until(lambda: room.outbound.under_way[FARM] == 1)
    await room.clock.advance(61)
    await other.dispatcher.step()
    await _until(lambda: other.outbound.under_way[FARM] == 1)

    room.outbound.says(FARM, late)
    gates[0].set()
    await room.settled()
    between = await room.only(FARM_NAME)
    gates[1].set()
    await other.settled()

    assert (between.state, between.attempts) == ("pending", 0)
    shown = await room.only(FARM_NAME)
    assert (shown.state, len(await room.attempts(shown))) == ("delivered", 1)


async def test_a_leased_delivery_is_not_claimed_again(
    room: DeliveryHarness, database: Database
) -> None:
    other = DeliveryHarness(database, room.clock)
    gate = room.outbound.hangs(FARM)
    await room.publish()
    await room.dispatcher.step()

    await room.clock.advance(30)
    await other.work()

    assert other.outbound.to(FARM) == []
    gate.set()
    await room.settled()


async def test_leases_of_a_crashed_process_end_at_the_next_start(
    room: DeliveryHarness, database: Database
) -> None:
    await room.publish()
    await room.deliverer.claim({FARM_NAME: 4})
    now = epoch_ms(room.clock.now())

    await database.write(lambda tx: deliveries.void_leases(tx, now=now))
    await room.work()

    assert (await room.only(FARM_NAME)).state == "delivered"


async def test_writing_the_outcome_is_retried_until_the_database_accepts_it(
    sqlite_url: str, clock: FakeClock
) -> None:
    failures = 3

    def away(sql: str, _: Mapping[str, Value]) -> None:
        nonlocal failures
        if outbound.sent and failures and "UPDATE deliveries" in sql:
            failures -= 1
            raise StorageFailed("away")

    outbound = FakeOutbound(clock)
    database = await open_database(sqlite_url)
    quick = DeliveryHarness(WatchedDatabase(database, away), clock, outbound=outbound)
    await quick.publish()
    await quick.dispatcher.step()
    while len(quick.dispatcher):
        await quick.clock.advance(0.5)
        await asyncio.sleep(0.002)

    assert failures == 0
    assert (await quick.only(FARM_NAME)).state == "delivered"
    assert len(quick.outbound.to(FARM)) == 1
    await database.close()


async def test_a_draining_dispatcher_finishes_attempts_and_starts_none(
    quick: DeliveryHarness,
) -> None:
    for _ in range(10):
        await quick.publish()
    gate = quick.outbound.hangs(FARM)
    await quick.dispatcher.step()
    await _until(lambda: quick.outbound.under_way[FARM] == 4)
    gate.set()

    cut = await quick.dispatcher.drain(5)
    await quick.dispatcher.step()

    assert (cut, len(quick.dispatcher)) == (0, 0)
    done = [shown.state for shown in await quick.all(FARM_NAME)]
    assert 4 <= done.count("delivered") < 10


async def test_an_attempt_cancelled_by_a_drain_is_sent_again(
    room: DeliveryHarness, database: Database
) -> None:
    room.outbound.hangs(FARM)
    await room.publish()
    await room.dispatcher.step()

    assert await room.dispatcher.drain(0) >= 1
    other = DeliveryHarness(database, room.clock)
    await other.transient(minutes=2)

    assert (await other.only(FARM_NAME)).state == "delivered"


# Secrets and rules.


async def test_a_callback_follows_the_current_rules(quick: DeliveryHarness) -> None:
    await quick.callback("https://client.example/")
    quick.reload({"callbacks": {"allow_hosts": ["*.trusted.example"]}})

    await quick.work()

    (sent,) = quick.outbound.to("https://client.example/")
    assert sent.policy is not None
    assert sent.policy.allow_hosts == ("*.trusted.example",)


async def test_a_callback_is_signed_with_the_secret_of_the_teams_default(
    quick: DeliveryHarness,
) -> None:
    secret = "the-secret-of-the-default"
    default = {"name": "default", "url": "https://d.example/", "secret": secret,
               "unless_callback": True}  # fmt: skip
    quick.reload({"teams": {"growth": {"webhooks": [default]}}, "webhooks": [default]})
    await quick.callback("https://client.example/")
    await quick.callback("https://theirs.example/", "rivals")

    await quick.work()

    now = int(quick.clock.now().timestamp())
    (signed,) = quick.outbound.to("https://client.example/")
    header = signed.headers["X-OpenRouter-Signature"]
    assert verify_openrouter(header, signed.body, [secret], now) is Verdict.VERIFIED
    (unsigned,) = quick.outbound.to("https://theirs.example/")
    assert "X-OpenRouter-Signature" not in unsigned.headers, "never with the organisation's"
    assert "webhook-signature" not in unsigned.headers


# Replays.


async def test_a_replay_sends_the_same_event_with_a_new_schedule(
    room: DeliveryHarness,
) -> None:
    room.outbound.says(FARM, 500)
    event = await room.publish()
    await room.transient(days=4)
    shown = await room.only(FARM_NAME)

    await room.redeliverer.replay(shown.id, OPERATOR)
    await room.transient(seconds=10)
    room.outbound.says(FARM, 200)
    await room.transient(minutes=7)

    again = await room.only(FARM_NAME)
    assert (again.id, again.state, again.attempts) == (shown.id, "delivered", 13)
    assert len(await room.attempts(again)) == 13
    assert {sent.key for sent in room.outbound.to(FARM)} == {event.idempotency_key}


async def test_a_delivered_delivery_can_be_replayed(quick: DeliveryHarness) -> None:
    await quick.publish()
    await quick.work()

    await quick.redeliverer.replay((await quick.only(FARM_NAME)).id, OPERATOR)
    await quick.work()

    assert len(quick.outbound.to(FARM)) == 2


async def test_a_delivery_is_not_replayed_while_it_is_being_sent(quick: DeliveryHarness) -> None:
    gate = quick.outbound.hangs(FARM)
    await quick.publish()
    await quick.dispatcher.step()

    with pytest.raises(Refused, match="is being sent now") as refusal:
        await quick.redeliverer.replay((await quick.only(FARM_NAME)).id, OPERATOR)

    assert refusal.value.reason is Reason.INVALID_REQUEST
    gate.set()
    await quick.settled()


async def test_deliveries_to_a_disabled_endpoint_are_not_replayed(room: DeliveryHarness) -> None:
    room.outbound.says(FARM, 410)
    await room.publish()
    await room.work()
    shown = await room.only(FARM_NAME)

    for attempt in (
        room.redeliverer.replay(shown.id, OPERATOR),
        room.redeliverer.replay_dead(0, FARM_NAME, OPERATOR),
    ):
        with pytest.raises(Refused, match="is disabled") as refusal:
            await attempt
        assert refusal.value.reason is Reason.ENDPOINT_DISABLED
    assert await room.redeliverer.replay_dead(0, None, OPERATOR) == 0


async def test_replaying_dead_deliveries_is_filtered_by_time_and_endpoint(
    room: DeliveryHarness,
) -> None:
    room.reload({"delivery": {"retries": []}})
    room.outbound.says(FARM, 500)
    room.outbound.says(AUDITOR, 500)
    await room.publish()
    await room.transient(hours=1)
    moment = epoch_ms(room.clock.now())
    recent = await room.publish()
    await room.work()
    assert {shown.state for shown in await room.all()} == {"dead"}
    room.outbound.says(FARM, 200)

    count = await room.redeliverer.replay_dead(moment, FARM_NAME, OPERATOR)
    await room.work()

    assert count == 1
    delivered = [shown for shown in await room.all() if shown.state == "delivered"]
    assert [(one.endpoint, one.event_id) for one in delivered] == [(FARM_NAME, recent.id)]


async def test_hundreds_of_replayed_deliveries_respect_the_endpoints_limit(
    room: DeliveryHarness,
) -> None:
    room.reload({"delivery": {"retries": []}})
    room.outbound.says(FARM, 500)
    for _ in range(600):
        await room.publish("growth")
    await room.work()
    room.outbound.says(FARM, 200)
    room.outbound.most_at_once.clear()

    assert await room.redeliverer.replay_dead(0, FARM_NAME, OPERATOR) == 600
    await room.work()

    assert {shown.state for shown in await room.all(FARM_NAME)} == {"delivered"}
    assert room.outbound.most_at_once[FARM] == 4


# Pings and labels.


async def test_a_ping_is_signed_reaches_a_disabled_endpoint_and_is_not_stored(
    quick: DeliveryHarness,
) -> None:
    quick.outbound.says(FARM, 410)
    await quick.publish()
    await quick.work()
    rows = len(await quick.all())
    quick.outbound.says(FARM, 200)

    endpoint, outcome = await quick.subscribers.test("farm")

    sent = quick.outbound.to(FARM)[-1]
    now = int(quick.clock.now().timestamp())
    header = sent.headers["X-OpenRouter-Signature"]
    assert (endpoint, outcome.status) == (FARM_NAME, 200)
    assert verify_openrouter(header, sent.body, [SECRET], now) is Verdict.VERIFIED
    assert json.loads(sent.body)["type"] == "ping"
    assert len(await quick.all()) == rows


async def test_an_ambiguous_name_must_be_given_in_full(quick: DeliveryHarness) -> None:
    same = {"name": "farm", "url": AUDITOR, "secret": "the-auditors-own-secret"}
    quick.reload({"webhooks": [same]})

    with pytest.raises(
        Refused, match="is ambiguous; use a full name: organisation/farm, team/growth/farm"
    ):
        await quick.subscribers.test("farm")
    with pytest.raises(Refused, match="unknown subscriber 'nobody'; configured subscribers: "):
        await quick.subscribers.test("nobody")

    assert (await quick.subscribers.test(FARM_NAME))[0] == FARM_NAME


@pytest.mark.parametrize(
    ("status", "error", "word"),
    [(200, None, "delivered"), (299, None, "delivered"), (302, None, "redirected"),
     (404, None, "refused"), (410, None, "gone"), (429, None, "throttled"), (503, None, "failed"),
     (102, None, "failed"), (500, ErrorKind.RESET, "failed"), (None, ErrorKind.TIMEOUT, "timeout"),
     (None, ErrorKind.BLOCKED_ADDRESS, "blocked"), (None, ErrorKind.RESET, "cut"),
     (None, ErrorKind.PROTOCOL, "cut"), (None, ErrorKind.DNS, "unreachable"),
     (None, ErrorKind.CONNECT, "unreachable"), (None, ErrorKind.TLS, "unreachable"),
     (None, ErrorKind.UNCONFIGURED, "unreachable"), (None, None, "unreachable")],
)  # fmt: skip
def test_every_outcome_has_a_label(status: int | None, error: ErrorKind | None, word: str) -> None:
    assert outcome_word(AttemptOutcome(status, 1, error)) == word


async def _until(true: Callable[[], bool]) -> None:
    async def reached() -> bool:
        return true()

    await until(reached)
