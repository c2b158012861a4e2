"""The list of every metric that the gateway exports: name, kind, unit, labels, meaning.

`docs/metrics.md` is made from it: `python -m gateway.telemetry.catalogue > docs/metrics.md`.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from gateway.telemetry.labels import (
    END_STATUS,
    ENDPOINT,
    METHOD,
    MODEL,
    OPEN_STATUS,
    REASON,
    ROUTE,
    STATUS_CLASS,
    TEAM,
    UPSTREAM,
    Label,
    fixed,
)

PREFIX: Final = "video_gateway_"

Kind = Literal["counter", "histogram", "gauge", "info"]

# From answers from memory to the longest submits.
HANDLER: Final = (
    *(0.0002, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05),
    # Answers after `answer_within` (4 s) must differ from 5 s, when the SDK gives up.
    *(0.1, 0.25, 0.5, 1.0, 2.5, 4.5, 5.0, 10.0, 30.0),
)
# Recorded submits took 2.4-3.6 s; a submit may take 60 s, a download minutes.
CALL: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 8.0, 15.0, 30.0, 60.0)
# Recorded jobs took 6 s and 62 s; slow models take many minutes.
VERDICT: Final = (5, 10, 20, 30, 45, 60, 90, 120, 180, 300, 450, 600, 900, 1800, 3600, 7200)
# From "at once" to the end of the retry schedule, 75.6 h.
DELIVERY: Final = (0.1, 0.5, 1, 2.5, 5, 15, 60, 300, 1800, 7200, 21600, 86400, 259200)
ACT: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025),
    *(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
)
RATIO: Final = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0, 1.01, 1.05, 1.1, 1.25, 1.5, 2.0, 5.0)
LAG: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@dataclass(frozen=True, slots=True)
class MetricDoc:
    """One metric. `name` is the sample's name, with `_total` and unit."""

    name: str
    kind: Kind
    meaning: str
    labels: tuple[Label, ...] = ()
    unit: str = ""
    buckets: tuple[float, ...] = ()
    scraped: bool = False  # computed at the scrape, from the shared database
    from_zero: bool = False  # all known series exist from the start


def _counter(
    name: str, meaning: str, *labels: Label, unit: str = "", from_zero: bool = False
) -> MetricDoc:
    full = f"{PREFIX}{name}{f'_{unit}' if unit else ''}_total"
    return MetricDoc(full, "counter", meaning, labels, unit, from_zero=from_zero)


def _histogram(
    name: str, meaning: str, buckets: Iterable[float], *labels: Label, unit: str = "seconds"
) -> MetricDoc:
    return MetricDoc(f"{PREFIX}{name}_{unit}", "histogram", meaning, labels, unit, tuple(buckets))


def _gauge(name: str, meaning: str, *labels: Label, unit: str = "") -> MetricDoc:
    full = f"{PREFIX}{name}{f'_{unit}' if unit else ''}"
    return MetricDoc(full, "gauge", meaning, labels, unit, scraped=True)


_OPERATION: Final = fixed("operation", "submit", "poll", "content", "models")
_CALL_OUTCOME: Final = fixed(
    "outcome", "ok", "refused", "not_sent", "unknown", "missing", "error", "timeout", "gone"
)
_WORKER: Final = fixed(
    "worker",
    *(
        "keys",
        "poller",
        "crash_recovery",
        "retention_cleanup",
        "missed_webhooks",
        "dispatcher",
        "catalogs",
        "ledger_check",
        "budgets",
    ),
    *("archiver", "evictor", "uses"),
)
_DATABASE_KIND: Final = fixed("kind", "read", "write")
_PERIOD: Final = fixed("period", "day", "week", "month", "total")
_BUDGET: Final = (
    Label("team", None, "teams of the configuration; `organisation` above them"),
    Label("budget", None, "the budget's id in the configuration"),
    _PERIOD,
)
_REFUSAL: Final = fixed(
    "kind",
    *("invalid", "credentials", "credits", "forbidden", "not_found", "too_large"),
    *("rate_limited", "unavailable", "other"),
)
_DELIVERY_STATE: Final = fixed("state", "delivered", "dead")

