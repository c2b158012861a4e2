"""W3C Trace Context: which trace a request belongs to, as the `traceparent` header says it."""

import re
import secrets
from dataclasses import dataclass
from typing import Final

_FORM: Final = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-.*)?"
)
_LIMIT: Final = 256  # a version of the future may append; nobody needs more than this


@dataclass(frozen=True, slots=True)
class Traceparent:
    """A place in a trace: lower-case hex, as it is written."""

    trace_id: str
    span_id: str
    sampled: bool

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def parse(header: str | None) -> Traceparent | None:
    """The header's meaning; None for anything that the recommendation calls invalid."""
    if not header or len(header) > _LIMIT:
        return None
    found = _FORM.fullmatch(header.strip())
    if found is None or found["version"] == "ff" or (found["version"] == "00" and found["more"]):
        return None
    if not found["trace"].strip("0") or not found["span"].strip("0"):
        return None
    return Traceparent(found["trace"], found["span"], bool(int(found["flags"], 16) & 1))


def fresh() -> Traceparent:
    """The beginning of a trace that nobody records: it ties log lines together."""
    return Traceparent(secrets.token_hex(16), secrets.token_hex(8), sampled=False)
