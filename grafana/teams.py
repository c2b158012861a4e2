"""The dashboard *Teams and budgets*: spending and limits."""

from grafana.board import Board, Row
from grafana.panels import BAD, WARNING, Bars, Column, Graph, Query, Stat, Table
from grafana.promql import increase, or_none, per_minute, quantile, rate, shared

KEYS = ("team", "budget", "period")
TEAM = 'team=~"$team"'
TEAM_MODEL = 'team=~"$team", model=~"$model"'
ACCOUNT = f'budget=~"account/.+", {TEAM}'
LIMITED = f'budget!~"account/.+", {TEAM}'
SPENT = "jobs_settled_dollars_total"
MONEY_REASONS = "budget_exceeded|cost_limit|price_unknown"


def board() -> Board:
    """Return the dashboard of spending and remaining budgets."""
    return Board(
        name="teams",
        title="Video gateway: teams and budgets",
        description="Spending, remaining budgets, and requests rejected for money.",
        variables=("team", "model"),
        rows=(
            Row("Budgets", _budgets()),
            Row("Spending", _spending()),
            Row("Estimates and settlements", _estimates()),
            Row("Rejected and shared requests", _refused()),
        ),
    )


def _budgets() -> list[Table | Bars | Graph]:
    used = f"budget:video_gateway_budget_used:ratio{{{TEAM}}}"
    resets = shared("budget_resets_timestamp_seconds", KEYS, LIMITED)
    return [
        Table.of(
            "Budgets now",
            "The current window of every budget: settled cost, amount reserved for open jobs, and"
            " the amount that is left.",
            KEYS,
            [
                Column("Used", used, "percentunit", [(0.8, WARNING), (0.95, BAD)], 0),
                Column(
                    "Left", shared("budget_available_dollars", KEYS, LIMITED), "currencyUSD", (), 2
                ),
                Column(
                    "Spent", shared("budget_spent_dollars", KEYS, LIMITED), "currencyUSD", (), 2
                ),
                Column(
                    "Reserved",
                    shared("budget_reserved_dollars", KEYS, LIMITED),
                    "currencyUSD",
                    (),
                    2,
                ),
                Column(
                    "Limit", shared("budget_limit_dollars", KEYS, LIMITED), "currencyUSD", (), 2
                ),
                Column("Resets", f"{resets} * 1000", "dateTimeFromNow"),
            ],
        ),
        Bars(
            "Share of each budget used",
            "Spent plus reserved. At 100 % the next request is rejected with 402.",
            "percentunit",
            [Query(used, "{{budget}}")],
            [(0.8, WARNING), (0.95, BAD)],
            decimals=0,
            none="no budgets",
        ),
        Graph(
            "Share of each budget used, over time",
            "Rises with accepted requests and falls when a new window begins. The slope shows when"
            " the limit will be reached.",
            "percentunit",
            [Query(used, "{{budget}}")],
            [(0.8, WARNING), (0.95, BAD)],
            line=True,
            top=1,
            decimals=0,
            none="no budgets",
        ),
    ]


def _dollars(title: str, metric: str) -> Column:
    return Column(title, shared(metric, KEYS, LIMITED), "currencyUSD", decimals=2)


def _spending() -> list[Graph]:
    return [
        Graph(
            "Spent this month, by team",
            "Settled cost since the 1st of the month (UTC), independent of the configured budgets."
            " Resets each month.",
            "currencyUSD",
            [Query(shared("budget_spent_dollars", ("team",), ACCOUNT), "{{team}}")],
        ),
        Graph(
            "Reserved for open jobs, by team",
            "Estimates of open jobs. If an amount stays here for long, see *Open jobs*.",
            "currencyUSD",
            [Query(shared("budget_reserved_dollars", ("team",), ACCOUNT), "{{team}}")],
            stacked=True,
        ),
        Graph(
            "Cost per hour, by team",
            "Settled cost of ended jobs, as a rate.",
            "currencyUSD",
            [Query(f"{rate(SPENT, ('team',), TEAM_MODEL)} * 3600", "{{team}}")],
            stacked=True,
        ),
        Graph(
            "Cost per hour, by model",
            "Settled cost of ended jobs by model, as a rate.",
            "currencyUSD",
            [Query(f"{rate(SPENT, ('model',), TEAM_MODEL)} * 3600", "{{model}}")],
            stacked=True,
        ),
    ]