REQUESTS: Final = (
    _counter(
        "event_streams",
        "Streams of a job's events, opened and closed; the difference is open now.",
        fixed("change", "opened", "closed"),
        from_zero=True,
    ),
    _counter(
        "http_bad_requests",
        "Connections and requests that no application saw: malformed, too slow, too many.",
        fixed("listener", "public", "admin"),
        from_zero=True,
    ),
    _histogram(
        "http_request_duration",
        "Duration of requests, from the first header to the last byte of the response;"
        " `_count` is their number.",
        HANDLER,
        ROUTE,
        METHOD,
        STATUS_CLASS,
    ),
    _counter(
        "decisions",
        "Decided submits: accepted, or rejected for this reason.",
        *(TEAM, MODEL, REASON),
    ),
)

JOBS: Final = (
    _counter("jobs_submitted", "Created jobs; each is one paid generation.", TEAM, MODEL, UPSTREAM),
    _counter(
        "jobs_ended",
        "Jobs that ended. A job that the upstream refused does not count here, but in"
        " `upstream_refusals`.",
        *(TEAM, MODEL, END_STATUS),
    ),
    _histogram(
        "job_verdict_duration", "Time from a job's submit to its end.", VERDICT, MODEL, END_STATUS
    ),
    _gauge("jobs_open", "Jobs that have not ended.", TEAM, UPSTREAM, OPEN_STATUS),
    _gauge(
        "bills_disputed",
        "Bills far above their estimate that no operator has accepted or corrected yet.",
        TEAM,
    ),
    _gauge(
        "jobs_oldest_open_age",
        "Age of the oldest job in this state.",
        *(UPSTREAM, OPEN_STATUS),
        unit="seconds",
    ),
    _counter(
        "dedupe_results",
        "Submits by dedupe result.",
        TEAM,
        fixed("result", "miss", "hit", "joined", "bypass"),
    ),
    _counter(
        "dedupe_saved",
        "Cost of generations that identical requests shared; the estimate while a job is open.",
        TEAM,
        unit="dollars",
    ),
)

MONEY: Final = (
    _counter(
        "jobs_settled",
        "Settled cost of ended jobs: the upstream's cost (`actual`), or the estimate where no"
        " verdict came (`assumed`); a cost that an operator has to accept (`disputed`) or has"
        " decided (`decided`). Use it for rates; the budget gauges have the exact amounts.",
        *(TEAM, MODEL, fixed("basis", "actual", "assumed", "decided", "disputed")),
        unit="dollars",
    ),
    _counter(
        "jobs_unconfirmed",
        "Jobs settled without a confirmed cost: `assumed` or `disputed`.",
        *(TEAM, fixed("basis", "assumed", "disputed")),
        from_zero=True,
    ),
    _counter(
        "jobs_above_estimate",
        "Jobs that cost more than was reserved for them.",
        MODEL,
        from_zero=True,
    ),
    _histogram(
        "job_estimate_error",
        "Actual cost divided by the estimate; above 1 an estimate was too low.",
        RATIO,
        MODEL,
        unit="ratio",
    ),
    _gauge("budget_limit", "Limit of the current window.", *_BUDGET, unit="dollars"),
    _gauge("budget_spent", "Settled amount in the current window.", *_BUDGET, unit="dollars"),
    _gauge(
        "budget_reserved",
        "Amount reserved for open jobs in the current window.",
        *_BUDGET,
        unit="dollars",
    ),
    _gauge("budget_available", "Limit minus spent and reserved.", *_BUDGET, unit="dollars"),
    _gauge(
        "budget_estimated",
        "Sum of the estimates of all jobs in the window, including ended jobs; compare it with"
        " `spent` to judge the estimates.",
        *_BUDGET,
        unit="dollars",
    ),
    _gauge(
        "budget_resets_timestamp",
        "Time when the window ends, in unix seconds.",
        *_BUDGET,
        unit="seconds",
    ),
    _counter(
        "budget_thresholds_crossed",
        "Alert thresholds that were reached, each once per window.",
        _BUDGET[0],
    ),
    _gauge("ledger_violations", "Violations of ledger and audit trail that the last check found."),
)

