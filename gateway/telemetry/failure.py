"""Describe an exception for a log line: kind, safe facts and place, never its message.

An exception's message and the values of its frames may contain a part of the request (a prompt, a
URL, a key). Only names and numbers that come from code are kept.
"""

import errno
from collections.abc import Iterator
from pathlib import PurePath
from traceback import walk_tb
from typing import Final

from gateway.domain.errors import Refused

CHAIN_LIMIT: Final = 5  # chained causes
FRAME_LIMIT: Final = 20  # innermost frames of one exception
GROUP_LIMIT: Final = 5  # members of an exception group


def summary(error: BaseException) -> str:
    """Return kinds and facts, outermost first: `StorageFailed < OperationalError[SQLITE_FULL]`."""
    return " < ".join(_kind(one) for one in _chain(error))


def stack(error: BaseException) -> list[str]:
    """Return `file:line function` from the outermost call to the raise, then for each cause."""
    lines: list[str] = []
    for position, one in enumerate(_chain(error)):
        if position:
            lines.append(f"caused by {_kind(one)}")
        lines += _frames(one)
    return lines


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(seen) < CHAIN_LIMIT:
        seen.add(id(current))
        yield current
        if current.__cause__ is not None:
            current = current.__cause__
        else:
            current = None if current.__suppress_context__ else current.__context__


def _kind(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, BaseExceptionGroup):
        members = ", ".join(_kind(one) for one in error.exceptions[:GROUP_LIMIT])
        hidden = len(error.exceptions) - GROUP_LIMIT
        return f"{name}({members}{f', and {hidden} more' if hidden > 0 else ''})"
    fact = _fact(error)
    return f"{name}[{fact}]" if fact else name


def _fact(error: BaseException) -> str:
    """Return a detail beside the kind: a word of a fixed list, or a number."""
    if isinstance(error, Refused):
        return str(error.reason)
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return errno.errorcode.get(error.errno, str(error.errno))
    for attribute in ("sqlite_errorname", "sqlstate", "status"):
        value: object = getattr(error, attribute, None)
        if isinstance(value, int) or (isinstance(value, str) and _is_code(value)):
            return str(value)
    return ""


def _is_code(text: str) -> bool:
    return len(text) <= 40 and text.isascii() and text.replace("_", "").isalnum() and text.isupper()


def _frames(error: BaseException) -> list[str]:
    walked = [
        f"{_short(frame.f_code.co_filename)}:{line} {frame.f_code.co_name}"
        for frame, line in walk_tb(error.__traceback__)
    ]
    return walked[-FRAME_LIMIT:]


def _short(filename: str) -> str:
    """Return the last parts of a path, without the machine's own folders."""
    return "/".join(PurePath(filename).parts[-3:])
