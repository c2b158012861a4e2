"""Events: OpenRouter's envelope with the gateway's id, and which subscriber gets which event."""

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pytest

from gateway.domain.event import (
    DisabledBecause,
    Event,
    ThresholdFacts,
    as_javascript,
    endpoint_disabled,
    job_ended,
    matches,
    new_event_id,
    ping,
    threshold_crossed,
    wants,
)
from gateway.domain.job import Cause, Job, JobId, Status

AT = datetime(2026, 10, 2, 23, 26, 40, 7_999, tzinfo=UTC)
ID = JobId("gen-vid-1790983457-BXyYqhSkuztnVdDoZpef")
URL = f"https://gateway.example/api/v1/videos/{ID}/content?index=0&signature=x"

JOB = Job(
    id=ID,
    team="growth",
    key="ci",
    upstream="openrouter",
    upstream_id="gen-vid-1-upstream",
    model="google/veo-3.1",
    status=Status.COMPLETED,
    version=4,
    created_at=1,
    ended_at=2,
    cause=Cause.UPSTREAM,
    error=None,
    estimate_micros=60_000,
    cost_micros=52_000,
    raw_cost="0.052",
    is_byok=False,
    outputs=1,
    copy_expires_at=None,
    zdr=False,
    retain=True,
    request_id="req",
    traceparent=None,
    content_gone=False,
    profile="veo",
    announced=True,
)


def test_the_event_of_a_completed_job_equals_openrouters() -> None:
    """The event equals the recorded one, except for the gateway's links."""
    event = job_ended("evt_1", JOB, [URL], AT)

    assert event.body == (
        b'{"type":"video.generation.completed","created_at":"2026-10-02T23:26:40.007Z","data":{'
        b'"id":"gen-vid-1790983457-BXyYqhSkuztnVdDoZpef","status":"completed",'
        b'"generation_id":"gen-vid-1790983457-BXyYqhSkuztnVdDoZpef","model":"google/veo-3.1",'
        b'"unsigned_urls":["' + URL.encode() + b'"],"usage":{"cost":0.052,"is_byok":false}}}'
    )
    assert event.type == "video.generation.completed"
    assert event.idempotency_key == f"{ID}-completed"
    assert (event.id, event.team, event.job_id) == ("evt_1", "growth", ID)


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.EXPIRED])
def test_the_event_of_a_job_without_a_video_has_its_error_and_no_links(status: Status) -> None:
    event = job_ended("evt_1", replace(JOB, status=status, error="Nope"), [URL], AT)

    assert parsed(event) == {
        "type": f"video.generation.{status}",
        "created_at": "2026-10-02T23:26:40.007Z",
        "data": {
            "id": ID,
            "status": status.value,
            "generation_id": ID,
            "model": "google/veo-3.1",
            "error": "Nope",
        },
    }
    assert event.idempotency_key == f"{ID}-{status}"


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED, Status.EXPIRED])
def test_an_end_without_a_reason_gets_a_default_error(status: Status) -> None:
    data = parsed(job_ended("evt_1", replace(JOB, status=status, error=None), [], AT))["data"]

    assert isinstance(data["error"], str)
    assert data["error"]


def test_unknown_fields_are_left_out() -> None:
    """The SDKs throw on null (docs/openrouter-contract.md section 9)."""
    unpriced = replace(JOB, raw_cost=None, is_byok=None)
    costless = replace(JOB, raw_cost=None)

    assert "usage" not in parsed(job_ended("evt_1", unpriced, [URL], AT))["data"]
    assert parsed(job_ended("evt_1", costless, [URL], AT))["data"]["usage"] == {"is_byok": False}


def test_the_upstreams_id_is_never_in_an_event() -> None:
    for status in (Status.COMPLETED, Status.FAILED):
        assert b"gen-vid-1-upstream" not in job_ended("e", replace(JOB, status=status), [], AT).body


def test_an_error_that_is_not_valid_text_does_not_prevent_the_event() -> None:
    event = job_ended("evt_1", replace(JOB, status=Status.FAILED, error="bad \ud800 é"), [], AT)

    assert parsed(event)["data"]["error"] == "bad ? é"


@pytest.mark.parametrize("status", [status for status in Status if not status.terminal])
def test_an_open_job_has_no_event(status: Status) -> None:
    with pytest.raises(ValueError, match="has not ended"):
        job_ended("evt_1", replace(JOB, status=status), [], AT)


def test_times_are_written_in_utc() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))

    assert job_ended("e", JOB, [], elsewhere).body == job_ended("e", JOB, [], AT).body


