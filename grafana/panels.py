"""The panel types of the dashboards, and how each is built."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as sdk
from grafana_foundation_sdk.models import common as shape
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE: Final = model.DataSourceRef(type_val="prometheus", uid="${datasource}")

Unit = Literal[
    "short",
    "none",
    "percentunit",
    "currencyUSD",
    "s",
    "bytes",
    "Bps",
    "reqps",
    "cpm",
    "dateTimeFromNow",
]
GOOD, WARNING, BAD, PLAIN = "green", "orange", "red", "blue"
Steps = Sequence[tuple[float, str]]
"""Thresholds and their colours; below the first threshold the value is good."""

COLOURS: Final = (
    (GOOD, ("2xx", "completed", "ok", "delivered", "accepted", "hit", "p50", "applied")),
    ("light-green", ("joined",)),
    (PLAIN, ("3xx", "pending", "miss", "hint", "stored", "spent")),
    ("light-blue", ("submitting",)),
    ("dark-blue", ("in_progress",)),
    ("purple", ("cancelled", "missing", "bypass", "redirected", "estimated")),
    (WARNING, ("4xx", "expired", "refused", "throttled", "stale", "p95")),
    (BAD, ("5xx", "failed", "error", "unknown", "mismatch", "gone", "dead", "limit", "p99")),
    ("dark-red", ("not_sent", "timeout", "unreachable")),
)
"""The colour of each series name, equal on every dashboard."""

_WORDS: Final = frozenset(word for _, words in COLOURS for word in words)
_WORDED: Final = frozenset({"{{status}}", "{{outcome}}", "{{verdict}}", "{{result}}"})


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and the legend of its series."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """The fields of every panel. `steps`: thresholds from good to bad."""

    title: str
    description: str
    unit: Unit
    queries: Sequence[Query]
    steps: Steps = ()
    width: int = 8
    height: int = 8
    decimals: int | None = None
    none: str = "no data"
    """Shown where Prometheus has no such series."""

    @property
    def instant(self) -> bool:
        """Whether the panel shows only the current value."""
        return True

    @property
    def _scheme(self) -> model.FieldColorModeId:
        return model.FieldColorModeId.THRESHOLDS

    def builder(self) -> Any:
        """Return the builder of the Grafana SDK."""
        raise NotImplementedError

    def _dress(self, made: Any) -> Any:
        made = (
            made.title(self.title)
            .description(self.description)
            .datasource(SOURCE)
            .unit(self.unit)
            .no_value(self.none)
            .thresholds(_thresholds(self.steps))
            .color_scheme(sdk.FieldColor().mode(self._scheme))
        )
        if self.decimals is not None:
            made = made.decimals(self.decimals)
        for position, query in enumerate(self.queries):
            made = made.with_target(self._target(query, chr(ord("A") + position)))
        return made

    def _target(self, query: Query, ref: str) -> prometheus.Dataquery:
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(ref)
        return target.instant() if self.instant else target.range()


@dataclass(frozen=True, slots=True)
class Stat(Panel):
    """One large number, coloured by its thresholds. `words`: text shown instead of a number.

    `plain`: no colour, for a value that is neither good nor bad.
    """

    width: int = 4
    height: int = 4
    plain: bool = False
    words: Mapping[str, str] = field(default_factory=dict)

    def builder(self) -> Any:
        """See `Panel`."""
        made = (
            stat.Panel()
            .graph_mode(shape.BigValueGraphMode.NONE)
            .color_mode(
                shape.BigValueColorMode.NONE if self.plain else shape.BigValueColorMode.BACKGROUND
            )
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        )
        if self.words:
            made = made.mappings([_mapping(self.words)])
        return self._dress(made)


@dataclass(frozen=True, slots=True)
class Graph(Panel):
    """Lines over time. `stacked`: stacked areas; `line`: draw the thresholds as lines."""

    width: int = 12
    stacked: bool = False
    logarithmic: bool = False
    line: bool = False
    top: float | None = None

    @property
    def instant(self) -> bool:
        """See `Panel`."""
        return False

    @property
    def _scheme(self) -> model.FieldColorModeId:
        return model.FieldColorModeId.PALETTE_CLASSIC

    def builder(self) -> Any:
        """See `Panel`."""
        made = (
            timeseries.Panel()
            .legend(
                common.VizLegendOptions()
                .display_mode(shape.LegendDisplayMode.TABLE)
                .placement(shape.LegendPlacement.RIGHT)
                .show_legend(True)
                .calcs(["lastNotNull", "max"])
            )
            .tooltip(
                common.VizTooltipOptions()
                .mode(shape.TooltipDisplayMode.MULTI)
                .sort(shape.SortOrder.DESCENDING)
            )
            .line_width(2)
            .fill_opacity(40 if self.stacked else 8)
            .show_points(shape.VisibilityMode.NEVER)
            .span_nulls(False)
            .axis_soft_min(0)
        )
        if self.stacked:
            made = made.stacking(common.StackingConfig().mode(shape.StackingMode.NORMAL))
        if self.logarithmic:
            scale = common.ScaleDistributionConfig().type(shape.ScaleDistribution.LOG).log(10)
            made = made.scale_distribution(scale)
        if self.line:
            style = common.GraphThresholdsStyleConfig().mode(shape.GraphThresholdsStyleMode.DASHED)
            made = made.thresholds_style(style)
        if self.top is not None:
            made = made.max(self.top)
        made = self._dress(made)
        if not (_WORDS | _WORDED).isdisjoint(query.legend for query in self.queries):
            for colour, words in COLOURS:
                made = made.override_by_regexp(f"/^({'|'.join(words)})$/", [_coloured(colour)])
        return made


@dataclass(frozen=True, slots=True)
class Bars(Panel):
    """One bar for each series, up to a maximum."""

    width: int = 12
    top: float = 1

    def builder(self) -> Any:
        """See `Panel`."""
        made = (
            bargauge.Panel()
            .display_mode(shape.BarGaugeDisplayMode.BASIC)
            .orientation(shape.VizOrientation.HORIZONTAL)
            .value_mode(shape.BarGaugeValueMode.COLOR)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
            .min(0)
            .max(self.top)
        )
        return self._dress(made)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its query and its format."""

    title: str
    expr: str
    unit: Unit
    steps: Steps = ()
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Table(Panel):
    """One row for each set of labels: first the labels in `keys`, then the columns."""

    width: int = 24
    keys: Sequence[str] = ()
    columns: Sequence[Column] = ()

    @classmethod
    def of(
        cls, title: str, description: str, keys: Sequence[str], columns: Sequence[Column]
    ) -> "Table":
        """Create a table with these columns."""
        queries = [Query(column.expr, column.title) for column in columns]
        return cls(title, description, "short", queries, keys=keys, columns=columns)

    def builder(self) -> Any:
        """See `Panel`."""
        made = self._dress(
            table.Panel()
            .cell_height(shape.TableCellHeight.SM)
            .sort_by(
                [common.TableSortByFieldState().display_name(self.columns[0].title).desc(True)]
            )
        )
        made = made.with_transformation(_transform("merge", {}))
        names = {f"Value #{chr(ord('A') + at)}": one.title for at, one in enumerate(self.columns)}
        order = {name: at for at, name in enumerate([*self.keys, *names])}
        hidden = {"Time": True}
        options = {"renameByName": names, "indexByName": order, "excludeByName": hidden}
        made = made.with_transformation(_transform("organize", options))
        for column in self.columns:
            made = made.override_by_name(column.title, _cells(column))
        return made

    def _target(self, query: Query, ref: str) -> prometheus.Dataquery:
        target = prometheus.Dataquery().expr(query.expr).legend_format(query.legend).ref_id(ref)
        return target.instant().format(PromQueryFormat.TABLE)


