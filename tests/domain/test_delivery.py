"""Deliveries: the result of an attempt, the next attempt, and when to disable an endpoint."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from gateway.domain.delivery import (
    AttemptOutcome,
    ErrorKind,
    Failing,
    Judgement,
    after_failure,
    judge,
    next_attempt,
    parse_retry_after,
    signed_headers,
)
from gateway.domain.signature import verify_openrouter

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
S, M, H, D = (timedelta(seconds=n) for n in (1, 60, 3600, 86_400))
SCHEDULE = [5 * S, 5 * M, 30 * M, 2 * H, 5 * H, 10 * H, 14 * H, 20 * H, 24 * H]


@pytest.mark.parametrize(
    ("status", "judgement"),
    [
        (200, Judgement.DELIVERED),
        (202, Judgement.DELIVERED),
        (204, Judgement.DELIVERED),
        (299, Judgement.DELIVERED),
        (199, Judgement.RETRY),
        (300, Judgement.RETRY),
        (301, Judgement.RETRY),
        (307, Judgement.RETRY),
        (400, Judgement.RETRY),
        (401, Judgement.RETRY),
        (404, Judgement.RETRY),
        (410, Judgement.DISABLE),
        (429, Judgement.RETRY),
        (500, Judgement.RETRY),
        (503, Judgement.RETRY),
        (999, Judgement.RETRY),
    ],
)
def test_only_2xx_is_a_success_and_only_410_disables(status: int, judgement: Judgement) -> None:
    assert judge(AttemptOutcome(status, 1)) is judgement


@pytest.mark.parametrize("error", ErrorKind)
def test_a_missing_response_is_retried(error: ErrorKind) -> None:
    assert judge(AttemptOutcome(None, 1, error)) is Judgement.RETRY


def test_a_2xx_with_an_incomplete_body_is_a_success() -> None:
    """A retry would send an avoidable duplicate."""
    assert judge(AttemptOutcome(200, 1, ErrorKind.TIMEOUT)) is Judgement.DELIVERED


def test_every_step_of_the_schedule_is_used() -> None:
    waits = [next_attempt(SCHEDULE, number, None, 0.5, NOW) for number in range(1, 11)]

    assert waits == [*(NOW + step for step in SCHEDULE), None]


def test_the_default_schedule_lasts_longer_than_a_weekend() -> None:
    assert sum(SCHEDULE, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)


def test_jitter_is_a_fifth_in_both_directions() -> None:
    assert next_attempt([100 * S], 1, None, 0.0, NOW) == NOW + 80 * S
    assert next_attempt([100 * S], 1, None, 0.75, NOW) == NOW + 110 * S


@pytest.mark.parametrize(
    ("retry_after", "jitter", "seconds"),
    [
        (0, 0.0, 100),
        (99, 0.0, 100),
        (150, 0.0, 150),
        (150, 0.5, 160),
        (200, 0.9, 200),
        (10**6, 0.0, 200),
        (-5, 0.0, 100),
    ],
)
def test_retry_after_is_honoured_between_the_wait_and_its_double(
    retry_after: int, jitter: float, seconds: int
) -> None:
    assert next_attempt([100 * S], 1, retry_after, jitter, NOW) == NOW + seconds * S


@given(
    number=st.integers(1, 9),
    retry_after=st.none() | st.integers(0, 10**6),
    jitter=st.floats(0, 1, exclude_max=True),
)
def test_no_attempt_is_early_or_endlessly_late(
    number: int, retry_after: int | None, jitter: float
) -> None:
    base = SCHEDULE[number - 1]
    due = next_attempt(SCHEDULE, number, retry_after, jitter, NOW)

    assert due is not None
    if retry_after is None:
        assert base * 0.8 - S <= due - NOW <= base * 1.2
    else:
        assert base <= due - NOW <= 2 * base
        assert due - NOW >= min(retry_after * S, 2 * base)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("9" * 400, 864_000),
        ("Sun, 22 Nov 2026 12:02:00 GMT", 120),
        ("Sun, 22 Nov 2026 12:02:00 -0000", 120),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0),
        ("Sunday, 22-Nov-26 12:02:00 GMT", 120),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 864_000),
        (None, None),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("\u0663", None),
        ("Sun, 99 Nov 2026 12:02:00 GMT", None),
        ("Sun, 22 Nov 99999999999999999999 12:02:00 GMT", None),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_retry_after_is_seconds_or_a_date(header: str | None, seconds: int | None) -> None:
    assert parse_retry_after(header, NOW) == seconds


@given(st.text(max_size=80) | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} \d+ \S+ \S+"))
def test_no_retry_after_header_raises(header: str) -> None:
    seconds = parse_retry_after(header, NOW)

    assert seconds is None or 0 <= seconds <= 864_000


def test_five_days_of_uninterrupted_failures_disable_the_endpoint() -> None:
    failing = fail_daily(None, days=5)

    assert failing.since == NOW
    assert not failing.should_disable
    assert after_failure(failing, NOW + 5 * D).should_disable


def test_a_success_restarts_the_count() -> None:
    """The caller drops the run of failures after a successful delivery."""
    fail_daily(None, days=5)
    failing = after_failure(None, NOW + 5 * D)

    assert failing == Failing(since=NOW + 5 * D, last=NOW + 5 * D)
    assert not failing.should_disable


def test_two_failures_with_a_long_gap_do_not_disable_the_endpoint() -> None:
    """Without attempts in between, the endpoint's state is unknown."""
    first = after_failure(None, NOW)
    second = after_failure(first, NOW + 6 * D)

    assert second.since == NOW + 6 * D
    assert not second.should_disable


