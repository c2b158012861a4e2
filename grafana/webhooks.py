"""The dashboard *Webhooks and deliveries*: incoming webhooks and outgoing events."""

from grafana.board import Board, Row
from grafana.panels import BAD, GOOD, WARNING, Column, Graph, Query, Stat, Table
from grafana.promql import increase, per_minute, quantile, rate, shared, some

OLDEST = "deliveries_oldest_pending_age_seconds"
UPSTREAM = 'upstream=~"$upstream"'
ENDPOINT = 'endpoint=~"$endpoint"'
REFUSED = "missing|malformed|mismatch|stale|future|too_large|encoded|unreadable|wrong_token"
RECEIVED = "webhooks_received_total"
ATTEMPT = "delivery_attempt_duration_seconds"
DELAY = "delivery_delay_seconds"


def board() -> Board:
    """Return the dashboard of webhooks from upstreams and deliveries to subscribers."""
    return Board(
        name="webhooks",
        title="Video gateway: webhooks and deliveries",
        description="Incoming webhooks from upstreams, and deliveries to subscribers.",
        variables=("upstream", "endpoint"),
        rows=(
            Row("Delivery health", _outcome()),
            Row("Outgoing: deliveries to subscribers", _out()),
            Row("Incoming: webhooks from upstreams", _in()),
        ),
    )


def _outcome() -> list[Stat | Table]:
    return [
        Stat(
            "Pending",
            "Deliveries to subscribers that are pending now.",
            "none",
            [Query(f"sum({shared('deliveries_pending', ('endpoint',), ENDPOINT)})", "pending")],
            [(1000, WARNING)],
            width=5,
        ),
        Stat(
            "Oldest pending",
            "Age of the oldest pending delivery, including retries.",
            "s",
            [
                Query(
                    f"max({shared(OLDEST, ('endpoint',), ENDPOINT)})",
                    "age",
                )
            ],
            [(900, WARNING), (3600, BAD)],
            width=5,
            decimals=0,
        ),
        Stat(
            "Dead",
            "Deliveries whose retries are used up; `video-gateway deliveries replay-dead` resends.",
            "none",
            [Query(f"sum({shared('deliveries_dead', ('endpoint',), ENDPOINT)})", "dead")],
            [(1, BAD)],
            width=5,
        ),
        Stat(
            "Endpoints disabled",
            "They answered 410, or failed for five days; they receive no events.",
            "none",
            [Query(f"sum({shared('endpoint_disabled', ('endpoint',), ENDPOINT)})", "disabled")],
            [(1, BAD)],
            width=5,
        ),
        Stat(
            "Webhooks missed",
            "Job ends in the selected time range that a poll found and no webhook reported.",
            "none",
            [Query(increase("webhooks_missed_total", where=UPSTREAM), "missed")],
            [(1, WARNING)],
            decimals=0,
        ),
        Table.of(
            "Endpoints now",
            "Every configured subscriber, and `callback` for all clients' callback URLs.",
            ("endpoint",),
            [
                Column(
                    "Pending",
                    shared("deliveries_pending", ("endpoint",), ENDPOINT),
                    "none",
                    [(1000, WARNING)],
                ),
                Column(
                    "Oldest",
                    shared(OLDEST, ("endpoint",), ENDPOINT),
                    "s",
                    [(900, WARNING), (3600, BAD)],
                ),
                Column(
                    "Dead", shared("deliveries_dead", ("endpoint",), ENDPOINT), "none", [(1, BAD)]
                ),
                Column(
                    "Disabled",
                    shared("endpoint_disabled", ("endpoint",), ENDPOINT),
                    "none",
                    [(1, BAD)],
                ),
            ],
        ),
    ]


def _out() -> list[Graph]:
    return [
        Graph(
            "Attempts, by outcome",
            "Per minute. Every outcome except `delivered` and `gone` is retried.",
            "cpm",
            [Query(per_minute(f"{ATTEMPT}_count", ("outcome",), ENDPOINT), "{{outcome}}")],
            stacked=True,
            none="nothing was sent",
        ),
        Graph(
            "Failed attempts, by endpoint",
            "Share of the attempts in the last fifteen minutes.",
            "percentunit",
            [
                Query(
                    f"endpoint:video_gateway_delivery_failed:ratio_rate15m{{{ENDPOINT}}}",
                    "{{endpoint}}",
                )
            ],
            [(0.5, BAD)],
            line=True,
            top=1,
            none="nothing was sent",
        ),
        Graph(
            "Delivery time, by endpoint",
            "Time from the event to its delivery, including retries: median and p95.",
            "s",
            [
                Query(
                    quantile(share, DELAY, ("endpoint",), f'{ENDPOINT}, state="delivered"'),
                    f"{name} {{{{endpoint}}}}",
                )
                for share, name in ((0.5, "p50"), (0.95, "p95"))
            ],
            [(60, WARNING)],
            logarithmic=True,
            none="nothing was delivered",
        ),
        Graph(
            "Attempt duration, by endpoint",
            "p95. A subscriber should respond before it processes the event: after"
            " `delivery.timeout` (15 s) the attempt has failed.",
            "s",
            [Query(quantile(0.95, ATTEMPT, ("endpoint",), ENDPOINT), "{{endpoint}}")],
            [(15, BAD)],
            line=True,
            none="nothing was sent",
        ),
        Graph(
            "Pending, by endpoint",
            "One rising line: that subscriber is down or slow. All lines: the gateway is.",
            "none",
            [Query(shared("deliveries_pending", ("endpoint",), ENDPOINT), "{{endpoint}}")],
            decimals=0,
        ),
        Graph(
            "Dead, by endpoint",
            "Deliveries whose retries are used up; they can be replayed.",
            "none",
            [Query(shared("deliveries_dead", ("endpoint",), ENDPOINT), "{{endpoint}}")],
            [(1, BAD)],
            decimals=0,
        ),
    ]


def _in() -> list[Graph]:
    return [
        Graph(
            "Webhooks received, by verdict",
            "Per minute. `hint`: cannot be verified, so the job is only polled.",
            "cpm",
            [
                Query(
                    some(per_minute(RECEIVED, ("verdict",), UPSTREAM)),
                    "{{verdict}}",
                )
            ],
            none="none received",
            stacked=True,
            width=8,
        ),
        Graph(
            "Rejected webhooks, by verdict",
            "Per minute. Only `mismatch` and none accepted: the upstream's secret changed."
            " Otherwise somebody is forging webhooks.",
            "cpm",
            [Query(some(_refused()), "{{upstream}} {{verdict}}")],
            [(1, BAD)],
            width=8,
            none="none rejected",
        ),
        Graph(
            "Ends reported by webhook",
            "Share of job ends that a webhook reported; polls found the others.",
            "percentunit",
            [Query(_reported(), "{{upstream}}")],
            [(0.0001, GOOD)],
            width=8,
            top=1,
            none="no webhooks",
        ),
    ]


def _refused() -> str:
    where = f'{UPSTREAM}, verdict=~"{REFUSED}"'
    return per_minute(RECEIVED, ("upstream", "verdict"), where)


def _reported() -> str:
    reported = rate(RECEIVED, ("upstream",), f'{UPSTREAM}, verdict="accepted"')
    missed = rate("webhooks_missed_total", ("upstream",), UPSTREAM)
    return f"{reported} / ({reported} + {missed} > 0)"
