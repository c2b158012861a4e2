"""The dashboard *Jobs and upstreams*: progress of jobs and health of upstreams."""

from grafana.board import Board, Row
from grafana.panels import BAD, WARNING, Graph, Query
from grafana.promql import PREFIX, increase, per_minute, quantile, rate, shared, some

TEAM_MODEL = 'team=~"$team", model=~"$model"'
TEAM_UPSTREAM = 'team=~"$team", upstream=~"$upstream"'
MODEL = 'model=~"$model"'
UPSTREAM = 'upstream=~"$upstream"'
CALL = "upstream_call_duration_seconds"
FAILED_FETCH = f'{UPSTREAM}, outcome="failed"'
VERDICT = "job_verdict_duration_seconds"


def board() -> Board:
    """Return the dashboard from submits to videos."""
    return Board(
        name="jobs",
        title="Video gateway: jobs and upstreams",
        description="Progress of jobs and health of upstreams, by model and upstream.",
        variables=("team", "model", "upstream"),
        rows=(
            Row("Jobs", _jobs()),
            Row("Upstreams", _upstreams()),
            Row("Catalogs", _catalogs()),
            Row("Content", _content()),
        ),
    )


def _jobs() -> list[Graph]:
    return [
        Graph(
            "Jobs submitted, by model",
            "Per minute; each is a paid generation. Rejected and shared submits do not count.",
            "cpm",
            [
                Query(
                    per_minute("jobs_submitted_total", ("model",), f"{TEAM_MODEL}, {UPSTREAM}"),
                    "{{model}}",
                )
            ],
            stacked=True,
        ),
        Graph(
            "Jobs ended, by status",
            "Per minute. If failures dominate, check the model and its upstream.",
            "cpm",
            [Query(per_minute("jobs_ended_total", ("status",), TEAM_MODEL), "{{status}}")],
            stacked=True,
        ),
        Graph(
            "Open jobs, by status",
            "Many `pending` jobs are the upstream's queue; `unknown` are submits with an unknown"
            " outcome.",
            "none",
            [
                Query(
                    f"sum by (status) ({_open()})",
                    "{{status}}",
                )
            ],
            stacked=True,
            decimals=0,
            none="no open jobs",
        ),
        Graph(
            "Age of the oldest open job",
            "By upstream and status. A line that rises for an hour is a stuck job.",
            "s",
            [
                Query(
                    some(shared("jobs_oldest_open_age_seconds", ("upstream", "status"), UPSTREAM)),
                    "{{upstream}} {{status}}",
                )
            ],
            [(3600, BAD)],
        ),
        Graph(
            "Time to verdict, by model",
            "Time from submit to end: median and p95.",
            "s",
            [
                Query(quantile(share, VERDICT, ("model",), MODEL), f"{name} {{{{model}}}}")
                for share, name in ((0.5, "p50"), (0.95, "p95"))
            ],
            [(1800, WARNING)],
            none="no job ended",
        ),
        Graph(
            "Completed jobs, by model",
            "Share of the ended jobs that completed.",
            "percentunit",
            [Query(_complete(), "{{model}}")],
            [(1.01, BAD)],
            top=1,
            none="no job ended",
        ),
    ]


def _open() -> str:
    return shared("jobs_open", ("team", "upstream", "status"), TEAM_UPSTREAM)


def _complete() -> str:
    ended = rate("jobs_ended_total", ("model",), TEAM_MODEL)
    completed = rate("jobs_ended_total", ("model",), f'{TEAM_MODEL}, status="completed"')
    return f"{completed} / ({ended} > 0)"