def test_the_longest_wait_of_the_schedule_does_not_break_the_run() -> None:
    failing = after_failure(after_failure(None, NOW), NOW + 2 * SCHEDULE[-1])

    assert failing.since == NOW


def test_a_clock_that_steps_back_does_not_shorten_the_run() -> None:
    failing = after_failure(fail_daily(None, days=3), NOW - H)

    assert failing == Failing(since=NOW, last=NOW + 2 * D)


BODY = b'{"type":"ping"}'
SECRETS = ["whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1u", "the-old-plain-secret"]


def test_one_delivery_verifies_with_both_signature_schemes() -> None:
    now = int(datetime.now(UTC).timestamp())  # the package reads the wall clock
    headers = signed_headers(
        BODY, event_id="evt_1", idempotency_key="job-completed", secrets=SECRETS, now=now
    )

    signature = headers["X-OpenRouter-Signature"]
    assert verify_openrouter(signature, BODY, SECRETS[:1], now).verified
    assert signature.count("v1=") == 1
    for secret in (SECRETS[0], SECRETS[1].encode()):
        assert Webhook(secret).verify(BODY, headers) == json.loads(BODY)
    assert headers["X-OpenRouter-Idempotency-Key"] == "job-completed"
    assert headers["webhook-id"] == "evt_1"
    assert headers["Content-Type"] == "application/json"


def test_each_attempt_has_its_own_time_and_signature() -> None:
    first, second = (
        signed_headers(BODY, event_id="e", idempotency_key="k", secrets=SECRETS, now=now)
        for now in (1_790_983_600, 1_790_983_605)
    )

    assert first["webhook-timestamp"] == "1790983600"
    assert second["webhook-timestamp"] == "1790983605"
    for name in ("X-OpenRouter-Signature", "webhook-signature"):
        assert first[name] != second[name]
    assert first["webhook-id"] == second["webhook-id"]


def test_without_a_secret_there_is_no_signature() -> None:
    headers = signed_headers(BODY, event_id="e", idempotency_key="k", secrets=[], now=1)

    assert not {name for name in headers if "signature" in name.lower()}


def fail_daily(failing: Failing | None, days: int) -> Failing:
    for day in range(days):
        failing = after_failure(failing, NOW + day * D)
    assert failing is not None
    return failing
