"""A dashboard: rows of panels, each with a unit, thresholds and a description."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from grafana_foundation_sdk.builders import dashboard as sdk
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

from grafana.panels import SOURCE, Panel

Variable = Literal["team", "model", "upstream", "endpoint"]

WIDTH: Final = 24  # of a dashboard, in Grafana's columns

_ASKED: Final[dict[Variable, tuple[str, str, str]]] = {
    "team": ("Team", "The team that pays.", "video_gateway_budget_spent_dollars"),
    "model": ("Model", "The model of the job.", "video_gateway_jobs_submitted_total"),
    "upstream": ("Upstream", "The upstream of the job.", "video_gateway_catalog_models"),
    "endpoint": ("Endpoint", "The subscriber of the delivery.", "video_gateway_deliveries_pending"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading, in lines of `WIDTH` columns."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard."""

    name: str
    title: str
    description: str
    variables: Sequence[Variable]
    rows: Sequence[Row] = field(default_factory=tuple)

    @property
    def panels(self) -> list[Panel]:
        """Return every panel, in order."""
        return [panel for row in self.rows for panel in row.panels]

    def json(self) -> str:
        """Return the dashboard in Grafana's JSON format."""
        text = json.dumps(json.loads(JSONEncoder(sort_keys=True).encode(self._build())), indent=1)
        return f"{text}\n"

    def _build(self) -> Any:
        made = (
            sdk.Dashboard(self.title)
            .uid(f"video-gateway-{self.name}")
            .description(self.description)
            .tags(["video-gateway"])
            .refresh("30s")
            .time("now-6h", "now")
            .timezone("browser")
            .tooltip(model.DashboardCursorSync.CROSSHAIR)
            .readonly()
            .link(_siblings())
            .with_variable(_datasource())
        )
        for name in self.variables:
            made = made.with_variable(_variable(name))
        top = 0
        for number, row in enumerate(self.rows, start=1):
            made = made.with_row(sdk.Row(row.title).grid_pos(_place(0, top, WIDTH, 1)))
            top = _lay(made, row, top + 1, number * 100)
        return made.build()


def _lay(made: sdk.Dashboard, row: Row, top: int, first: int) -> int:
    """Place the row's panels in lines from left to right, and return the next row's position."""
    left, height = 0, 0
    for number, panel in enumerate(row.panels, start=first):
        if left + panel.width > WIDTH:
            top, left, height = top + height, 0, 0
        place = _place(left, top, panel.width, panel.height)
        made.with_panel(panel.builder().id(number).grid_pos(place))
        left, height = left + panel.width, max(height, panel.height)
    return top + height


def _place(x: int, y: int, width: int, height: int) -> model.GridPos:
    return model.GridPos(h=height, w=width, x=x, y=y)


def _siblings() -> sdk.DashboardLink:
    return (
        sdk.DashboardLink("Gateway dashboards")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags(["video-gateway"])
        .keep_time(True)
        .include_vars(True)
    )


def _datasource() -> sdk.DatasourceVariable:
    return sdk.DatasourceVariable("datasource").label("Prometheus").type("prometheus")


def _variable(name: Variable) -> sdk.QueryVariable:
    label, description, metric = _ASKED[name]
    return (
        sdk.QueryVariable(name)
        .label(label)
        .description(description)
        .datasource(SOURCE)
        .query({"query": f"label_values({metric}, {name})", "refId": name})
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(selected=True, text="All", value="$__all"))
    )
