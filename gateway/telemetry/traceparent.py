"""Parse and create `traceparent` headers (W3C Trace Context)."""

import re
import secrets
from dataclasses import dataclass
from typing import Final

_FORM: Final = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?"
)
_LIMIT: Final = 256  # characters; a future version may append something


@dataclass(frozen=True, slots=True)
class Traceparent:
    """A span's position in a trace, in lower-case hex."""

    trace_id: str
    span_id: str
    sampled: bool

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def parse(header: str | None) -> Traceparent | None:
    """Parse the header; None if it is invalid by the recommendation."""
    if not header or len(header) > _LIMIT:
        return None
    found = _FORM.fullmatch(header.strip())
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["more"]):
        return None
    if not found["trace"].strip("0") or not found["span"].strip("0"):
        return None
    return Traceparent(found["trace"], found["span"], bool(int(found["flags"], 16) & 1))


def fresh() -> Traceparent:
    """Return the beginning of a trace that is not recorded, but connects log lines."""
    return Traceparent(secrets.token_hex(16), secrets.token_hex(8), sampled=False)