def _estimates() -> list[Graph | Stat]:
    error = "job_estimate_error_ratio"
    return [
        Graph(
            "Actual cost as a share of the estimate, by model",
            "Median and p95. Above 100 % an estimate was too low, and a budget may be overrun by"
            " the difference. Far below 100 %, reservations block budget that is not used.",
            "percentunit",
            [
                Query(
                    quantile(share, error, ("model",), 'model=~"$model"'), f"{name} {{{{model}}}}"
                )
                for share, name in ((0.5, "p50"), (0.95, "p95"))
            ],
            [(1.0001, BAD)],
            line=True,
            decimals=0,
            none="no settled jobs",
        ),
        Graph(
            "Estimated and spent this month",
            "Estimates of the month's jobs, including open jobs, and their settled cost.",
            "currencyUSD",
            [
                Query(
                    f"sum({shared('budget_estimated_dollars', ('team',), ACCOUNT)})", "estimated"
                ),
                Query(f"sum({shared('budget_spent_dollars', ('team',), ACCOUNT)})", "spent"),
            ],
        ),
        Stat(
            "Unconfirmed cost",
            "Settled at the estimate in the selected time range, because no verdict came"
            " (`assumed`) or its cost was not plausible (`disputed`). Compare with the invoice.",
            "currencyUSD",
            [
                Query(
                    or_none(increase(SPENT, where=f'{TEAM_MODEL}, basis!="actual"')), "unconfirmed"
                )
            ],
            [(0.01, WARNING)],
            width=6,
            decimals=2,
        ),
        Stat(
            "Thresholds crossed",
            "Alert thresholds that budgets reached in the selected time range.",
            "none",
            [Query(or_none(increase("budget_thresholds_crossed_total", where=TEAM)), "crossed")],
            [(1, WARNING)],
            width=6,
            decimals=0,
        ),
        Stat(
            "Saved by dedupe",
            "Cost of generations that identical requests shared, in the selected time range.",
            "currencyUSD",
            [Query(or_none(increase("dedupe_saved_dollars_total", where=TEAM)), "saved")],
            width=6,
            decimals=2,
            plain=True,
        ),
        Stat(
            "Shared requests",
            "Share of the accepted submits in the selected time range that got an existing job.",
            "percentunit",
            [Query(_sharing(), "shared")],
            width=6,
            decimals=0,
            none="no submits",
            plain=True,
        ),
    ]


def _sharing() -> str:
    shared_ones = increase("dedupe_results_total", where=f'{TEAM}, result=~"hit|joined"')
    return f"(({shared_ones}) or vector(0)) / ({increase('dedupe_results_total', where=TEAM)} > 0)"


def _refused() -> list[Graph]:
    money = f'{TEAM_MODEL}, reason=~"{MONEY_REASONS}"'
    other = f'{TEAM_MODEL}, reason!~"accepted|dry_run|{MONEY_REASONS}"'
    return [
        Graph(
            "Rejected for money, by team",
            "Per minute: budget exceeded, estimate above the limit, or price unknown.",
            "cpm",
            [
                Query(
                    per_minute("decisions_total", ("team", "reason"), money), "{{team}} {{reason}}"
                )
            ],
            none="no rejected requests",
            width=8,
        ),
        Graph(
            "Rejected for other reasons, by team",
            "Per minute: policy, ZDR, and parameters that the model does not support.",
            "cpm",
            [
                Query(
                    per_minute("decisions_total", ("team", "reason"), other), "{{team}} {{reason}}"
                )
            ],
            none="no rejected requests",
            width=8,
        ),
        Graph(
            "Submits, by dedupe result",
            "Per minute: a new job (`miss`), an identical running job (`joined`), an identical"
            " completed job (`hit`), or dedupe skipped (`bypass`).",
            "cpm",
            [Query(per_minute("dedupe_results_total", ("result",), TEAM), "{{result}}")],
            stacked=True,
            width=8,
        ),
    ]
