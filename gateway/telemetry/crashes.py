"""Log uncaught exceptions: Python would print their messages without redaction.

This concerns exceptions that end the process or a thread, and those of finalizers.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from gateway.telemetry.logging import Logger


@contextmanager
def log_crashes(log: Logger) -> Iterator[None]:
    """Log such exceptions inside the block; restore Python's hooks afterwards."""

    def process(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log.critical("process.crashed", exc_info=error.with_traceback(trace))

    def thread(args: threading.ExceptHookArgs) -> None:
        if args.exc_type is not SystemExit:
            log.error(
                "thread.crashed",
                thread=None if args.thread is None else args.thread.name,
                exc_info=args.exc_value,
            )

    def unraisable(args: "sys.UnraisableHookArgs") -> None:
        log.error("exception.unraisable", exc_info=args.exc_value)

    before = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    sys.excepthook, threading.excepthook, sys.unraisablehook = process, thread, unraisable
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook, sys.unraisablehook = before
