"""Metrics: every fact has its series, and no client can make one."""

import inspect
import re
import threading
from typing import Any

import pytest

from gateway.telemetry.catalogue import PREFIX, describe
from gateway.telemetry.labels import MODEL_LIMIT
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.snapshot import (
    BudgetWindow,
    CatalogState,
    ContentStore,
    EndpointQueue,
    OpenJobs,
    Snapshot,
)
from tests.telemetry.page import OPENMETRICS, Page

ROUTE = "/api/v1/videos/{id}"


@pytest.fixture
def metrics() -> Metrics:
    made = Metrics(teams=["growth"], upstreams=["openrouter"], version="1.2.3")
    made.allow_models(["google/veo"])
    made.allow_routes([ROUTE])
    made.allow_endpoints(["growth/hook"])
    return made


def test_a_request_is_counted_and_measured_by_route_method_and_class(metrics: Metrics) -> None:
    metrics.http_request(ROUTE, "GET", 200, 0.0003)
    metrics.http_request(ROUTE, "GET", 204, 0.004)
    metrics.http_request(ROUTE, "GET", 404, 0.004)

    counts = Page(metrics).values("http_request_duration_seconds_count")
    assert counts == {("GET", ROUTE, "2xx"): 2, ("GET", ROUTE, "4xx"): 1}


def test_buckets_tell_a_fast_handler_from_a_slow_one(metrics: Metrics) -> None:
    metrics.http_request(ROUTE, "GET", 200, 0.0003)

    buckets = Page(metrics).values("http_request_duration_seconds_bucket")
    assert buckets["0.0002", "GET", ROUTE, "2xx"] == 0
    assert buckets["0.0005", "GET", ROUTE, "2xx"] == 1


def test_buckets_tell_a_one_minute_job_from_a_ten_minute_one(metrics: Metrics) -> None:
    for seconds in (61.6, 570.0):
        metrics.job_ended("growth", "google/veo", "completed", seconds)

    buckets = Page(metrics).values("job_verdict_duration_seconds_bucket")
    assert buckets["60.0", "google/veo", "completed"] == 0
    assert buckets["90.0", "google/veo", "completed"] == 1
    assert buckets["600.0", "google/veo", "completed"] == 2


COUNTED: list[tuple[str, tuple[Any, ...], dict[str, Any], str, tuple[str, ...], float]] = [
    ("decision", ("growth", "google/veo", "budget_exceeded"), {}, "decisions_total",
     ("google/veo", "budget_exceeded", "growth"), 1),
    ("job_submitted", ("growth", "google/veo", "openrouter"), {}, "jobs_submitted_total",
     ("google/veo", "growth", "openrouter"), 1),
    ("job_ended", ("growth", "google/veo", "failed"), {}, "jobs_ended_total",
     ("google/veo", "failed", "growth"), 1),
    ("dedupe", ("growth", "joined"), {}, "dedupe_results_total", ("joined", "growth"), 1),
    ("dollars_saved", ("growth", 52_000), {}, "dedupe_saved_dollars_total", ("growth",), 0.052),
    ("job_settled", ("growth", "google/veo", "assumed", 400_000), {},
     "jobs_settled_dollars_total", ("assumed", "google/veo", "growth"), 0.4),
    ("estimate_error", ("google/veo", 0.93), {}, "job_estimate_error_ratio_sum",
     ("google/veo",), 0.93),
    ("budget_threshold", ("growth",), {}, "budget_thresholds_crossed_total", ("growth",), 1),
    ("upstream_call", ("openrouter", "submit", "ok", 2.4), {},
     "upstream_call_duration_seconds_sum", ("submit", "ok", "openrouter"), 2.4),
    ("outcome_unknown", ("openrouter",), {}, "upstream_outcomes_unknown_total",
     ("openrouter",), 1),
    ("catalog_refreshed", ("openrouter",), {"ok": False}, "catalog_refreshes_total",
     ("failed", "openrouter"), 1),
    ("catalog_changed", ("openrouter", "price", 3), {}, "catalog_changes_total",
     ("price", "openrouter"), 3),
    ("webhook_received", ("openrouter", "mismatch"), {}, "webhooks_received_total",
     ("openrouter", "mismatch"), 1),
    ("upstream_refused", ("openrouter", "credits"), {}, "upstream_refusals_total",
     ("credits", "openrouter"), 1),
    ("webhook_missed", ("openrouter",), {}, "webhooks_missed_total", ("openrouter",), 1),
    ("delivery_attempted", ("growth/hook", "timeout", 15.0), {},
     "delivery_attempt_duration_seconds_sum", ("growth/hook", "timeout"), 15),
    ("delivery_ended", ("callback", "dead", 272_105.0), {}, "delivery_delay_seconds_sum",
     ("callback", "dead"), 272_105),
    ("content_bytes", ("store", 4096), {}, "content_served_bytes_total", ("store",), 4096),
    ("event_stream", ("opened",), {}, "event_streams_total", ("opened",), 1),
    ("content_lookup", ("hit",), {}, "content_lookups_total", ("hit",), 1),
    ("content_evicted", ("space",), {}, "content_evictions_total", ("space",), 1),
    ("content_store_failed", ("full",), {}, "content_store_failures_total", ("full",), 1),
    ("database_transaction", ("write", 0.004, 0.001), {}, "database_wait_duration_seconds_sum",
     ("write",), 0.001),
    ("database_failed", ("read",), {}, "database_failures_total", ("read",), 1),
    ("lease_lost", ("poller",), {}, "worker_leases_lost_total", ("poller",), 1),
    ("bad_request", ("public",), {}, "http_bad_requests_total", ("public",), 1),
    ("worker_failed", ("crash_recovery",), {}, "worker_failures_total", ("crash_recovery",), 1),
    ("config_reloaded", (), {"ok": True}, "config_reloads_total", ("applied",), 1),
    ("event_loop_lag", (0.25,), {}, "event_loop_lag_seconds_sum", (), 0.25),
    ("log_lines_dropped", (lambda: 7,), {}, "log_lines_dropped_total", (), 7),
    ("spans_dropped", (lambda: 9,), {}, "trace_spans_dropped_total", (), 9),
    ("config_version", ("abc",), {}, "config_info", ("abc",), 1),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "args", "kwargs", "series", "labels", "value"),
    COUNTED,
    ids=[row[0] for row in COUNTED],
)
def test_each_fact_moves_its_own_series(
    metrics: Metrics,
    method: str,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    series: str,
    labels: tuple[str, ...],
    value: float,
) -> None:
    getattr(metrics, method)(*args, **kwargs)

    assert Page(metrics).values(series)[labels] == value


