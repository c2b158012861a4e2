"""*Jobs and upstreams*: is work getting done, and if not, who holds it up?"""

from grafana.board import Board, Row
from grafana.panels import BAD, DOUBTFUL, Graph, Query
from grafana.promql import PREFIX, increase, per_minute, quantile, rate, shared, some

TEAM_MODEL = 'team=~"$team", model=~"$model"'
TEAM_UPSTREAM = 'team=~"$team", upstream=~"$upstream"'
MODEL = 'model=~"$model"'
UPSTREAM = 'upstream=~"$upstream"'
CALL = "upstream_call_duration_seconds"
FAILED_FETCH = f'{UPSTREAM}, outcome="failed"'
VERDICT = "job_verdict_duration_seconds"


def board() -> Board:
    """From a submit to its video."""
    return Board(
        name="jobs",
        title="Video gateway: jobs and upstreams",
        description="Is work getting done? If not: which model, which upstream, since when?",
        variables=("team", "model", "upstream"),
        rows=(
            Row("Is work getting done?", _jobs()),
            Row("Do the upstreams answer?", _upstreams()),
            Row("Do we know what they offer?", _catalogs()),
            Row("Do the videos reach people?", _content()),
        ),
    )


def _jobs() -> list[Graph]:
    return [
        Graph(
            "Jobs submitted, by model",
            "Per minute, each a paid generation. Refused and shared submits are not among them.",
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
            "Per minute. More red than green: look at the model and its upstream.",
            "cpm",
            [Query(per_minute("jobs_ended_total", ("status",), TEAM_MODEL), "{{status}}")],
            stacked=True,
        ),
        Graph(
            "Open jobs, by status",
            "A mountain of `pending` is the upstream's queue; `unknown` are submits whose outcome"
            " nobody knows.",
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
            "By upstream and status. A line that rises for an hour is a job that hangs.",
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
            "From submit to the end: median and 95 %.",
            "s",
            [
                Query(quantile(share, VERDICT, ("model",), MODEL), f"{name} {{{{model}}}}")
                for share, name in ((0.5, "p50"), (0.95, "p95"))
            ],
            [(1800, DOUBTFUL)],
            none="no job ended",
        ),
        Graph(
            "Jobs that complete, by model",
            "Of the jobs that ended, the share that has a video.",
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
            "Per second, of all operations. `unknown` left and was never answered for certain.",
            "reqps",
            [Query(rate(f"{CALL}_count", ("outcome",), UPSTREAM), "{{outcome}}")],
            stacked=True,
        ),
        Graph(
            "Share of calls that failed",
            "Not reached, not answered, or not for certain, of the last five minutes.",
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
            "Time of a call, by operation",
            "95 %. Submits were recorded at 2.4 to 3.6 s; after 4 s the client no longer waits.",
            "s",
            [
                Query(
                    quantile(
                        0.95, CALL, ("upstream", "operation"), f'{UPSTREAM}, operation!="content"'
                    ),
                    "{{upstream}} {{operation}}",
                )
            ],
            [(4, DOUBTFUL)],
            logarithmic=True,
            line=True,
        ),
        Graph(
            "Submits refused by the upstream, by kind",
            "Per minute. `credentials` and `credits` are the gateway's own key and account: nobody"
            " is served until an operator mends them.",
            "cpm",
            [Query(some(per_minute("upstream_refusals_total", ("kind",), UPSTREAM)), "{{kind}}")],
            none="none refused",
        ),
        Graph(
            "Submits whose outcome is unknown",
            "How many within an hour, by upstream. They may have been bought; they are never"
            " sent again.",
            "none",
            [
                Query(
                    increase("upstream_outcomes_unknown_total", ("upstream",), UPSTREAM, "1h"),
                    "{{upstream}}",
                )
            ],
            [(1, DOUBTFUL)],
            decimals=0,
        ),
        Graph(
            "Time to the video's first byte",
            "Of downloads from the upstream, until it begins to hand the video over: 95 %.",
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
            "Since capabilities and prices were last fetched. Past `catalog.max_stale` (24 h)"
            " requests are refused.",
            "s",
            [Query(shared("catalog_age_seconds", ("upstream",), UPSTREAM), "{{upstream}}")],
            [(3600, DOUBTFUL), (72000, BAD)],
            width=8,
        ),
        Graph(
            "Models listed",
            "A fall means that models were taken away; the admin API lists which.",
            "none",
            [Query(shared("catalog_models", ("upstream",), UPSTREAM), "{{upstream}}")],
            width=8,
            decimals=0,
        ),
        Graph(
            "Changes and failed fetches",
            "How many within an hour: entries that changed, by what changed, and fetches of the"
            " catalog that failed.",
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
            [(1, DOUBTFUL)],
            width=8,
            decimals=0,
        ),
    ]


def _lately(counter: str, label: str, where: str = "") -> str:
    """How much of what happened within the hour before."""
    return some(increase(counter, (label,), where, "1h"))


def _content() -> list[Graph]:
    return [
        Graph(
            "Video handed to clients",
            "Bytes per second, from the gateway's own store and from upstreams.",
            "Bps",
            [Query(rate("content_served_bytes_total", ("source",)), "{{source}}")],
            stacked=True,
            width=8,
            none="no downloads",
        ),
        Graph(
            "Downloads, by where the video was",
            "Per minute: in the store (`hit`), at the upstream (`miss`), in another download that"
            " was under way (`joined`), nowhere any more (`gone`).",
            "cpm",
            [Query(per_minute("content_lookups_total", ("result",)), "{{result}}")],
            stacked=True,
            width=8,
            none="no downloads",
        ),
        Graph(
            "The store",
            "What it holds and what it may hold. At its limit the least recently used leave.",
            "bytes",
            [
                Query(shared("content_stored_bytes", ()), "held"),
                Query(shared("content_limit_bytes", ()), "limit"),
            ],
            width=8,
            none="nothing is stored",
        ),
        Graph(
            "Videos removed, by reason",
            "How many within an hour. `space`: before their time, because the store is full.",
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
            "How many within an hour. Clients got them all the same; a second download goes to"
            " the upstream.",
            "none",
            [
                Query(
                    _lately("content_store_failures_total", "reason"),
                    "{{reason}}",
                )
            ],
            [(1, DOUBTFUL)],
            none="all were stored",
            decimals=0,
        ),
    ]
