"""Paging of lists, newest first."""

import base64
import binascii

from gateway.api.admin.answers import invalid

_PAGE, _MOST = 50, 500  # rows of one response: default and limit


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
