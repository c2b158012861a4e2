"""Tests of how the command line formats and parses times."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from gateway.cli.times import format_seconds, format_time, parse_age


def test_times_are_formatted_in_utc() -> None:
    at = datetime(2026, 11, 22, 14, 30, tzinfo=timezone(timedelta(hours=2)))

    assert format_time(at) == "2026-11-22 12:30"


def test_seconds_are_formatted_like_times() -> None:
    seconds = int(datetime(2026, 11, 22, 12, 30, tzinfo=UTC).timestamp())

    assert format_seconds(seconds) == "2026-11-22 12:30"
    assert format_seconds(None) == ""


def test_an_age_is_parsed_into_unix_seconds() -> None:
    assert parse_age("24h") == pytest.approx(time.time() - 86_400, abs=2)


def test_a_text_that_is_no_duration_is_rejected() -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_age("yesterday")
