"""*Overview*: is it healthy, and what does it cost?"""

from grafana.board import Board, Row
from grafana.panels import BAD, DOUBTFUL, GOOD, Graph, Query, Stat
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
    """The first one that a person opens."""
    return Board(
        name="overview",
        title="Video gateway: overview",
        description="Is it healthy, and what does it cost? Green is good; red needs somebody.",
        variables=("team", "model", "upstream"),
        rows=(
            Row("Is it healthy?", _health()),
            Row("What does it cost?", _money()),
            Row("What does it do?", _work()),
            Row("The gateway itself", _process()),
        ),
    )


def _health() -> list[Stat]:
    return [
        Stat(
            "Gateways running",
            "Replicas that Prometheus reaches. None: nobody is served.",
            "none",
            [Query(or_none("count(video_gateway_build_info)"), "replicas")],
            [(0, BAD), (1, GOOD)],
        ),
        Stat(
            "Database",
            "Whether every replica can read the shared database. If not, submits are refused.",
            "none",
            [Query("min(video_gateway_snapshot_up)", "database")],
            [(0, BAD), (1, GOOD)],
            words={"0": "does not answer", "1": "answers"},
        ),
        Stat(
            "Alerts firing",
            "Alerts of the gateway that fire now; docs/operations.md says what to do for each.",
            "none",
            [Query(or_none('count(ALERTS{service="video-gateway", alertstate="firing"})'))],
            [(1, BAD)],
        ),
        Stat(
            "Ledger",
            "Rules of the ledger and the audit trail found broken by the last check.",
            "none",
            [Query("max(video_gateway_ledger_violations)", "violations")],
            [(1, BAD)],
            none="not checked yet",
            words={"0": "balances"},
        ),
        Stat(
            "Failed answers",
            "Share of requests answered with 5xx, of the last five minutes.",
            "percentunit",
            [Query(or_none("service:video_gateway_http_failed:ratio_rate5m"), "5xx")],
            [(0.001, DOUBTFUL), (0.01, BAD)],
            decimals=2,
        ),
        Stat(
            "Outcome unknown",
            "Submits whose outcome nobody knows yet. They hold their estimate, are never sent"
            " again, and are settled at it after `unknown_ttl`.",
            "none",
            [Query(or_none(f"sum({_open('unknown')})"), "jobs")],
            [(1, DOUBTFUL), (5, BAD)],
        ),
    ]


def _open(status: str = "") -> str:
    where = TEAM_UPSTREAM + (f', status="{status}"' if status else "")
    return shared("jobs_open", ("team", "upstream", "status"), where)


def _money() -> list[Stat | Graph]:
    return [
        Stat(
            "Spent this month",
            "What upstreams charged for jobs that ended, over all budgets, since the 1st (UTC).",
            "currencyUSD",
            [Query(f"sum({shared('budget_spent_dollars', ('team',), ACCOUNT)})", "spent")],
            decimals=2,
            plain=True,
        ),
        Stat(
            "Held for open jobs",
            "What jobs that are not over yet may cost at most.",
            "currencyUSD",
            [Query(f"sum({shared('budget_reserved_dollars', ('team',), ACCOUNT)})", "held")],
            decimals=2,
            plain=True,
        ),
        Stat(
            "Tightest budget",
            "The share that is spent or held of the budget with the least room. At 100 % the next"
            " request is refused.",
            "percentunit",
            [Query(f"max(budget:video_gateway_budget_used:ratio{{{TEAM}}})", "used")],
            [(0.8, DOUBTFUL), (0.95, BAD)],
            decimals=0,
            none="no budgets",
        ),
        Stat(
            "Saved by sharing",
            "Estimated cost of generations that were not bought twice, in the time shown.",
            "currencyUSD",
            [Query(or_none(increase("dedupe_saved_dollars_total", where=TEAM)), "saved")],
            decimals=2,
            plain=True,
        ),
        Stat(
            "Open jobs",
            "Jobs that were submitted and are not over.",
            "none",
            [Query(or_none(f"sum({_open()})"), "jobs")],
            plain=True,
        ),
        Stat(
            "Jobs that complete",
            "Of the jobs that ended in the time shown, the share that has a video.",
            "percentunit",
            [Query(_complete(), "completed")],
            [(0, BAD), (0.8, DOUBTFUL), (0.95, GOOD)],
            decimals=1,
            none="no job ended",
        ),
        Graph(
            "Cost per hour, by team",
            "What ended jobs cost, as a rate. The ledger's truth is on the next dashboard.",
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
            "Submits refused, by reason",
            "Per minute: what the gateway said no to before a cent was spent.",
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
            "Answers per second on both listeners.",
            "reqps",
            [Query(rate(f"{HTTP}_count", ("status",)), "{{status}}")],
            stacked=True,
        ),
        Graph(
            "Time to answer",
            "Of the API without downloads. A submit waits for the upstream up to `answer_within`"
            " (4 s); the official SDK gives up after 5 s.",
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
            "Per minute. More red than green: look at the model and its upstream.",
            "cpm",
            [Query(per_minute("jobs_ended_total", ("status",), TEAM_MODEL), "{{status}}")],
            stacked=True,
        ),
        Graph(
            "Calls that upstreams failed",
            "Per minute: not reached, not answered, or not for certain. Refusals are answers.",
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
            "How late the loop runs what is due. Above 0.25 s every request is slow.",
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
            "Time in the database",
            "Of writes: the whole act, and the part of it spent waiting for its turn.",
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
            "Resident, of each replica. It should be flat: videos are streamed, not held.",
            "bytes",
            [Query(ours("process_resident_memory_bytes"), "{{instance}}")],
            width=8,
        ),
        Graph(
            "Processor",
            "Of each replica; 100 % is one core.",
            "percentunit",
            [Query(ours("rate(process_cpu_seconds_total[$__rate_interval])"), "{{instance}}")],
            [(0.9, BAD)],
            width=8,
            line=True,
        ),
        Graph(
            "Background trouble",
            "Per minute: steps that failed, leases lost to another replica, acts that the database"
            " did not take, log lines and spans dropped. All of it should be zero.",
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
            "How many replicas run which configuration. Two lines for long: one was not reloaded.",
            "none",
            [Query("count by (version) (video_gateway_config_info)", "{{version}}")],
            width=8,
            decimals=0,
        ),
        Graph(
            "Reloads",
            "Of the configuration, per minute: applied, and refused because the file was bad.",
            "cpm",
            [Query(per_minute("config_reloads_total", ("outcome",)), "{{outcome}}")],
            width=8,
        ),
        Graph(
            "Open files",
            "Of each replica, as a share of what it may open. At 100 % nobody is let in.",
            "percentunit",
            [Query(f"({ours('process_open_fds')}) / process_max_fds", "{{instance}}")],
            [(0.8, BAD)],
            width=8,
            line=True,
        ),
    ]