def _upstreams() -> list[Graph]:
    return [
        Graph(
            "Calls, by outcome",
            "Per second, all operations. `unknown`: sent, and got no definite answer.",
            "reqps",
            [Query(rate(f"{CALL}_count", ("outcome",), UPSTREAM), "{{outcome}}")],
            stacked=True,
        ),
        Graph(
            "Failed calls",
            "Share of calls without connection, response or definite answer, last five minutes.",
            "percentunit",
            [
                Query(
                    f"upstream:{PREFIX}upstream_call_failed:ratio_rate5m{{{UPSTREAM}}}",
                    "{{upstream}}",
                )
            ],
            [(0.2, BAD)],
            line=True,
            top=1,
        ),
        Graph(
            "Call duration, by operation",
            "p95. Recorded submits took 2.4 to 3.6 s; after 4 s the client gets its 202.",
            "s",
            [
                Query(
                    quantile(
                        0.95, CALL, ("upstream", "operation"), f'{UPSTREAM}, operation!="content"'
                    ),
                    "{{upstream}} {{operation}}",
                )
            ],
            [(4, WARNING)],
            logarithmic=True,
            line=True,
        ),
        Graph(
            "Submits refused by the upstream, by kind",
            "Per minute. `credentials` and `credits` concern the gateway's own key and account: all"
            " submits fail until an operator fixes them.",
            "cpm",
            [Query(some(per_minute("upstream_refusals_total", ("kind",), UPSTREAM)), "{{kind}}")],
            none="none refused",
        ),
        Graph(
            "Submits with an unknown outcome",
            "Within one hour, by upstream. The upstream may have charged them; they are never sent"
            " again.",
            "none",
            [
                Query(
                    increase("upstream_outcomes_unknown_total", ("upstream",), UPSTREAM, "1h"),
                    "{{upstream}}",
                )
            ],
            [(1, WARNING)],
            decimals=0,
        ),
        Graph(
            "Time to the video's first byte",
            "Downloads from the upstream, time until the first byte: p95.",
            "s",
            [
                Query(
                    quantile(0.95, CALL, ("upstream",), f'{UPSTREAM}, operation="content"'),
                    "{{upstream}}",
                )
            ],
            none="no downloads",
        ),
    ]


def _catalogs() -> list[Graph]:
    return [
        Graph(
            "Age of the catalog",
            "Time since capabilities and prices were last fetched. After `catalog.max_stale` (24 h)"
            " requests are rejected.",
            "s",
            [Query(shared("catalog_age_seconds", ("upstream",), UPSTREAM), "{{upstream}}")],
            [(3600, WARNING), (72000, BAD)],
            width=8,
        ),
        Graph(
            "Models listed",
            "A drop means that the upstream removed models; the admin API lists the changes.",
            "none",
            [Query(shared("catalog_models", ("upstream",), UPSTREAM), "{{upstream}}")],
            width=8,
            decimals=0,
        ),
        Graph(
            "Changes and failed fetches",
            "Within one hour: changed catalog entries by kind of change, and failed fetches of the"
            " catalog.",
            "none",
            [
                Query(
                    _lately("catalog_changes_total", "change", UPSTREAM),
                    "{{change}}",
                ),
                Query(
                    increase("catalog_refreshes_total", where=FAILED_FETCH, window="1h"),
                    "fetch failed",
                ),
            ],
            [(1, WARNING)],
            width=8,
            decimals=0,
        ),
    ]


def _lately(counter: str, label: str, where: str = "") -> str:
    """Return the increase within the last hour, by label."""
    return some(increase(counter, (label,), where, "1h"))


def _content() -> list[Graph]:
    return [
        Graph(
            "Video sent to clients",
            "Bytes per second, from the content store and from upstreams.",
            "Bps",
            [Query(rate("content_served_bytes_total", ("source",)), "{{source}}")],
            stacked=True,
            width=8,
            none="no downloads",
        ),
        Graph(
            "Downloads, by source",
            "Per minute: from the store (`hit`), from the upstream (`miss`), from another running"
            " download (`joined`), no longer available (`gone`).",
            "cpm",
            [Query(per_minute("content_lookups_total", ("result",)), "{{result}}")],
            stacked=True,
            width=8,
            none="no downloads",
        ),
        Graph(
            "Store size",
            "Stored bytes and limit. At the limit the least recently used videos are removed.",
            "bytes",
            [
                Query(shared("content_stored_bytes", ()), "stored"),
                Query(shared("content_limit_bytes", ()), "limit"),
            ],
            width=8,
            none="nothing is stored",
        ),
        Graph(
            "Videos removed, by reason",
            "Within one hour. `space`: before their retention ended, because the store is full.",
            "none",
            [
                Query(
                    _lately("content_evictions_total", "reason"),
                    "{{reason}}",
                )
            ],
            none="none removed",
            decimals=0,
        ),
        Graph(
            "Videos not stored, by reason",
            "Within one hour. Clients received them; a second download goes to the upstream again.",
            "none",
            [
                Query(
                    _lately("content_store_failures_total", "reason"),
                    "{{reason}}",
                )
            ],
            [(1, WARNING)],
            none="all were stored",
            decimals=0,
        ),
    ]
