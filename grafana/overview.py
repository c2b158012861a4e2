"""The dashboard *Overview*: health and cost."""

from grafana.board import Board, Row
from grafana.panels import BAD, GOOD, WARNING, Graph, Query, Stat
from grafana.promql import (
    increase,
    or_none,
    ours,
    per_minute,
    quantile,
    rate,
    shared,
    some,
)

TEAM = 'team=~"$team"'
TEAM_MODEL = 'team=~"$team", model=~"$model"'
TEAM_UPSTREAM = 'team=~"$team", upstream=~"$upstream"'
ACCOUNT = f'budget=~"account/.+", {TEAM}'
ANSWERS = 'route=~"/api/v1/.*", route!~".*/content"'
HTTP = "http_request_duration_seconds"


def board() -> Board:
    """Return the first dashboard to open."""
    return Board(
        name="overview",
        title="Video gateway: overview",
        description="Health and cost of the gateway. Green is good; red needs action.",
        variables=("team", "model", "upstream"),
        rows=(
            Row("Health", _health()),
            Row("Cost", _money()),
            Row("Traffic", _work()),
            Row("Process", _process()),
        ),
    )


def _health() -> list[Stat]:
    return [
        Stat(
            "Gateways running",
            "Replicas that Prometheus can scrape. None: no client is served.",
            "none",
            [Query(or_none("count(video_gateway_build_info)"), "replicas")],
            [(0, BAD), (1, GOOD)],
        ),
        Stat(
            "Database",
            "Whether every replica can read the shared database. If not, submits are rejected.",
            "none",
            [Query("min(video_gateway_snapshot_up)", "database")],
            [(0, BAD), (1, GOOD)],
            words={"0": "does not answer", "1": "answers"},
        ),
        Stat(
            "Alerts firing",
            "Firing alerts of the gateway; docs/operations.md has a runbook section for each.",
            "none",
            [Query(or_none('count(ALERTS{service="video-gateway", alertstate="firing"})'))],
            [(1, BAD)],
        ),
        Stat(
            "Ledger",
            "Violations of ledger and audit trail that the last check found.",
            "none",
            [Query("max(video_gateway_ledger_violations)", "violations")],
            [(1, BAD)],
            none="not checked yet",
            words={"0": "balances"},
        ),
        Stat(
            "Failed responses",
            "Share of 5xx responses in the last five minutes.",
            "percentunit",
            [Query(or_none("service:video_gateway_http_failed:ratio_rate5m"), "5xx")],
            [(0.001, WARNING), (0.01, BAD)],
            decimals=2,
        ),
        Stat(
            "Outcome unknown",
            "Submits with an unknown outcome. Their estimate stays reserved; they are never sent"
            " again, and are settled at the estimate after `unknown_ttl`.",
            "none",
            [Query(or_none(f"sum({_open('unknown')})"), "jobs")],
            [(1, WARNING), (5, BAD)],
        ),
    ]


def _open(status: str = "") -> str:
    where = TEAM_UPSTREAM + (f', status="{status}"' if status else "")
    return shared("jobs_open", ("team", "upstream", "status"), where)


def _money() -> list[Stat | Graph]:
    return [
        Stat(
            "Spent this month",
            "Settled cost of all jobs since the 1st of the month (UTC).",
            "currencyUSD",
            [Query(f"sum({shared('budget_spent_dollars', ('team',), ACCOUNT)})", "spent")],
            decimals=2,
            plain=True,
        ),
        Stat(
            "Reserved for open jobs",
            "The highest possible cost of the open jobs.",
            "currencyUSD",
            [Query(f"sum({shared('budget_reserved_dollars', ('team',), ACCOUNT)})", "reserved")],
            decimals=2,
            plain=True,
        ),
        Stat(
            "Tightest budget",
            "Spent and reserved share of the budget with the least room. At 100 % the next request"
            " is rejected.",
            "percentunit",
            [Query(f"max(budget:video_gateway_budget_used:ratio{{{TEAM}}})", "used")],
            [(0.8, WARNING), (0.95, BAD)],
            decimals=0,
            none="no budgets",
        ),
        Stat(
            "Saved by dedupe",
            "Cost of generations that identical requests shared, in the selected time range.",
            "currencyUSD",
            [Query(or_none(increase("dedupe_saved_dollars_total", where=TEAM)), "saved")],
            decimals=2,
            plain=True,
        ),
        Stat(
            "Open jobs",
            "Submitted jobs that have not ended yet.",
            "none",
            [Query(or_none(f"sum({_open()})"), "jobs")],
            plain=True,
        ),
        Stat(
            "Completed jobs",
            "Share of the jobs ended in the selected time range that completed.",
            "percentunit",
            [Query(_complete(), "completed")],
            [(0, BAD), (0.8, WARNING), (0.95, GOOD)],
            decimals=1,
            none="no job ended",
        ),
        Graph(
            "Cost per hour, by team",
            "Settled cost as a rate. *Teams and budgets* has the exact amounts of the ledger.",
            "currencyUSD",
            [
                Query(
                    f"{rate('jobs_settled_dollars_total', ('team',), TEAM_MODEL)} * 3600",
                    "{{team}}",
                )
            ],
            stacked=True,
        ),
        Graph(
            "Rejected submits, by reason",
            "Per minute: submits that the gateway rejected. They cost nothing.",
            "cpm",
            [
                Query(
                    per_minute(
                        "decisions_total",
                        ("reason",),
                        f'{TEAM_MODEL}, reason!="accepted"',
                    ),
                    "{{reason}}",
                )
            ],
        ),
    ]


