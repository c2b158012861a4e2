"""Paging of lists, newest first."""

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import orjson

from gateway.api.admin.answers import invalid

_PAGE, _MOST = 50, 500  # rows of one response: default and limit
_MOST_BYTES = 1 << 20  # of the rows of one response

T = TypeVar("T")


def page_of(
    found: Sequence[T],
    limit: int,
    show: Callable[[T], dict[str, Any]],
    position: Callable[[T], tuple[int, str]],
) -> dict[str, Any]:
    """Return a page of at most `limit` rows and 1 MiB; `next` is the cursor of the next page.

    `found` has one row more than the page if there are more. `position` returns a row's time (epoch
    ms) and id.
    """
    rows = within_bytes(show(one) for one in found[:limit])
    body: dict[str, Any] = {"data": rows}
    if len(rows) < len(found):
        body["next"] = cursor_after(*position(found[len(rows) - 1]))
    return body


def within_bytes(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the first rows whose JSON has at most 1 MiB together, and at least one."""
    kept: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        size += len(orjson.dumps(row))
        if kept and size > _MOST_BYTES:
            break
        kept.append(row)
    return kept


def read_limit(text: str) -> int:
    """Return how many rows a page may have; the default if the query has no `limit`.

    Raises:
        Refused: INVALID_REQUEST.

    """
    if not text:
        return _PAGE
    if text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= _MOST:
        return int(text)
    return invalid("limit", text, f"a whole number from 1 to {_MOST}")


def cursor_after(created_at: int, last: str) -> str:
    """Return the cursor of the page after the row with this time (epoch ms) and id."""
    return base64.urlsafe_b64encode(f"{created_at}:{last}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[int, str]:
    """Return the time and id of a cursor.

    Raises:
        Refused: INVALID_REQUEST.

    """
    try:
        made, _, last = base64.urlsafe_b64decode(f"{text}===").decode().partition(":")
        return int(made), last.replace("\0", "")
    except (ValueError, binascii.Error):
        return invalid("cursor", text, "the `next` of a page before")