def test_a_cost_that_the_upstream_did_not_state_is_counted_from_zero(metrics: Metrics) -> None:
    assert Page(metrics).values("jobs_unconfirmed_total")[("disputed", "growth")] == 0

    metrics.job_settled("growth", "google/veo", "actual", 1)
    metrics.job_settled("growth", "google/veo", "disputed", 1)

    counted = Page(metrics).values("jobs_unconfirmed_total")
    assert counted[("disputed", "growth")] == 1
    assert counted[("assumed", "growth")] == 0


def test_a_cost_above_its_estimate_is_counted_from_zero(metrics: Metrics) -> None:
    assert Page(metrics).values("jobs_above_estimate_total")[("google/veo",)] == 0

    metrics.estimate_error("google/veo", 1.0)
    metrics.estimate_error("google/veo", 1.01)

    assert Page(metrics).values("jobs_above_estimate_total")[("google/veo",)] == 1


def test_no_fact_is_left_without_such_a_test() -> None:
    facts = {
        name
        for name, _ in inspect.getmembers(Metrics, inspect.isfunction)
        if not name.startswith(("_", "allow_")) and name not in {"render", "set_snapshot"}
    }

    assert facts - {"http_request", "timer"} == {row[0] for row in COUNTED}


def everything(metrics: Metrics) -> None:
    """Every fact once, and a full snapshot."""
    metrics.http_request(ROUTE, "GET", 200, 0.001)
    for method, args, kwargs, *_ in COUNTED:
        getattr(metrics, method)(*args, **kwargs)
    metrics.job_ended("growth", "google/veo", "completed", 61.6)
    metrics.set_snapshot(SNAPSHOT)


SNAPSHOT = Snapshot(
    open_jobs=(OpenJobs("growth", "openrouter", "pending", 2, 61.5),),
    budgets=(BudgetWindow("team/growth/total", "growth", "total", 10_000_000, 1, 2, 3),),
    endpoints=(EndpointQueue("growth/hook", 4, 12.5, 1),),
    catalogs=(CatalogState("openrouter", 30.0, 30),),
    content=ContentStore(1_000_000, 2, 20_000_000_000),
    ledger_violations=0,
)


@pytest.mark.parametrize("accept", ["", OPENMETRICS, "text/plain;version=1.0.0"])
def test_the_page_is_what_a_scraper_can_read(metrics: Metrics, accept: str) -> None:
    everything(metrics)

    page = Page(metrics, accept)
    assert page.values("jobs_ended_total")["google/veo", "completed", "growth"] == 1
    assert len(page.series()) == len(page.samples)  # a series told twice makes a scrape fail
    assert not any(sample.name.endswith("_created") for sample in page.samples)


def test_the_page_answers_in_the_form_that_was_asked_for(metrics: Metrics) -> None:
    assert Page(metrics).content_type.startswith("text/plain; version=0.0.4")
    assert Page(metrics, OPENMETRICS).content_type.startswith("application/openmetrics-text")
    assert Page(metrics, OPENMETRICS).text.endswith("# EOF\n")


def test_everything_on_the_page_is_in_the_catalogue_and_the_other_way_round(
    metrics: Metrics,
) -> None:
    everything(metrics)
    page = Page(metrics, OPENMETRICS)
    shown = {
        family.name + {"counter": "_total", "info": "_info"}.get(family.type, "")
        for family in page.families
        if family.name.startswith(PREFIX)
    }
    documented = {doc.name for doc in describe()}

    assert shown <= documented
    assert documented - shown == {"video_gateway_budget_resets_timestamp_seconds"}  # never resets


