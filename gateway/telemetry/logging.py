"""Logs: structured lines through one pipe, with redaction.

    log = get_logger()
    log.info("job.submitted", job_id=job.id, team=job.team, estimate_usd="0.40")

`request_id` and `trace_id` come from the context (`log_context`, `Tracer.span`). Log records of
libraries take the same way.
"""

import atexit
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import IO, Any, Final, Literal, cast

import structlog
from structlog.contextvars import get_contextvars
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

from gateway.telemetry.context import current_trace_id
from gateway.telemetry.failure import summary
from gateway.telemetry.lines import LineMaker, console_line, json_line
from gateway.telemetry.pipe import CAPACITY, LogPipe, sink_of
from gateway.telemetry.redaction import redact_text

Level = Literal["debug", "info", "warning", "error"]
Format = Literal["json", "console"]
Logger = FilteringBoundLogger

_FOREIGN_LIMIT: Final = 300  # characters of a library's message
_WORDLESS: Final = ("asyncio", "aiohttp")
"""Loggers whose words hold a piece of the request: a task's or exception's `repr`, the bytes of a
malformed request. Of theirs only the fixed part of the message is kept."""


def get_logger(**facts: object) -> Logger:
    """Return a logger that adds these facts to every line."""
    return cast("Logger", structlog.get_logger(**facts))


def configure_logging(
    level: Level,
    format: Format,  # noqa: A002 - the word of the configuration
    stream: IO[Any] | None = None,
    *,
    now: Callable[[], datetime] | None = None,
    capacity: int = CAPACITY,
) -> LogPipe:
    """Send every log line of the process to `stream` (default: standard error).

    The caller closes the pipe last; closing restores the earlier configuration.
    """
    target = sys.stderr if stream is None else stream
    render = json_line if format == "json" else partial(console_line, colour=target.isatty())
    maker = LineMaker(render, now)
    pipe = LogPipe(sink_of(target), report=partial(_losses, maker), capacity=capacity)
    threshold = logging.getLevelNamesMapping()[level.upper()]
    pipe.trusted_line = maker.trusted if threshold <= logging.INFO else _no_line
    atexit.register(pipe.close)  # also an unexpected end writes the last lines
    pipe.on_close(lambda: atexit.unregister(pipe.close))
    pipe.on_close(_route_structlog(pipe, maker, threshold))
    pipe.on_close(_route_stdlib(pipe, maker, threshold))
    return pipe


def _no_line(_event: str, _facts: Mapping[str, Any]) -> bytes:
    return b""


def _losses(maker: LineMaker, lines: int) -> bytes:
    return maker.line("warning", "log.lines_dropped", {"lines": lines})


def _route_structlog(pipe: LogPipe, maker: LineMaker, threshold: int) -> Callable[[], None]:
    before = structlog.get_config() if structlog.is_configured() else None
    structlog.configure(
        processors=[partial(_rendered, maker)],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        context_class=dict,
        logger_factory=lambda *_: _PipeLogger(pipe),
        cache_logger_on_first_use=False,
    )

    def undo() -> None:
        structlog.reset_defaults()
        if before is not None:
            structlog.configure(**before)

    return undo


def _rendered(maker: LineMaker, _logger: WrappedLogger, method: str, facts: EventDict) -> bytes:
    event = facts.pop("event", "")
    level = {"warn": "warning", "exception": "error"}.get(method, method)
    return maker.line(level, event, {**_context(), **facts})


def _context() -> dict[str, Any]:
    return {"trace_id": current_trace_id(), **get_contextvars()}


class _PipeLogger:
    """A logger for structlog: the methods of all levels put the line into the pipe."""

    def __init__(self, pipe: LogPipe) -> None:
        self.debug = self.info = self.warning = self.warn = pipe.put
        self.error = self.exception = self.critical = self.fatal = self.msg = pipe.put


def _route_stdlib(pipe: LogPipe, maker: LineMaker, threshold: int) -> Callable[[], None]:
    """Route records of the standard library from INFO on: at DEBUG aiosqlite logs parameters."""
    root, access = logging.getLogger(), logging.getLogger("aiohttp.access")
    before = (root.handlers[:], root.level, access.level)
    root.handlers[:] = [_PipeHandler(pipe, maker)]
    root.setLevel(max(threshold, logging.INFO))
    access.setLevel(logging.WARNING)  # the gateway logs every request itself

    def undo() -> None:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        access.setLevel(before[2])

    return undo


class _PipeHandler(logging.Handler):
    """Formats records of the standard library's logging."""

    def __init__(self, pipe: LogPipe, maker: LineMaker) -> None:
        super().__init__()
        self._pipe = pipe
        self._maker = maker

    def emit(self, record: logging.LogRecord) -> None:
        facts = {**_context(), "logger": record.name, "exc_info": record.exc_info}
        self._pipe.put(self._maker.line(record.levelname.lower(), _words(record), facts))


def _words(record: logging.LogRecord) -> str:
    """Return the first line of a library's message, without objects and exceptions."""
    wordless = record.name.partition(".")[0] in _WORDLESS
    try:
        message = str(record.msg) % _arguments(record.args, wordless) if record.args else record.msg
    except (TypeError, ValueError, KeyError):
        message = record.msg
    line = str(message).partition("\n")[0]
    if wordless and not record.args:
        line = _before_objects(line)
    return redact_text(line)[:_FOREIGN_LIMIT]


def _arguments(args: object, wordless: bool) -> Any:
    if isinstance(args, Mapping):
        return {name: _argument(one, wordless) for name, one in args.items()}
    return tuple(_argument(one, wordless) for one in cast("tuple[object, ...]", args))


def _argument(value: object, wordless: bool) -> object:
    if isinstance(value, int | float):
        return value
    if isinstance(value, BaseException):
        return summary(value)
    if isinstance(value, str):
        return "…" if wordless else value
    return f"<{type(value).__name__}>"


def _before_objects(line: str) -> str:
    """Cut `Exception in callback f('a prompt')` before the first bracket, which opens a `repr`."""
    cut = min((line.find(mark) for mark in "(<[{'\"" if mark in line), default=len(line))
    return line[:cut].rstrip()
