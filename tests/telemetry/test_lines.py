"""A line: always one, always readable, in the same order."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from typing import Any

import pytest

from gateway.telemetry.lines import LINE_LIMIT, LineMaker, console_line, json_line, timestamp

MOMENT = datetime(2026, 11, 22, 12, 0, 0, 123999, tzinfo=UTC)


def maker() -> LineMaker:
    return LineMaker(json_line, lambda: MOMENT)


def told(level: str, event: object, /, **facts: Any) -> dict[str, Any]:
    line = maker().line(level, event, facts)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    read: dict[str, Any] = json.loads(line)
    return read


def test_what_every_line_has_comes_first_and_the_stack_last() -> None:
    line = told("info", "job.ended", zeta=1, stack="x", job="j", alpha=2, team="t", request_id="r")

    assert list(line) == [
        *("timestamp", "level", "event", "request_id", "team", "job", "zeta", "alpha", "stack")
    ]


def test_the_moment_is_rfc_3339_in_utc_with_milliseconds() -> None:
    elsewhere = MOMENT.astimezone(timezone(timedelta(hours=5)))

    assert timestamp(elsewhere) == "2026-11-22T12:00:00.123Z"
    assert told("info", "x")["timestamp"] == "2026-11-22T12:00:00.123Z"


def test_a_fact_cannot_pose_as_the_lines_own_head() -> None:
    line = told("info", "x", level="critical", timestamp="never")

    assert (line["level"], line["timestamp"]) == ("info", "2026-11-22T12:00:00.123Z")


@pytest.mark.parametrize("form", ["exception", "tuple", "true"])
def test_an_exception_becomes_its_kind_and_its_frames(form: str) -> None:
    try:
        raise ValueError("a prompt")
    except ValueError as error:
        exc_info = {"exception": error, "tuple": (ValueError, error, None), "true": True}[form]
        line = told("error", "x", exc_info=exc_info)

    assert line["error"] == "ValueError"
    assert line["stack"][0].startswith("tests/telemetry/test_lines.py:")
    assert "a prompt" not in json.dumps(line)


def test_no_exception_where_there_is_none() -> None:
    assert "error" not in told("error", "x", exc_info=(None, None, None))
    assert "error" not in told("error", "x", exc_info=True)


def test_a_lone_surrogate_is_escaped_not_lost() -> None:
    assert told("info", "x", name="a\ud800b")["name"] == "a\ud800b"


def test_a_new_line_in_a_fact_makes_no_second_line() -> None:
    assert told("info", 'x\n{"event": "forged"}')["event"] == 'x\n{"event": "forged"}'


def test_a_line_too_long_for_collectors_keeps_its_ids() -> None:
    facts = {f"fact{n}": "word " * 200 for n in range(40)}
    line = told("info", "x", job="j", request_id="r", **facts)

    assert (line["event"], line["job"], line["request_id"]) == ("x", "j", "r")
    assert line["cut_bytes"] > LINE_LIMIT
    assert len(json.dumps(line)) < 500


class Broken(dict[str, int]):
    def items(self) -> Iterator[Any]:  # type: ignore[override]
        raise RuntimeError("a prompt")


def test_a_fact_that_cannot_be_told_costs_the_facts_not_the_act() -> None:
    line = told("warning", "x", odd=Broken(a=1))

    assert (line["level"], line["event"], line["error"]) == (
        "warning",
        "log.unprintable",
        "RuntimeError",
    )


def console(event: str, *, colour: bool = False, **facts: Any) -> str:
    lines = LineMaker(partial(console_line, colour=colour), lambda: MOMENT)
    return lines.line("warning", event, facts).decode()


def test_a_person_reads_time_level_event_and_pairs() -> None:
    line = console("job.ended", team="growth", seconds=1.5, retain=False)

    assert line == (
        "12:00:00.123 warning  job.ended                    team=growth seconds=1.5 retain=false\n"
    )


def test_colour_only_where_it_was_asked_for() -> None:
    assert "\x1b[33m" in console("x", colour=True)
    assert "\x1b" not in console("x")


def test_the_terminal_is_not_steered_by_what_clients_send() -> None:
    line = console("x\x1b[2J", name="a\nb\x9b2J\u202e")

    assert "\x1b" not in line
    assert "\x9b" not in line
    assert "\u202e" not in line
    assert line.count("\n") == 1


def test_frames_stand_below_the_line() -> None:
    assert console("x", stack=["a.py:1 f"]).endswith("\n    a.py:1 f\n")
