"""The names of the metrics that the code records, so that mypy checks each use of one."""

from typing import Literal

CounterName = Literal[
    "budget_thresholds_crossed",
    "catalog_changes",
    "catalog_refreshes",
    "config_reloads",
    "content_evictions",
    "content_lookups",
    "content_served_bytes",
    "content_store_failures",
    "database_failures",
    "decisions",
    "dedupe_results",
    "event_streams",
    "http_bad_requests",
    "jobs_above_estimate",
    "jobs_ended",
    "jobs_submitted",
    "jobs_unconfirmed",
    "upstream_outcomes_unknown",
    "upstream_refusals",
    "webhooks_missed",
    "webhooks_received",
    "worker_failures",
    "worker_leases_lost",
]
"""Counters, in the catalogue without prefix and `_total`."""

DollarsName = Literal[
    "dedupe_saved_dollars",
    "jobs_settled_dollars",
]
"""Counters of money."""

HistogramName = Literal[
    "database_transaction_duration_seconds",
    "database_wait_duration_seconds",
    "delivery_attempt_duration_seconds",
    "delivery_delay_seconds",
    "event_loop_lag_seconds",
    "http_request_duration_seconds",
    "job_estimate_error_ratio",
    "job_verdict_duration_seconds",
    "upstream_call_duration_seconds",
]
"""Histograms."""
