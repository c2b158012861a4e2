"""Budgets: calendar windows, scope and filters, and the amounts in refusals."""

import itertools
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.budget import (
    Budget,
    Headroom,
    Period,
    covers,
    retry_after,
    thresholds_crossed,
    tightest,
    window_bounds,
    window_end,
)
from gateway.domain.units import Micros


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


moments = st.datetimes(
    min_value=datetime(1971, 1, 1),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(9000, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC) | st.timezones(),
)


@pytest.mark.parametrize(
    ("period", "now", "start", "end"),
    [
        ("day", "2026-11-22 00:00:00", "2026-11-22", "2026-11-23"),
        ("day", "2026-11-22 23:59:59.999999", "2026-11-22", "2026-11-23"),
        ("day", "2028-02-28 12:00", "2028-02-28", "2028-02-29"),
        ("day", "2026-12-31 12:00", "2026-12-31", "2027-01-01"),
        ("week", "2026-11-22 23:00", "2026-11-16", "2026-11-23"),  # a Sunday
        ("week", "2026-11-23 00:00", "2026-11-23", "2026-11-30"),  # a Monday
        ("week", "2027-01-01 08:00", "2026-12-28", "2027-01-04"),  # ISO week 53 of 2026
        ("week", "2028-02-29 08:00", "2028-02-28", "2028-03-06"),
        ("month", "2026-11-30 23:59:59", "2026-11-01", "2026-12-01"),
        ("month", "2026-12-31 23:59:59", "2026-12-01", "2027-01-01"),
        ("month", "2027-02-28 23:59:59", "2027-02-01", "2027-03-01"),
        ("month", "2028-02-29 00:00", "2028-02-01", "2028-03-01"),
        ("month", "2100-02-28 00:00", "2100-02-01", "2100-03-01"),  # no leap year
        ("total", "2026-11-22 12:00", "1970-01-01", None),
    ],
)
def test_a_window_starts_and_ends_with_its_calendar_period(
    period: str, now: str, start: str, end: str | None
) -> None:
    assert window_bounds(Period(period), utc(now)).starts_at == utc(start)
    assert window_end(Period(period), utc(now)) == (utc(end) if end else None)


def test_windows_are_in_utc_for_every_time_zone() -> None:
    tokyo = datetime(2026, 12, 1, 8, 59, tzinfo=ZoneInfo("Asia/Tokyo"))
    new_york = datetime(2026, 11, 30, 19, 0, tzinfo=ZoneInfo("America/New_York"))

    assert window_bounds(Period.MONTH, tokyo).starts_at == utc("2026-11-01")
    assert window_bounds(Period.MONTH, new_york).starts_at == utc("2026-12-01")
    assert window_bounds(Period.DAY, tokyo).starts_at.utcoffset() == timedelta(0)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        window_bounds(Period.DAY, datetime(2026, 11, 22))  # noqa: DTZ001 - the point of the test


@given(st.sampled_from(Period), moments)
@example(Period.DAY, datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1))
def test_every_moment_is_in_exactly_one_window_and_the_next_begins_where_it_ends(
    period: Period, now: datetime
) -> None:
    start, end = window_bounds(period, now).starts_at, window_end(period, now)

    assert start <= now
    assert window_bounds(period, start).starts_at == start
    if end is None:
        assert period is Period.TOTAL
        return
    assert now < end
    assert window_bounds(period, end).starts_at == end
    assert window_bounds(period, end - timedelta(microseconds=1)).starts_at == start


@given(moments)
def test_a_week_is_the_iso_week_and_a_month_the_calendar_month(now: datetime) -> None:
    day = now.astimezone(UTC).date()
    week, month = (
        window_bounds(Period.WEEK, now).starts_at,
        window_bounds(Period.MONTH, now).starts_at,
    )

    assert week.date() == date.fromisocalendar(*day.isocalendar()[:2], 1)
    assert (month.year, month.month, month.day) == (day.year, day.month, 1)
    assert window_end(Period.WEEK, now) == week + timedelta(days=7)


@given(moments, st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)))
def test_windows_never_run_backwards(now: datetime, later: timedelta) -> None:
    for period in Period:
        assert window_bounds(period, now).starts_at <= window_bounds(period, now + later).starts_at