def test_two_hundred_hostile_paths_and_models_add_no_series(metrics: Metrics) -> None:
    everything(metrics)
    metrics.http_request("/wp-admin", "BREW", 404, 0.001)
    metrics.decision("nobody", "no/model", "no_reason")
    metrics.job_submitted("nobody", "no/model", "nowhere")
    metrics.job_ended("nobody", "no/model", "dead", 1.0)
    metrics.estimate_error("no/model", 1.0)
    before = Page(metrics).series()

    for number in range(200):
        hostile = f'/../{number}"}} evil{{x="\n'
        metrics.http_request(hostile, hostile, 404, 0.001)
        metrics.decision(hostile, hostile, hostile)
        metrics.job_submitted(hostile, hostile, hostile)
        metrics.job_ended(hostile, hostile, hostile, 1.0)
        metrics.estimate_error(hostile, 1.0)

    page = Page(metrics)
    assert page.series() == before
    assert "evil" not in page.text
    assert page.values("decisions_total")["other", "other", "other"] == 201


def test_a_catalog_of_junk_fills_no_memory(metrics: Metrics) -> None:
    for number in range(MODEL_LIMIT * 3):
        metrics.allow_models([f"junk/{number}"])
        metrics.estimate_error(f"junk/{number}", 1.0)

    models = Page(metrics).values("job_estimate_error_ratio_count")
    assert len(models) <= MODEL_LIMIT + 1
    assert models[("other",)] > MODEL_LIMIT


def test_no_label_is_called_after_a_person_a_key_or_a_job(metrics: Metrics) -> None:
    everything(metrics)

    called = {name for sample in Page(metrics).samples for name in sample.labels}
    assert not called & {"key", "user", "job", "job_id", "prompt", "request_id", "trace_id"}


def test_a_first_event_is_seen_because_its_series_was_there_before() -> None:
    metrics = Metrics(teams=[], upstreams=["openrouter"])
    metrics.allow_upstreams(["zdr"])

    page = Page(metrics)
    assert page.values("upstream_outcomes_unknown_total") == {("openrouter",): 0, ("zdr",): 0}
    assert page.values("webhooks_received_total")["zdr", "mismatch"] == 0
    assert page.values("config_reloads_total") == {("applied",): 0, ("refused",): 0}


def test_money_is_added_up_in_whole_micro_dollars(metrics: Metrics) -> None:
    for _ in range(100_000):
        metrics.dollars_saved("growth", 100_001)

    assert Page(metrics).values("dedupe_saved_dollars_total") == {("growth",): 10_000.1}


def test_a_counter_of_money_never_shrinks(metrics: Metrics) -> None:
    metrics.job_settled("growth", "google/veo", "actual", 5_000_000)
    metrics.job_settled("growth", "google/veo", "actual", -1_000_000)

    (value,) = Page(metrics).values("jobs_settled_dollars_total").values()
    assert value == 5


def test_a_clock_that_ran_backwards_does_not_break_a_sum(metrics: Metrics) -> None:
    metrics.event_loop_lag(-3.0)

    assert Page(metrics).values("event_loop_lag_seconds_sum") == {(): 0}


def test_exemplars_bear_the_trace_where_openmetrics_was_asked_for() -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    metrics = Metrics(trace_id=lambda: trace)
    metrics.event_loop_lag(0.02)

    exemplars = [
        sample.exemplar for sample in Page(metrics, OPENMETRICS).samples if sample.exemplar
    ]
    assert [(one.labels, one.value) for one in exemplars] == [({"trace_id": trace}, 0.02)]
    assert trace not in Page(metrics).text


def test_outside_a_trace_there_is_no_exemplar() -> None:
    metrics = Metrics()
    metrics.event_loop_lag(0.02)

    assert not any(sample.exemplar for sample in Page(metrics, OPENMETRICS).samples)


def test_a_new_configuration_version_replaces_the_old_one(metrics: Metrics) -> None:
    metrics.config_version("one")
    metrics.config_version("two")

    assert Page(metrics).values("config_info") == {("two",): 1}


def test_the_build_names_its_version(metrics: Metrics) -> None:
    ((python, version),) = Page(metrics).values("build_info")

    assert version == "1.2.3"
    assert re.fullmatch(r"3\.\d+\.\d+.*", python)


def test_the_process_itself_is_measured(metrics: Metrics) -> None:
    names = {sample.name for sample in Page(metrics).samples}

    assert {"process_resident_memory_bytes", "process_open_fds"} <= names


def test_threads_lose_no_count(metrics: Metrics) -> None:
    def work() -> None:
        for _ in range(2_000):
            metrics.database_failed("write")
            metrics.dollars_saved("growth", 1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    page = Page(metrics)
    assert page.values("database_failures_total")[("write",)] == 16_000
    assert page.values("dedupe_saved_dollars_total")[("growth",)] == 0.016


def test_two_gateways_in_one_process_share_nothing(metrics: Metrics) -> None:
    other = Metrics(upstreams=["openrouter"])
    metrics.outcome_unknown("openrouter")

    assert Page(other).values("upstream_outcomes_unknown_total") == {("openrouter",): 0}