def test_a_budget_alert_contains_the_amounts() -> None:
    facts = ThresholdFacts(
        team="growth",
        period="month",
        threshold=0.8,
        limit_micros=500_000_000,
        spent_micros=399_950_001,
        reserved_micros=60_000,
        resets_at=datetime(2026, 11, 1, tzinfo=UTC),
        models=("openai/*",),
    )

    event = threshold_crossed("evt_2", facts, AT)

    assert parsed(event) == {
        "type": "budget.threshold",
        "created_at": "2026-10-02T23:26:40.007Z",
        "data": {
            "team": "growth",
            "models": ["openai/*"],
            "period": "month",
            "threshold": 0.8,
            "limit_usd": "500.00",
            "spent_usd": "399.950001",
            "reserved_usd": "0.06",
            "resets_at": "2026-11-01T00:00:00.000Z",
        },
    }
    assert (event.team, event.job_id, event.idempotency_key) == ("growth", None, "evt_2")


def test_an_organisations_budget_that_never_resets_has_neither_team_nor_date() -> None:
    facts = ThresholdFacts(None, "total", 1.0, 1_000_000, 1_000_000, 0, None)

    assert parsed(threshold_crossed("evt_2", facts, AT))["data"] == {
        "period": "total",
        "threshold": 1.0,
        "limit_usd": "1.00",
        "spent_usd": "1.00",
        "reserved_usd": "0.00",
    }


def test_the_event_of_a_disabled_endpoint_contains_its_name() -> None:
    since = AT - timedelta(days=5)
    event = endpoint_disabled("evt_3", "farm", "growth", DisabledBecause.FAILING, since, AT)

    assert event.type == "endpoint.disabled"
    assert parsed(event)["data"] == {
        "endpoint": "farm",
        "team": "growth",
        "reason": "failing",
        "failing_since": "2026-09-27T23:26:40.007Z",
    }


def test_a_ping_contains_its_endpoints_name() -> None:
    assert parsed(ping("evt_4", "farm", None, AT)) == {
        "type": "ping",
        "created_at": "2026-10-02T23:26:40.007Z",
        "data": {"endpoint": "farm"},
    }


@pytest.mark.parametrize(
    ("patterns", "event_type", "matched"),
    [
        (["*"], "video.generation.completed", True),
        (["video.generation.*"], "video.generation.failed", True),
        (["video.*"], "video.generation.failed", True),
        (["video.generation.completed"], "video.generation.failed", False),
        (["video.generation"], "video.generation.failed", False),
        (["budget.*"], "budget.threshold", True),
        (["budget.*"], "video.generation.failed", False),
        (["Video.*"], "video.generation.failed", False),
        (["nothing", "*.failed"], "video.generation.failed", True),
        ([], "video.generation.failed", False),
    ],
)
def test_event_types_are_matched_by_globs(
    patterns: list[str], event_type: str, matched: bool
) -> None:
    assert matches(patterns, event_type) is matched


TEAMS_OWN = job_ended("evt_1", JOB, [], AT)
ORGANISATIONS = ping("evt_4", "farm", None, AT)


@pytest.mark.parametrize(
    ("event", "team", "wanted"),
    [
        (TEAMS_OWN, "growth", True),
        (TEAMS_OWN, "research", False),
        (TEAMS_OWN, None, True),
        (ORGANISATIONS, None, True),
        (ORGANISATIONS, "growth", False),
    ],
)
def test_a_team_gets_only_its_own_events(event: Event, team: str | None, wanted: bool) -> None:
    for has_callback in (True, False):
        assert wanted is wants(
            event, patterns=["*"], team=team, unless_callback=False, has_callback=has_callback
        )


def test_unless_callback_skips_jobs_with_their_own_callback() -> None:
    alert = threshold_crossed("e", ThresholdFacts("growth", "day", 1.0, 1, 1, 0, None), AT)

    def wanted(event: Event, *, has_callback: bool) -> bool:
        return wants(
            event, patterns=["*"], team="growth", unless_callback=True, has_callback=has_callback
        )

    assert wanted(TEAMS_OWN, has_callback=False)
    assert not wanted(TEAMS_OWN, has_callback=True)
    assert wanted(alert, has_callback=True)


def test_ids_are_unique_and_contain_no_dot() -> None:
    source = random.Random(7)
    ids = {new_event_id(source) for _ in range(100)}

    assert len(ids) == 100
    assert all(each.startswith("evt_") and len(each) == 28 and "." not in each for each in ids)


def parsed(event: Event) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(event.body)
    return body


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.0, "0"),
        (-0.0, "0"),
        (0.00001, "0.00001"),
        (1e-7, "1e-7"),
        (1e16, "10000000000000000"),
        (0.8, "0.8"),
        (123456.5, "123456.5"),
        ([1.0, {"a": 2.50}], '[1,{"a":2.5}]'),
        ({"n": 3, "t": True, "s": "1.0"}, '{"n":3,"t":true,"s":"1.0"}'),
    ],
)
def test_numbers_are_formatted_as_in_javascript(value: object, text: str) -> None:
    assert orjson.dumps(as_javascript(value)).decode() == text
