"""*Teams and budgets*: for the one who pays."""

from grafana.board import Board, Row
from grafana.panels import BAD, DOUBTFUL, Bars, Column, Graph, Query, Stat, Table
from grafana.promql import increase, or_none, per_minute, quantile, rate, shared

KEYS = ("team", "budget", "period")
TEAM = 'team=~"$team"'
TEAM_MODEL = 'team=~"$team", model=~"$model"'
ACCOUNT = f'budget=~"account/.+", {TEAM}'
LIMITED = f'budget!~"account/.+", {TEAM}'
SPENT = "jobs_settled_dollars_total"
MONEY_REASONS = "budget_exceeded|cost_limit|price_unknown"


def board() -> Board:
    """Where the money goes, and how much is left."""
    return Board(
        name="teams",
        title="Video gateway: teams and budgets",
        description="Where the money goes, how much is left, and who was refused for it.",
        variables=("team", "model"),
        rows=(
            Row("How do the budgets stand?", _budgets()),
            Row("Where does the money go?", _spending()),
            Row("Is it as expected?", _expected()),
            Row("What was refused, and what was saved?", _refused()),
        ),
    )


def _budgets() -> list[Table | Bars | Graph]:
    used = f"budget:video_gateway_budget_used:ratio{{{TEAM}}}"
    resets = shared("budget_resets_timestamp_seconds", KEYS, LIMITED)
    return [
        Table.of(
            "Budgets now",
            "Every budget's present window. Spent is what upstreams charged, held is for open jobs,"
            " left is what the next request may cost.",
            KEYS,
            [
                Column("Used", used, "percentunit", [(0.8, DOUBTFUL), (0.95, BAD)], 0),
                Column(
                    "Left", shared("budget_available_dollars", KEYS, LIMITED), "currencyUSD", (), 2
                ),
                Column(
                    "Spent", shared("budget_spent_dollars", KEYS, LIMITED), "currencyUSD", (), 2
                ),
                Column(
                    "Held", shared("budget_reserved_dollars", KEYS, LIMITED), "currencyUSD", (), 2
                ),
                Column(
                    "Limit", shared("budget_limit_dollars", KEYS, LIMITED), "currencyUSD", (), 2
                ),
                Column("Resets", f"{resets} * 1000", "dateTimeFromNow"),
            ],
        ),
        Bars(
            "Share of each budget used",
            "Spent and held together. At 100 % the next request is refused with 402.",
            "percentunit",
            [Query(used, "{{budget}}")],
            [(0.8, DOUBTFUL), (0.95, BAD)],
            decimals=0,
            none="no budgets",
        ),
        Graph(
            "Share of each budget used, over time",
            "It rises as requests are taken on and falls when a window begins anew. A steep line"
            " says when the limit will be met.",
            "percentunit",
            [Query(used, "{{budget}}")],
            [(0.8, DOUBTFUL), (0.95, BAD)],
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
            "What upstreams charged since the 1st (UTC), whatever budgets there are. It begins"
            " anew each month.",
            "currencyUSD",
            [Query(shared("budget_spent_dollars", ("team",), ACCOUNT), "{{team}}")],
        ),
        Graph(
            "Held for open jobs, by team",
            "Estimates of jobs that are not over. What lies here for long: see open jobs.",
            "currencyUSD",
            [Query(shared("budget_reserved_dollars", ("team",), ACCOUNT), "{{team}}")],
            stacked=True,
        ),
        Graph(
            "Cost per hour, by team",
            "What ended jobs cost, as a rate.",
            "currencyUSD",
            [Query(f"{rate(SPENT, ('team',), TEAM_MODEL)} * 3600", "{{team}}")],
            stacked=True,
        ),
        Graph(
            "Cost per hour, by model",
            "The same money by what it bought.",
            "currencyUSD",
            [Query(f"{rate(SPENT, ('model',), TEAM_MODEL)} * 3600", "{{model}}")],
            stacked=True,
        ),
    ]


def _expected() -> list[Graph | Stat]:
    error = "job_estimate_error_ratio"
    return [
        Graph(
            "Actual cost as a share of the estimate, by model",
            "Median and 95 %. Above the line an estimate was too low: a budget may be overrun by"
            " the difference. Far below it, estimates keep others from using the budget.",
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
            none="no job was paid for",
        ),
        Graph(
            "Expected and spent this month",
            "What the month's jobs were expected to cost, open ones too, and what was spent.",
            "currencyUSD",
            [
                Query(f"sum({shared('budget_estimated_dollars', ('team',), ACCOUNT)})", "expected"),
                Query(f"sum({shared('budget_spent_dollars', ('team',), ACCOUNT)})", "spent"),
            ],
        ),
        Stat(
            "Cost that nobody confirmed",
            "Settled at our own estimate in the time shown, because no verdict came (`assumed`) or"
            " an absurd one (`disputed`). Compare with the upstream's bill.",
            "currencyUSD",
            [
                Query(
                    or_none(increase(SPENT, where=f'{TEAM_MODEL}, basis!="actual"')), "unconfirmed"
                )
            ],
            [(0.01, DOUBTFUL)],
            width=6,
            decimals=2,
        ),
        Stat(
            "Thresholds crossed",
            "Alert thresholds that budgets reached in the time shown.",
            "none",
            [Query(or_none(increase("budget_thresholds_crossed_total", where=TEAM)), "crossed")],
            [(1, DOUBTFUL)],
            width=6,
            decimals=0,
        ),
        Stat(
            "Saved by sharing",
            "Estimated cost of generations that were not bought twice, in the time shown.",
            "currencyUSD",
            [Query(or_none(increase("dedupe_saved_dollars_total", where=TEAM)), "saved")],
            width=6,
            decimals=2,
            plain=True,
        ),
        Stat(
            "Requests that shared",
            "Of the submits taken on in the time shown, the share that got a job which was there.",
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
            "Refused for money, by team",
            "Per minute: no budget left, dearer than allowed, or of unknown price.",
            "cpm",
            [
                Query(
                    per_minute("decisions_total", ("team", "reason"), money), "{{team}} {{reason}}"
                )
            ],
            none="nobody was refused",
            width=8,
        ),
        Graph(
            "Refused for other reasons, by team",
            "Per minute: policy, data protection, parameters that the model does not have.",
            "cpm",
            [
                Query(
                    per_minute("decisions_total", ("team", "reason"), other), "{{team}} {{reason}}"
                )
            ],
            none="nobody was refused",
            width=8,
        ),
        Graph(
            "Submits, by how they met earlier ones",
            "Per minute: a job of their own (`miss`), one still running (`joined`), one that is"
            " done (`hit`), or asked for anew (`bypass`).",
            "cpm",
            [Query(per_minute("dedupe_results_total", ("result",), TEAM), "{{result}}")],
            stacked=True,
            width=8,
        ),
    ]
