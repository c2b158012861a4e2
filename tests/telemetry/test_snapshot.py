"""Gauges of the moment: the ledger's own figures, or nothing at all."""

from datetime import UTC, datetime

import pytest

from gateway.telemetry.metrics import Metrics
from gateway.telemetry.snapshot import (
    BudgetWindow,
    CatalogState,
    ContentStore,
    EndpointQueue,
    OpenJobs,
    Snapshot,
)
from tests.telemetry.page import Page


@pytest.fixture
def metrics() -> Metrics:
    made = Metrics(teams=["growth", "search"], upstreams=["openrouter", "zdr"])
    made.allow_endpoints(["growth/hook"])
    return made


def shown(metrics: Metrics, snapshot: Snapshot | None) -> Page:
    metrics.set_snapshot(snapshot)
    return Page(metrics)


def test_a_budget_shows_limit_spent_reserved_available_and_reset(metrics: Metrics) -> None:
    window = BudgetWindow(
        budget="team/growth/day",
        team="growth",
        period="day",
        limit_micros=50_000_000,
        spent_micros=12_345_678,
        reserved_micros=400_000,
        estimated_micros=13_000_000,
        resets_at=datetime(2026, 11, 23, tzinfo=UTC),
    )

    page = shown(metrics, Snapshot(budgets=(window,)))

    labels = ("team/growth/day", "day", "growth")
    assert page.values("budget_limit_dollars") == {labels: 50}
    assert page.values("budget_spent_dollars") == {labels: 12.345678}
    assert page.values("budget_reserved_dollars") == {labels: 0.4}
    assert page.values("budget_available_dollars") == {labels: 37.254322}
    assert page.values("budget_estimated_dollars") == {labels: 13}
    assert page.values("budget_resets_timestamp_seconds") == {labels: 1795392000}


def test_an_unlimited_budget_has_no_limit_and_no_available(metrics: Metrics) -> None:
    window = BudgetWindow("team/growth/total", "growth", "total", None, 5_000_000, 0)

    page = shown(metrics, Snapshot(budgets=(window,)))

    assert list(page.values("budget_spent_dollars").values()) == [5]
    assert page.values("budget_limit_dollars") == {}
    assert page.values("budget_available_dollars") == {}
    assert page.values("budget_estimated_dollars") == {}
    assert page.values("budget_resets_timestamp_seconds") == {}


def test_an_overrun_budget_has_nothing_available_rather_than_less(metrics: Metrics) -> None:
    window = BudgetWindow("organisation/month", None, "month", 1_000_000, 1_500_000, 0)

    page = shown(metrics, Snapshot(budgets=(window,)))

    labels = ("organisation/month", "month", "organisation")
    assert page.values("budget_available_dollars") == {labels: 0}


def test_open_jobs_are_counted_and_the_oldest_is_aged(metrics: Metrics) -> None:
    page = shown(
        metrics,
        Snapshot(
            open_jobs=(
                OpenJobs("growth", "openrouter", "unknown", 1, 90),
                OpenJobs("search", "openrouter", "unknown", 2, 400),
                OpenJobs("search", "openrouter", "pending", 3, 20),
            )
        ),
    )

    assert page.values("jobs_open")["unknown", "search", "openrouter"] == 2
    ages = page.values("jobs_oldest_open_age_seconds")
    assert ages["unknown", "openrouter"] == 400
    assert ages["pending", "openrouter"] == 20
    assert ages["unknown", "zdr"] == 0


def test_rows_that_come_to_bear_the_same_labels_become_one(metrics: Metrics) -> None:
    gone = tuple(OpenJobs(f"left{n}", "openrouter", "pending", 1, n) for n in range(5))

    page = shown(metrics, Snapshot(open_jobs=gone))

    assert page.values("jobs_open") == {("pending", "other", "openrouter"): 5}
    assert page.values("jobs_oldest_open_age_seconds")["pending", "openrouter"] == 4


def test_endpoints_show_what_is_owed_and_zero_where_nothing_is(metrics: Metrics) -> None:
    page = shown(
        metrics,
        Snapshot(endpoints=(EndpointQueue("growth/hook", 3, 61.0, 2, disabled=True),)),
    )

    assert page.values("deliveries_pending") == {("growth/hook",): 3, ("callback",): 0}
    assert page.values("deliveries_oldest_pending_age_seconds")[("growth/hook",)] == 61
    assert page.values("deliveries_dead") == {("growth/hook",): 2, ("callback",): 0}
    assert page.values("endpoint_disabled") == {("growth/hook",): 1, ("callback",): 0}


def test_the_rest_of_the_moment(metrics: Metrics) -> None:
    page = shown(
        metrics,
        Snapshot(
            catalogs=(CatalogState("openrouter", 61.5, 30), CatalogState("zdr", None, 0)),
            content=ContentStore(2_000_000, 2),
            ledger_violations=0,
        ),
    )

    assert page.values("catalog_age_seconds") == {("openrouter",): 61.5}
    assert page.values("catalog_models") == {("openrouter",): 30, ("zdr",): 0}
    assert page.values("content_stored_bytes") == {(): 2_000_000}
    assert page.values("content_stored_videos") == {(): 2}
    assert page.values("content_limit_bytes") == {}
    assert page.values("ledger_violations") == {(): 0}


def test_without_a_snapshot_no_figure_is_told_and_that_is_told(metrics: Metrics) -> None:
    full = Snapshot(budgets=(BudgetWindow("team/growth/day", "growth", "day", 1, 0, 0),))

    assert shown(metrics, full).values("snapshot_up") == {(): 1}
    page = shown(metrics, None)
    assert page.values("snapshot_up") == {(): 0}
    assert page.values("budget_spent_dollars") == {}
    assert page.values("deliveries_pending") == {}