def _complete() -> str:
    ended = increase("jobs_ended_total", where=TEAM_MODEL)
    completed = increase("jobs_ended_total", where=f'{TEAM_MODEL}, status="completed"')
    return f"{completed} / ({ended} > 0)"


def _work() -> list[Graph]:
    return [
        Graph(
            "Requests, by status",
            "Responses per second on both listeners.",
            "reqps",
            [Query(rate(f"{HTTP}_count", ("status",)), "{{status}}")],
            stacked=True,
        ),
        Graph(
            "Response time",
            "All API routes except downloads. A submit waits for the upstream up to"
            " `answer_within` (4 s); the official SDK gives up after 5 s.",
            "s",
            [
                Query(quantile(share, HTTP, where=ANSWERS), name)
                for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
            ],
            [(5, BAD)],
            logarithmic=True,
            line=True,
        ),
        Graph(
            "Jobs ended, by status",
            "Per minute. If failures dominate, check the model and its upstream.",
            "cpm",
            [Query(per_minute("jobs_ended_total", ("status",), TEAM_MODEL), "{{status}}")],
            stacked=True,
        ),
        Graph(
            "Failed upstream calls",
            "Per minute: no connection, no response, or no definite answer. Refusals do not count.",
            "cpm",
            [
                Query(
                    per_minute(
                        "upstream_call_duration_seconds_count",
                        ("upstream", "outcome"),
                        'upstream=~"$upstream", outcome=~"error|not_sent|unknown"',
                    ),
                    "{{upstream}} {{outcome}}",
                )
            ],
            none="none failed",
        ),
    ]


def _process() -> list[Graph]:
    return [
        Graph(
            "Event loop lag",
            "Delay of scheduled callbacks. Above 0.25 s every request is slow.",
            "s",
            [
                Query(
                    quantile(share, "event_loop_lag_seconds", ("instance",)),
                    f"{name} {{{{instance}}}}",
                )
                for share, name in ((0.5, "p50"), (0.99, "p99"))
            ],
            [(0.25, BAD)],
            line=True,
        ),
        Graph(
            "Database time",
            "Writes: the whole transaction, and its wait for a turn.",
            "s",
            [
                Query(
                    quantile(0.99, f"database_{what}_duration_seconds", where='kind="write"'), name
                )
                for what, name in (("transaction", "p99 whole"), ("wait", "p99 waiting"))
            ],
            [(1, BAD)],
            logarithmic=True,
            line=True,
        ),
        Graph(
            "Memory",
            "Resident memory of each replica. It should be flat, because videos are streamed.",
            "bytes",
            [Query(ours("process_resident_memory_bytes"), "{{instance}}")],
            width=8,
        ),
        Graph(
            "CPU",
            "CPU use of each replica; 100 % is one core.",
            "percentunit",
            [Query(ours("rate(process_cpu_seconds_total[$__rate_interval])"), "{{instance}}")],
            [(0.9, BAD)],
            width=8,
            line=True,
        ),
        Graph(
            "Background errors",
            "Per minute: failed steps, leases lost to another worker, failed transactions, dropped"
            " log lines and spans. All values should be zero.",
            "cpm",
            [
                Query(some(per_minute("worker_failures_total", ("worker",))), "failed {{worker}}"),
                Query(per_minute("worker_leases_lost_total"), "leases lost"),
                Query(per_minute("database_failures_total"), "database"),
                Query(per_minute("log_lines_dropped_total"), "log lines dropped"),
                Query(per_minute("trace_spans_dropped_total"), "spans dropped"),
            ],
            [(1, BAD)],
            width=8,
        ),
        Graph(
            "Configuration in force",
            "Replicas by configuration version. Two lines for long: a replica was not reloaded.",
            "none",
            [Query("count by (version) (video_gateway_config_info)", "{{version}}")],
            width=8,
            decimals=0,
        ),
        Graph(
            "Reloads",
            "Configuration reloads per minute: applied, or refused because the file was invalid.",
            "cpm",
            [Query(per_minute("config_reloads_total", ("outcome",)), "{{outcome}}")],
            width=8,
        ),
        Graph(
            "Open files",
            "Open file descriptors as a share of the limit. At 100 % new connections fail.",
            "percentunit",
            [Query(f"({ours('process_open_fds')}) / process_max_fds", "{{instance}}")],
            [(0.8, BAD)],
            width=8,
            line=True,
        ),
    ]