def budget(period: str = "month", limit: int = 100_000_000, **fields: Any) -> Budget:
    return Budget(Period(period), Micros(limit), **fields)


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (budget(), "organisation/month"),
        (budget("day", team="growth"), "team/growth/day"),
        (budget(team="growth", key="ci"), "team/growth/month?key=ci"),
        (
            budget(team="growth", models=("openai/*", "google/veo-3.1")),
            "team/growth/month?model=google%2Fveo-3.1&model=openai%2F*",
        ),
    ],
)
def test_a_budget_id_consists_of_scope_period_and_filters(made: Budget, name: str) -> None:
    assert made.id == name


def test_a_change_of_limit_alerts_or_order_keeps_the_budget_id() -> None:
    before = budget(limit=1, team="growth", models=("a/*", "b/*"))
    after = budget(limit=2, team="growth", models=("b/*", "a/*", "a/*"), alerts=(Decimal("0.5"),))

    assert before.id == after.id


names = st.text(alphabet="ab/?&=%* ", min_size=1, max_size=4)
budgets = st.builds(
    Budget,
    st.sampled_from(Period),
    st.just(Micros(1)),
    team=st.none() | names,
    models=st.frozensets(names, max_size=2).map(lambda globs: tuple(sorted(globs))),
    key=st.none() | names,
)


@given(budgets, budgets)
def test_different_budgets_have_different_ids(one: Budget, other: Budget) -> None:
    assert (one.id == other.id) == (one == other)


@pytest.mark.parametrize(
    ("fields", "counted"),
    [
        ({}, True),
        ({"team": "growth"}, True),
        ({"team": "research"}, False),
        ({"team": "growth", "key": "ci"}, True),
        ({"team": "growth", "key": "laptop"}, False),
        ({"models": ("google/*",)}, True),
        ({"models": ("openai/*", "*/veo-3.1")}, True),
        ({"models": ("openai/*",)}, False),
        ({"models": ("Google/*",)}, False),
        ({"models": ("*-20260320",)}, True),  # its canonical slug
        ({"team": "growth", "key": "ci", "models": ("openai/*",)}, False),
    ],
)
def test_a_budget_counts_requests_that_match_its_scope_and_filters(
    fields: dict[str, Any], counted: bool
) -> None:
    slug = "google/veo-3.1-20260320"

    assert covers(budget(**fields), "growth", "ci", "google/veo-3.1", slug) is counted


def test_without_a_slug_only_the_id_is_matched() -> None:
    assert covers(budget(models=("*-20260320",)), "growth", "ci", "google/veo-3.1") is False


ALERTS = (Decimal("1.0"), Decimal("0.5"), Decimal("0.8"))


@pytest.mark.parametrize(
    ("before", "after", "crossed"),
    [
        (0, 49, []),
        (0, 50, ["0.5"]),
        (50, 79, []),
        (49, 80, ["0.5", "0.8"]),
        (0, 130, ["0.5", "0.8", "1.0"]),
        (100, 130, []),
        (80, 50, []),
        (50, 50, []),
    ],
)
def test_a_threshold_is_crossed_when_it_is_reached_and_not_again(
    before: int, after: int, crossed: list[str]
) -> None:
    found = thresholds_crossed(before, after, 100, ALERTS)

    assert list(map(str, found)) == crossed


def test_a_repeated_share_is_one_threshold() -> None:
    assert thresholds_crossed(0, 9, 10, (Decimal("0.5"), Decimal("0.50"))) == (Decimal("0.5"),)


@given(
    st.lists(st.integers(0, 1000), min_size=2, max_size=8).map(sorted),
    st.integers(1, 900),
    st.sets(st.decimals(min_value="0.01", max_value=1, places=2), max_size=4),
)
def test_while_spending_only_grows_each_threshold_is_crossed_once(
    totals: list[int], limit: int, alerts: set[Decimal]
) -> None:
    steps = itertools.pairwise(totals)
    crossed = [share for b, a in steps for share in thresholds_crossed(b, a, limit, alerts)]

    reached = thresholds_crossed(totals[0], totals[-1], limit, alerts)
    assert crossed == list(reached)


NOW = utc("2026-11-22 12:00")


