"""The dashboards: current, complete, readable, and asking only for what the gateway exports."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.telemetry.catalogue import describe
from grafana.__main__ import FOLDER, boards
from grafana.board import WIDTH, Board
from grafana.panels import Graph, Panel, Stat

BOARDS = boards()
PANELS = [(board, panel) for board in BOARDS for panel in board.panels]
RULES = (Path(FOLDER).parent / "alerts.yml").read_text()
SUFFIXES = ("", "_bucket", "_count", "_sum")
EXPORTED = {
    doc.name + suffix: {label.name for label in doc.labels}
    for doc in describe()
    for suffix in (SUFFIXES if doc.kind == "histogram" else ("",))
}
RECORDED = set(re.findall(r"record: (\S+)", RULES))
FOREIGN = {"ALERTS", "process_resident_memory_bytes", "process_cpu_seconds_total"}
FOREIGN |= {"process_open_fds", "process_max_fds"}


def named(panel: tuple[Board, Panel]) -> str:
    return f"{panel[0].name}: {panel[1].title}"


def written(board: Board) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / f"{board.name}.json").read_text())
    return found


def drawn(board: Board) -> Iterator[dict[str, Any]]:
    """The panels of the JSON, without the rows' titles."""
    return (panel for panel in written(board)["panels"] if panel["type"] != "row")


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_what_is_committed_is_current(board: Board) -> None:
    """If this fails: python -m grafana"""
    assert (FOLDER / f"{board.name}.json").read_text() == board.json()


def test_no_other_dashboard_lies_there() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == {board.name for board in BOARDS}


@pytest.mark.parametrize("panel", PANELS, ids=named)
def test_a_panel_says_what_it_shows(panel: tuple[Board, Panel]) -> None:
    _, one = panel

    assert len(one.title) <= 60
    assert len(one.description) > 30
    assert one.description.endswith(".")


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_every_panel_of_the_json_has_unit_thresholds_and_a_description(board: Board) -> None:
    for panel in drawn(board):
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"], panel["title"]
        assert defaults["thresholds"]["steps"][0]["value"] is None, panel["title"]
        assert defaults["noValue"], panel["title"]
        assert panel["description"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_panels_lie_side_by_side_and_none_upon_another(board: Board) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in written(board)["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= WIDTH
        cells = {
            (place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_no_line_of_panels_has_a_hole(board: Board) -> None:
    """A panel alone in a wide line looks like a mistake."""
    lines: dict[int, int] = {}
    for panel in drawn(board):
        place = panel["gridPos"]
        lines[place["y"]] = lines.get(place["y"], 0) + place["w"]

    assert set(lines.values()) == {WIDTH}


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_ids_and_titles_of_panels_differ(board: Board) -> None:
    for what in ("id", "title"):
        found = [panel[what] for panel in drawn(board)]
        assert len(found) == len(set(found))


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.name)
def test_every_variable_is_used_and_every_one_used_is_there(board: Board) -> None:
    asked = {"datasource", *board.variables}
    used = set(re.findall(r"\$\{?(\w+)", " ".join(query_texts(board)))) - {
        "__rate_interval",
        "__range",
    }

    assert used == asked - {"datasource"}
    assert {one["name"] for one in written(board)["templating"]["list"]} == asked


def query_texts(board: Board) -> list[str]:
    return [query.expr for panel in board.panels for query in panel.queries]


@pytest.mark.parametrize("panel", PANELS, ids=named)
def test_a_query_asks_for_metrics_and_labels_that_exist(panel: tuple[Board, Panel]) -> None:
    for query in panel[1].queries:
        for metric, where in re.findall(
            r"([A-Za-z][\w:]+)(?:\{([^}]*)\})?", _names_only(query.expr)
        ):
            if metric in RECORDED or metric in FOREIGN:
                continue
            assert metric in EXPORTED, f"{metric} in {query.expr}"
            labels = set(re.findall(r"(\w+)[=!]~?\"", where))
            assert labels <= EXPORTED[metric], f"{labels} of {metric}"


@pytest.mark.parametrize("panel", PANELS, ids=named)
def test_gauges_of_the_shared_state_are_never_summed_over_replicas(
    panel: tuple[Board, Panel],
) -> None:
    scraped = {doc.name for doc in describe() if doc.scraped}
    for query in panel[1].queries:
        for before, metric in re.findall(r"([\w ]*(?: by \([^)]*\) )?\()(video_\w+)", query.expr):
            if metric in scraped:
                assert before.strip().startswith(("max", "min")), query.expr


@pytest.mark.parametrize("panel", PANELS, ids=named)
def test_lines_of_a_graph_have_names(panel: tuple[Board, Panel]) -> None:
    if isinstance(panel[1], Graph):
        assert all(query.legend for query in panel[1].queries)


def test_a_person_meets_the_most_important_first() -> None:
    first = BOARDS[0].panels[:6]

    assert BOARDS[0].name == "overview"
    assert all(isinstance(panel, Stat) for panel in first)


def _names_only(expr: str) -> str:
    """Without functions, `by (...)` and windows: names of metrics and what is in braces."""
    without = re.sub(r"\b(by|on|group_left) ?\([^)]*\)", " ", expr)
    without = re.sub(r"\[[^\]]*\]", " ", without)
    without = re.sub(r"\b\w+\(", "(", without)
    without = re.sub(r"\b(sum|max|min|count|or|and|vector)\b", " ", without)
    return re.sub(r"(?<![\w:])[\d.]+", " ", without)
