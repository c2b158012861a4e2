"""Times on the command line: how commands print them, and how operators write them."""

import time
from datetime import UTC, datetime

from gateway.config.values import read_duration


def format_time(at: datetime) -> str:
    """Format a time as `2026-11-22 12:00`, in UTC."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def format_seconds(seconds: int | None) -> str:
    """Format unix seconds as `format_time` does; None gives an empty string."""
    return "" if seconds is None else format_time(datetime.fromtimestamp(seconds, UTC))


def parse_age(text: str) -> int:
    """Parse a duration such as `24h` into the unix seconds of that long ago.

    Raises:
        ValueError: the text is not a duration.

    """
    return int(time.time() - read_duration(text).total_seconds())