def room(
    spent: int = 0,
    reserved: int = 0,
    estimate: int = 10,
    limit: int = 100,
    resets: str | None = "2026-12-01",
    **fields: Any,
) -> Headroom:
    return Headroom(
        budget(limit=limit * 1_000_000, **fields),
        utc("2026-11-01"),
        utc(resets) if resets else None,
        *(amount * 1_000_000 for amount in (spent, reserved, estimate)),
    )


@pytest.mark.parametrize(
    ("spent", "reserved", "fits", "available"),
    [
        (0, 0, True, 100),
        (80, 10, True, 10),
        (80, 11, False, 9),
        (100, 0, False, 0),
        (130, 20, False, 0),  # overrun
    ],
)
def test_a_request_fits_up_to_and_including_the_limit(
    spent: int, reserved: int, fits: bool, available: int
) -> None:
    window = room(spent, reserved)

    assert window.fits is fits
    assert window.available == available * 1_000_000


@given(*(st.integers(0, 10**9) for _ in range(4)))
def test_the_available_amount_fits_and_one_micro_dollar_more_does_not(
    spent: int, reserved: int, limit: int, estimate: int
) -> None:
    def window(cost: int) -> Headroom:
        return Headroom(budget(limit=limit), NOW, None, spent, reserved, cost)

    available = window(estimate).available
    assert window(available + 1).fits is False
    if spent + reserved <= limit:
        assert window(available).fits is True


def test_a_refusal_states_every_amount_in_dollars_and_the_reset() -> None:
    window = room(spent=95, reserved=2, estimate=4, team="growth")

    assert window.details() == {
        "budget": "team/growth/month",
        "window": "month",
        "starts_at": "2026-11-01T00:00:00Z",
        "limit_usd": "100.00",
        "spent_usd": "95.00",
        "reserved_usd": "2.00",
        "estimate_usd": "4.00",
        "would_fit_usd": "3.00",
        "resets_at": "2026-12-01T00:00:00Z",
    }
    assert window.sentence() == (
        "The request would exceed the month budget of team growth: limit 100.00 USD, spent 95.00, "
        "reserved 2.00, estimate 4.00; 3.00 would fit; "
        "resets at 2026-12-01T00:00:00Z."
    )


def test_the_refusal_of_a_budget_that_never_resets_says_so() -> None:
    window = room(spent=100, resets=None, period="total")

    assert "resets_at" not in window.details()
    assert window.sentence().startswith(
        "The request would exceed the total budget of the organisation: "
    )
    assert window.sentence().endswith("; never resets.")


def test_the_tightest_refusing_window_is_reported() -> None:
    roomy, tight, tighter = room(), room(spent=95), room(spent=98)

    assert tightest([roomy]) is None
    assert tightest([]) is None
    assert tightest([roomy, tight, tighter]) is tighter


def test_the_last_to_reset_of_equally_tight_windows_is_reported() -> None:
    day, month, ever = (room(spent=100, resets=when) for when in ("2026-11-23", "2026-12-01", None))

    assert tightest([day, month]) is month
    assert tightest([day, ever, month]) is ever


def test_retry_after_lasts_until_every_refusing_window_has_reset() -> None:
    day, month = room(spent=100, resets="2026-11-23"), room(spent=100)

    assert retry_after([room(), day], NOW) == 12 * 3600
    assert retry_after([day, month], NOW) == 8 * 86_400 + 12 * 3600
    assert retry_after([room(spent=1, estimate=100)], NOW) == 8 * 86_400 + 12 * 3600
    assert retry_after([day], NOW + timedelta(microseconds=1)) == 12 * 3600
    assert retry_after([day], utc("2026-11-23") - timedelta(microseconds=1)) == 1
    assert retry_after([day], utc("2026-11-23 00:00:05")) == 1


def test_there_is_no_retry_after_if_waiting_does_not_help() -> None:
    assert retry_after([], NOW) is None
    assert retry_after([room()], NOW) is None
    assert retry_after([room(spent=100, resets=None)], NOW) is None
    assert retry_after([room(estimate=101)], NOW) is None
    assert retry_after([room(spent=100), room(estimate=101)], NOW) is None


def test_a_reset_is_written_in_utc_for_every_time_zone() -> None:
    berlin = datetime(2026, 12, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    window = Headroom(budget(), NOW, berlin, 0, 0, 0)

    assert window.details()["resets_at"] == "2026-12-01T00:00:00Z"