def _cells(column: Column) -> list[model.DynamicConfigValue]:
    value = model.DynamicConfigValue
    cells = [value(id_val="unit", value=column.unit)]
    if column.decimals is not None:
        cells.append(value(id_val="decimals", value=column.decimals))
    if column.steps:
        steps = _thresholds(column.steps).build()
        cells.append(value(id_val="thresholds", value=steps))
        options = {"type": "color-background", "mode": "basic"}
        cells.append(value(id_val="custom.cellOptions", value=options))
    return cells


def _thresholds(steps: Steps) -> sdk.ThresholdsConfig:
    base = [model.Threshold(value=None, color=GOOD)]
    rest = [model.Threshold(value=at, color=colour) for at, colour in steps]
    return sdk.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(base + rest)


def _coloured(colour: str) -> model.DynamicConfigValue:
    return model.DynamicConfigValue(id_val="color", value={"mode": "fixed", "fixedColor": colour})


def _mapping(words: Mapping[str, str]) -> model.ValueMap:
    options = {
        number: model.ValueMappingResult(text=word, index=at)
        for at, (number, word) in enumerate(words.items())
    }
    return model.ValueMap(options=options)


def _transform(name: str, options: Mapping[str, Any]) -> model.DataTransformerConfig:
    return model.DataTransformerConfig(id_val=name, options=dict(options))
