"""*Webhooks and deliveries*: are we told of ends, and does everybody hear of them?"""

from grafana.board import Board, Row
from grafana.panels import BAD, DOUBTFUL, GOOD, Column, Graph, Query, Stat, Table
from grafana.promql import increase, per_minute, quantile, rate, shared, some

OLDEST = "deliveries_oldest_pending_age_seconds"
UPSTREAM = 'upstream=~"$upstream"'
ENDPOINT = 'endpoint=~"$endpoint"'
REFUSED = "missing|malformed|mismatch|stale|future|too_large|encoded|unreadable|wrong_token"
RECEIVED = "webhooks_received_total"
ATTEMPT = "delivery_attempt_duration_seconds"
DELAY = "delivery_delay_seconds"


def board() -> Board:
    """In from upstreams, out to subscribers."""
    return Board(
        name="webhooks",
        title="Video gateway: webhooks and deliveries",
        description="Do upstreams tell us of ends, and does every subscriber hear of them?",
        variables=("upstream", "endpoint"),
        rows=(
            Row("Does everybody hear?", _outcome()),
            Row("Out: deliveries to subscribers", _out()),
            Row("In: webhooks of upstreams", _in()),
        ),
    )


def _outcome() -> list[Stat | Table]:
    return [
        Stat(
            "Waiting",
            "Deliveries owed to subscribers now.",
            "none",
            [Query(f"sum({shared('deliveries_pending', ('endpoint',), ENDPOINT)})", "waiting")],
            [(1000, DOUBTFUL)],
            width=5,
        ),
        Stat(
            "Longest wait",
            "Age of the oldest delivery that is owed, retries included.",
            "s",
            [
                Query(
                    f"max({shared(OLDEST, ('endpoint',), ENDPOINT)})",
                    "age",
                )
            ],
            [(900, DOUBTFUL), (3600, BAD)],
            width=5,
            decimals=0,
        ),
        Stat(
            "Dead",
            "Given up after the last retry and kept: `video-gateway deliveries replay-dead`.",
            "none",
            [Query(f"sum({shared('deliveries_dead', ('endpoint',), ENDPOINT)})", "dead")],
            [(1, BAD)],
            width=5,
        ),
        Stat(
            "Endpoints disabled",
            "They answered 410, or did nothing but fail for five days; they get nothing more.",
            "none",
            [Query(f"sum({shared('endpoint_disabled', ('endpoint',), ENDPOINT)})", "disabled")],
            [(1, BAD)],
            width=5,
        ),
        Stat(
            "Webhooks missed",
            "Ends in the time shown that a poll had to find, because no webhook told of them.",
            "none",
            [Query(increase("webhooks_missed_total", where=UPSTREAM), "missed")],
            [(1, DOUBTFUL)],
            decimals=0,
        ),
        Table.of(
            "Endpoints now",
            "Every subscriber of the configuration, and `callback` for all clients' own URLs.",
            ("endpoint",),
            [
                Column(
                    "Waiting",
                    shared("deliveries_pending", ("endpoint",), ENDPOINT),
                    "none",
                    [(1000, DOUBTFUL)],
                ),
                Column(
                    "Oldest",
                    shared(OLDEST, ("endpoint",), ENDPOINT),
                    "s",
                    [(900, DOUBTFUL), (3600, BAD)],
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
            "Per minute. Everything but `delivered` is tried again, `gone` excepted.",
            "cpm",
            [Query(per_minute(f"{ATTEMPT}_count", ("outcome",), ENDPOINT), "{{outcome}}")],
            stacked=True,
            none="nothing was sent",
        ),
        Graph(
            "Attempts that fail, by endpoint",
            "Share of the attempts of the last fifteen minutes.",
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
            "Time until a subscriber has heard",
            "From the event to the end of its delivery, retries included: median and 95 %.",
            "s",
            [
                Query(
                    quantile(share, DELAY, ("endpoint",), f'{ENDPOINT}, state="delivered"'),
                    f"{name} {{{{endpoint}}}}",
                )
                for share, name in ((0.5, "p50"), (0.95, "p95"))
            ],
            [(60, DOUBTFUL)],
            logarithmic=True,
            none="nothing was delivered",
        ),
        Graph(
            "Time of an attempt, by endpoint",
            "95 %. A subscriber should answer first and work later: at `delivery.timeout` (15 s)"
            " the attempt counts as failed.",
            "s",
            [Query(quantile(0.95, ATTEMPT, ("endpoint",), ENDPOINT), "{{endpoint}}")],
            [(15, BAD)],
            line=True,
            none="nothing was sent",
        ),
        Graph(
            "Waiting, by endpoint",
            "One line that rises alone: that subscriber is down or slow. All of them: we are.",
            "none",
            [Query(shared("deliveries_pending", ("endpoint",), ENDPOINT), "{{endpoint}}")],
            decimals=0,
        ),
        Graph(
            "Dead, by endpoint",
            "Deliveries given up and kept for replay.",
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
            "Per minute. `hint`: not signed, so its job is only polled at once.",
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
            "Webhooks refused, by verdict",
            "Per minute. `mismatch` from one upstream alone: its secret changed. From nowhere:"
            " somebody tries to forge them.",
            "cpm",
            [Query(some(_refused()), "{{upstream}} {{verdict}}")],
            [(1, BAD)],
            width=8,
            none="none refused",
        ),
        Graph(
            "Ends told by webhook",
            "Share of ends that a webhook told of rather than a poll that had to look.",
            "percentunit",
            [Query(_told(), "{{upstream}}")],
            [(0.0001, GOOD)],
            width=8,
            top=1,
            none="no webhooks",
        ),
    ]


def _refused() -> str:
    where = f'{UPSTREAM}, verdict=~"{REFUSED}"'
    return per_minute(RECEIVED, ("upstream", "verdict"), where)


def _told() -> str:
    told = rate(RECEIVED, ("upstream",), f'{UPSTREAM}, verdict="accepted"')
    missed = rate("webhooks_missed_total", ("upstream",), UPSTREAM)
    return f"{told} / ({told} + {missed} > 0)"