UPSTREAMS: Final = (
    _histogram(
        "upstream_call_duration",
        "Calls to the upstream; `unknown`: the request was sent and got no definite answer.",
        CALL,
        *(UPSTREAM, _OPERATION, _CALL_OUTCOME),
    ),
    _counter(
        "upstream_refusals",
        "Submits that the upstream definitely refused: nothing was generated, nothing is owed."
        " `credentials` and `credits` concern the gateway's own key and account.",
        *(UPSTREAM, _REFUSAL),
        from_zero=True,
    ),
    _counter(
        "upstream_outcomes_unknown",
        "Submits with an unknown outcome; their estimate stays reserved.",
        UPSTREAM,
        from_zero=True,
    ),
    _gauge("catalog_age", "Time since the catalog was last fetched.", UPSTREAM, unit="seconds"),
    _gauge("catalog_models", "Models in the catalog.", UPSTREAM),
    _counter(
        "catalog_refreshes",
        "Fetches of the catalog.",
        UPSTREAM,
        fixed("outcome", "ok", "failed"),
        from_zero=True,
    ),
    _counter(
        "catalog_changes",
        "Models whose catalog entry changed.",
        UPSTREAM,
        fixed("change", "added", "removed", "price", "capability"),
        from_zero=True,
    ),
)

WEBHOOKS: Final = (
    _counter(
        "webhooks_received",
        "Webhooks received from upstreams, by verdict.",
        UPSTREAM,
        fixed(
            "verdict",
            *("accepted", "duplicate", "hint", "unknown_job", "wrong_token", "ignored"),
            *("missing", "malformed", "mismatch", "stale", "future", "too_large", "encoded"),
            "unreadable",
        ),
        from_zero=True,
    ),
    _counter(
        "webhooks_missed",
        "Job ends that a poll found and no webhook reported.",
        UPSTREAM,
        from_zero=True,
    ),
    _histogram(
        "delivery_attempt_duration",
        "Duration of delivery attempts.",
        CALL,
        ENDPOINT,
        fixed(
            "outcome",
            *("delivered", "refused", "redirected", "gone", "throttled", "failed", "timeout"),
            *("unreachable", "blocked", "cut"),
        ),
    ),
    _histogram(
        "delivery_delay",
        "Time from an event to the end of its delivery, including retries.",
        DELIVERY,
        ENDPOINT,
        _DELIVERY_STATE,
    ),
    _gauge("deliveries_pending", "Pending deliveries.", ENDPOINT),
    _gauge(
        "deliveries_oldest_pending_age",
        "Age of the oldest pending delivery.",
        ENDPOINT,
        unit="seconds",
    ),
    _gauge(
        "deliveries_dead", "Dead deliveries: retries are used up, and replay is possible.", ENDPOINT
    ),
    _gauge("endpoint_disabled", "1 if the endpoint is disabled, else 0.", ENDPOINT),
)

CONTENT: Final = (
    _counter(
        "content_served",
        "Video bytes sent to clients.",
        fixed("source", "store", "upstream"),
        unit="bytes",
    ),
    _counter(
        "content_lookups",
        "Downloads by where the video was found: store, upstream, another download, nowhere.",
        fixed("result", "hit", "miss", "joined", "gone"),
    ),
    _counter(
        "content_evictions",
        "Videos removed from the store.",
        fixed("reason", "retention", "space", "operator", "missing"),
        from_zero=True,
    ),
    _counter(
        "content_store_failures",
        "Videos that could not be stored; clients still received them.",
        fixed("reason", "full", "io", "cut", "mismatch", "missed"),
        from_zero=True,
    ),
    _gauge("content_stored", "Video bytes in the store.", unit="bytes"),
    _gauge("content_stored_videos", "Number of videos in the store."),
    _gauge("content_limit", "Maximum size of the store.", unit="bytes"),
)

