"""The job: statuses, ids, and parsing updates from the upstream."""

import random
import re
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.job import (
    Job,
    JobId,
    Status,
    new_job_id,
    new_token,
    parse_news,
    parse_status,
    plausible_cost,
    poll_delay,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
"""JSON values of an upstream's answer, as they are parsed."""


def a_job(**changes: Any) -> Job:
    job = Job(
        id=JobId("gen-vid-1-a"),
        team="growth",
        key="ci",
        upstream="main",
        upstream_id=None,
        model="m",
        status=Status.PENDING,
        version=1,
        created_at=0,
        ended_at=None,
        cause=None,
        error=None,
        estimate_micros=0,
        cost_micros=None,
        raw_cost=None,
        is_byok=None,
        outputs=0,
        copy_expires_at=None,
        zdr=False,
        retain=True,
        request_id="r",
        traceparent=None,
        content_gone=False,
        profile="",
        announced=False,
    )
    return replace(job, **changes)


def test_an_id_looks_like_openrouter_s() -> None:
    job_id = new_job_id(1_795_348_800, random.Random(1))

    assert re.fullmatch(r"gen-vid-1795348800-[0-9A-Za-z]{20}", job_id)


def test_ids_and_tokens_do_not_repeat() -> None:
    source = random.Random(1)

    assert len({new_job_id(1, source) for _ in range(1000)}) == 1000
    assert len({new_token(source) for _ in range(1000)}) == 1000
    assert all(re.fullmatch(r"[0-9A-Za-z]{43}", new_token(source)) for _ in range(10))


def test_clients_see_six_statuses_only() -> None:
    seen = {status.on_the_wire for status in Status}

    assert seen == {"pending", "in_progress", "completed", "failed", "cancelled", "expired"}
    assert Status.SUBMITTING.on_the_wire == Status.UNKNOWN.on_the_wire == "pending"
    assert {s for s in Status if s.terminal} == {
        Status.COMPLETED,
        Status.FAILED,
        Status.CANCELLED,
        Status.EXPIRED,
    }


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("pending", Status.PENDING),
        ("in_progress", Status.IN_PROGRESS),
        ("completed", Status.COMPLETED),
        ("expired", Status.EXPIRED),
        ("dead", Status.FAILED),
        ("queued", Status.PENDING),
        ("canceled", Status.CANCELLED),
        ("submitting", None),  # the gateway's own statuses are not accepted from upstreams
        ("unknown", None),
        ("Completed", None),
        ("", None),
        (None, None),
        (1, None),
        (["completed"], None),
    ],
)
def test_an_unrecognised_status_is_none(word: Any, status: Status | None) -> None:
    assert parse_status(word) is status


def test_an_update_contains_every_field_of_a_poll() -> None:
    news = parse_news(
        {
            "status": "completed",
            "usage": {"cost": Decimal("0.1358"), "is_byok": True},
            "unsigned_urls": ["a", "b"],
            "urls": ["c"],
            "expires_at": 1_800_000_000,
        }
    )

    assert (news.status, news.raw_cost, news.is_byok) == (Status.COMPLETED, "0.1358", True)
    assert (news.outputs, news.copy_expires_at) == (2, 1_800_000_000)
    assert news.cost_micros == 135_800


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("no luck", "no luck"),
        ({"message": "no luck", "code": 1}, "no luck"),
        ({"code": 1}, None),
        (["no luck"], None),
        ("", None),
        (None, None),
    ],
)
def test_an_error_is_always_text(error: Any, words: str | None) -> None:
    assert parse_news({"status": "failed", "error": error}).error == words


@pytest.mark.parametrize("cost", ["\0", "\ud800", ["\0"], {"usd": "\udfff"}], ids=ascii)
def test_a_cost_that_is_not_a_number_can_be_stored(cost: Any) -> None:
    """If the database rejected it, the job could never end."""
    news = parse_news({"status": "completed", "usage": {"cost": cost}})

    assert news.raw_cost is not None
    assert "\0" not in news.raw_cost
    assert news.raw_cost.encode()
    assert news.cost_micros is None


@given(body=st.dictionaries(st.sampled_from(
    ["status", "error", "usage", "unsigned_urls", "urls", "expires_at", "id"]), JSON))  # fmt: skip
def test_no_upstream_body_raises(body: dict[str, Any]) -> None:
    news = parse_news(body)

    assert news.outputs >= 0
    assert news.cost_micros is None or 0 <= news.cost_micros <= 10**11
    assert news.error is None or news.error


@pytest.mark.parametrize(
    ("raw", "cost"),
    [
        ("0", "0"),
        ("0.07", "0.07"),
        ("1e-2", "0.01"),
        ("100000", "100000"),
        ("1000000000.01", None),
        ("-0.01", None),
        ("NaN", None),
        ("sNaN", None),
        ("Infinity", None),
        ("seven", None),
        (None, None),
    ],
)
def test_only_a_plausible_cost_is_parsed(raw: str | None, cost: str | None) -> None:
    assert plausible_cost(raw) == (None if cost is None else Decimal(cost))


@pytest.mark.parametrize(
    ("raw", "is_byok", "usage"),
    [
        (None, None, None),
        ("0.07", None, {"cost": 0.07}),
        (None, True, {"is_byok": True}),
        ("0", False, {"cost": 0.0, "is_byok": False}),
        ("NaN", None, None),
    ],
)
def test_unknown_usage_fields_are_left_out(
    raw: str | None, is_byok: bool | None, usage: Any
) -> None:
    assert a_job(raw_cost=raw, is_byok=is_byok).usage == usage


def test_poll_delays_grow_up_to_a_limit() -> None:
    delays = [poll_delay(n, 5.0, 1.5, 30.0) for n in range(10)]

    assert delays[:4] == [5.0, 7.5, 11.25, 16.875]
    assert delays[-1] == 30.0
    assert delays == sorted(delays)
    assert poll_delay(10**9, 5.0, 1.0, 30.0) == 5.0
    assert poll_delay(10**9, 0.001, 10.0, 30.0) == 30.0
