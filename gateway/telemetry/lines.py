"""Format an event as one line: its fields in order, as JSON or as text for a terminal."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from sys import exc_info as current_exception
from typing import Any, Final

import orjson

from gateway.telemetry.failure import stack, summary
from gateway.telemetry.redaction import Plain, redact_field, redact_text

Fields = dict[str, Plain]
Renderer = Callable[[Fields], str | bytes]

LINE_LIMIT: Final = 16_384  # bytes; collectors cut longer lines, which are then invalid JSON

_FIRST: Final = ("timestamp", "level", "event", "request_id", "trace_id", "team", "job")
_LAST: Final = ("error", "stack")


class LineMaker:
    """Formats events; never raises."""

    def __init__(self, render: Renderer, now: Callable[[], datetime] | None = None) -> None:
        self._render = render
        self._now = now or (lambda: datetime.now(UTC))

    def line(self, level: str, event: object, facts: Mapping[str, Any]) -> bytes:
        """Return the line. `exc_info` becomes `error` and `stack`; None is omitted."""
        head: Fields = {"timestamp": timestamp(self._now()), "level": level}
        try:
            head["event"] = redact_text(str(event))
            made = self._encode(_ordered({**_facts(facts), **head}))
        except Exception as error:  # noqa: BLE001 - a fact that can't be told must not fail the act
            return self._encode({**head, "event": "log.unprintable", "error": summary(error)})
        if len(made) <= LINE_LIMIT:
            return made
        kept = {name: one for name, one in _facts(facts).items() if name in _FIRST}
        return self._encode(_ordered({**kept, **head, "cut_bytes": len(made)}))

    def trusted(self, event: str, facts: Mapping[str, Any]) -> bytes:
        """Return a line of level `info` with facts that need no redaction."""
        head = {"timestamp": timestamp(self._now()), "level": "info", "event": event}
        return self._encode({**head, **{k: v for k, v in facts.items() if v is not None}})

    def _encode(self, fields: Fields) -> bytes:
        made = self._render(fields)
        return (made if isinstance(made, bytes) else made.encode("utf-8", "replace")) + b"\n"


def timestamp(moment: datetime) -> str:
    """Format as RFC 3339 in UTC with milliseconds: `2026-11-22T12:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _facts(facts: Mapping[str, Any]) -> Fields:
    made: Fields = {}
    for name, value in facts.items():
        if value is not None and name not in {"exc_info", "stack_info"}:
            made[name] = redact_field(name, value)
    error = _exception(facts.get("exc_info"))
    if error is not None:
        made["error"] = summary(error)
        made["stack"] = [*stack(error)]
    return made


def _exception(exc_info: object) -> BaseException | None:
    """Return the exception of any form of `exc_info` (stdlib, structlog)."""
    if isinstance(exc_info, BaseException):
        return exc_info
    if isinstance(exc_info, tuple):
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return current_exception()[1] if exc_info else None


def _ordered(fields: Fields) -> Fields:
    """Order the fields: common ones first, then the others as they were given, the stack last."""
    first = {name: fields[name] for name in _FIRST if name in fields}
    last = {name: fields[name] for name in _LAST if name in fields}
    middle = {name: one for name, one in fields.items() if name not in first | last}
    return first | middle | last


def json_line(fields: Fields) -> bytes:
    """Format as compact JSON."""
    try:
        return orjson.dumps(fields)
    except TypeError:  # a lone surrogate, which orjson rejects and json escapes
        return json.dumps(fields, separators=(",", ":")).encode()


_COLOURS: Final = {"debug": "2", "info": "32", "warning": "33", "error": "31", "critical": "1;31"}


def console_line(fields: Fields, *, colour: bool) -> str:
    """Format for a terminal: time, level, event, then `name=value`, stack frames below."""
    moment, level, event = (str(fields[name]) for name in ("timestamp", "level", "event"))
    shown_level = f"{level:<8}"
    if colour:
        shown_level = f"\x1b[{_COLOURS.get(level, '0')}m{shown_level}\x1b[0m"
    hidden = {"timestamp", "level", "event", "stack"}
    pairs = " ".join(f"{_shown(k)}={_shown(v)}" for k, v in fields.items() if k not in hidden)
    frames = fields.get("stack")
    below = "".join(f"\n    {_shown(one)}" for one in frames) if isinstance(frames, list) else ""
    return f"{moment[11:-1]} {shown_level} {_shown(event):<28} {pairs}".rstrip() + below


def _shown(value: Plain) -> str:
    """Format a value for a terminal, without control characters."""
    if isinstance(value, str):
        return value if value.isprintable() else ascii(value)
    return json.dumps(value)