WORKINGS: Final = (
    _histogram(
        "database_transaction_duration",
        "Duration of transactions, including the wait for their turn.",
        ACT,
        _DATABASE_KIND,
    ),
    _histogram(
        "database_wait_duration",
        "Part of the transaction duration spent waiting for a turn.",
        ACT,
        _DATABASE_KIND,
    ),
    _counter("database_failures", "Failed transactions.", _DATABASE_KIND, from_zero=True),
    _counter(
        "worker_leases_lost",
        "Leases that expired and went to another worker before the work was recorded.",
        _WORKER,
        from_zero=True,
    ),
    _counter("worker_failures", "Failed steps of background workers.", _WORKER, from_zero=True),
    _counter(
        "config_reloads",
        "Reloads of the configuration.",
        fixed("outcome", "applied", "refused"),
        from_zero=True,
    ),
    MetricDoc(
        f"{PREFIX}config_info",
        "info",
        "The configuration in force.",
        (Label("version", None, "its hash"),),
    ),
    MetricDoc(
        f"{PREFIX}build_info",
        "info",
        "The running version.",
        (Label("version", None, "the gateway's"), Label("python", None, "the interpreter's")),
    ),
    _histogram("event_loop_lag", "Delay of scheduled callbacks on the event loop, sampled.", LAG),
    _counter("log_lines_dropped", "Log lines dropped because the reader was too slow."),
    _counter("trace_spans_dropped", "Spans dropped because the collector was unavailable or slow."),
    _gauge(
        "snapshot_up",
        "1 if the gauges that are computed at the scrape are available, else 0 (they are absent).",
    ),
)

SECTIONS: Final = (
    ("Requests", REQUESTS),
    ("Jobs", JOBS),
    ("Money", MONEY),
    ("Upstreams", UPSTREAMS),
    ("Webhooks and deliveries", WEBHOOKS),
    ("Content", CONTENT),
    ("The gateway itself", WORKINGS),
)


def describe() -> list[MetricDoc]:
    """Return every metric, in the order of the documentation."""
    return [doc for _, docs in SECTIONS for doc in docs]


_INTRODUCTION: Final = """\
# Metrics

Generated from the code (`python -m gateway.telemetry.catalogue > docs/metrics.md`); do not edit.

`GET /metrics` on the admin listener returns the Prometheus text format, or OpenMetrics if `Accept`
asks for it. OpenMetrics histograms have exemplars: the `trace_id` of one observation per bucket.

Label values come from configuration, routes, catalog or code; any other value becomes `other`. No
label contains a key, a user, a job id or a prompt. Series marked *from zero* exist before their
first event, so that `increase()` counts it. Gauges marked *at the scrape* are computed from the
shared database: they are equal on every replica and correct right after a restart, so aggregate
them with `max`, not `sum`. Counters and histograms belong to one process: aggregate with `sum`.
`process_*` metrics report memory, CPU and open files.

The values of the `worker` label are `archiver`, `budgets`, `catalogs` (catalog refresh),
`crash_recovery`, `dispatcher` (deliveries), `evictor` and `uses` (content store), `keys` (API key
refresh), `ledger_check`, `missed_webhooks`, `poller` and `retention_cleanup`.
"""


def markdown() -> str:
    """Return the text of `docs/metrics.md`."""
    parts = [_INTRODUCTION]
    for title, docs in SECTIONS:
        parts.append(f"## {title}\n")
        parts += [_paragraph(doc) for doc in docs]
    return "\n".join(parts)


def _paragraph(doc: MetricDoc) -> str:
    notes: list[str] = [doc.kind]
    if doc.unit:
        notes.append(doc.unit)
    if doc.scraped:
        notes.append("at the scrape")
    if doc.from_zero:
        notes.append("from zero")
    lines = [f"### `{doc.name}`\n", f"*{', '.join(notes)}.* {doc.meaning}\n"]
    lines += [f"- `{label.name}`: {label.explained()}" for label in doc.labels]
    if doc.buckets:
        lines.append(f"- buckets: {', '.join(f'{bound:g}' for bound in doc.buckets)}")
    return "\n".join(lines) + ("\n" if doc.labels or doc.buckets else "")


if __name__ == "__main__":
    sys.stdout.write(markdown())
