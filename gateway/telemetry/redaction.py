"""Redact log lines and spans: secrets, prompts, bodies, query strings.

Two rules. By name: a field called `prompt`, `body`, `api_key`, ... keeps no text. By pattern: keys,
bearer tokens and data URLs are removed from texts, and user info, query and fragment from URLs.
Objects other than plain data and collections are replaced by their type, because the `repr` of a
request contains the request.

The rules can't detect a prompt inside a sentence under a harmless name. Facts are therefore logged
as fields, and an exception's message is never logged (`failure.py`).
"""

import re
from collections.abc import Iterable, Mapping, Set
from datetime import datetime, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from pathlib import PurePath
from typing import Final
from uuid import UUID

from gateway.telemetry.failure import summary

Plain = str | int | float | bool | None | list["Plain"] | dict[str, "Plain"]
"""What is left after redaction: JSON's own kinds."""

REDACTED: Final = "[redacted]"

TEXT_LIMIT: Final = 1024  # characters of one text
_HEAD: Final = 2 * TEXT_LIMIT  # the inspected part of a longer text
ITEM_LIMIT: Final = 50  # entries of one collection
DEPTH_LIMIT: Final = 4  # nested collections

_SENSITIVE: Final = re.compile(
    r"""(?<![a-z])(?:
      prompts? | bod(?:y|ies) | payload | authorization | auth | bearer | cookies? | credentials?
    | password | passwd | passphrase | secrets? | tokens? | signature | sig | apikey | userinfo
    | query | (?:api|private|signing|secret|access)_key | input_references | frame_images
    | (?:image|audio|video)_url | passthrough_parameters
    )(?![a-z])""",
    re.VERBOSE,
)
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")

# Clients write parts of these texts, so every pattern takes linear time: it starts at a literal,
# and the rest is bounded or can't start another match.
_DATA: Final = re.compile(r"\bdata:[\w.+-]+/[^\s\"'<>)]*")
_PLACE: Final = re.compile(
    r"://(?P<place>[^/?#\s\"'<>]*)(?P<path>[^?#\s\"'<>]*)(?P<rest>[^\s\"'<>]*)"
)
_NAMED: Final = re.compile(
    r"""(?P<name>
      (?: authorization | api[_-]?key | signing[_-]?key | private[_-]?key | secret | token
        | passw(?:or)?d | prompt | cookie | signature | credential | (?<![a-z])(?:sig|body) )
      [\w-]{0,40} ["']? \s{0,4} (?:[:=]|%3[AD]) \s{0,4} )
      (?: (?:bearer|basic)\s{1,4} )?
      (?: "(?:[^"\\]|\\.)*"? | '(?:[^'\\]|\\.)*'? | [^\s,;&}\]]+ )""",
    re.VERBOSE | re.IGNORECASE,
)
_HEADER: Final = re.compile(r"\b(?:bearer|basic)\s{1,4}[^\s\"',;]{6,}", re.IGNORECASE)
_KEY: Final = re.compile(
    r"(?:vg_|whsec_|sk-or-)[\w+/=.~-]{20,}"
    r"|(?<![A-Za-z0-9])(?:(?:vg_|whsec_|sk-|rk-|pk-|eyJ)[\w+/=.~-]{6,}|AKIA[0-9A-Z]{12,})"
)
_INBOUND: Final = re.compile(r"(?P<path>/webhooks/[^/\s?\"']+/)[^\s/?\"']+")
_QUERY: Final = re.compile(r"(?<=[\w/.~%-])\?[^\s\"'<>?=]*=[^\s\"'<>]*")

_LONG_SEGMENT: Final = re.compile(r"[A-Za-z0-9_=~-]{22,}")
_JOB_ID: Final = re.compile(r"gen-vid-\d+-[0-9A-Za-z]{20}")


def redact_field(name: str, value: object) -> Plain:
    """Return one named value as plain data. Numbers are kept under any name (`body_bytes=12`)."""
    if _is_sensitive(name):
        return value if value is None or isinstance(value, int | float) else REDACTED
    return _plain(value, DEPTH_LIMIT)


def redact_text(text: str) -> str:
    """Return the text without secrets, cut to `TEXT_LIMIT` characters, in linear time."""
    head = _whole_words(text) if len(text) > _HEAD else text
    clean = _clean(head)
    if len(clean) > TEXT_LIMIT or len(text) > _HEAD:
        return f"{clean[:TEXT_LIMIT]}… ({len(text)} characters)"
    return clean


def redact_url(url: str) -> str:
    """Return a URL without user info, query, and tokens in the path."""
    return _PLACE.sub(_place, url) if "://" in url else REDACTED


def _clean(text: str) -> str:
    """Apply each pattern after a cheap test, because most texts are names and ids."""
    if "data:" in text:
        text = _DATA.sub(REDACTED, text)
    if "://" in text:
        text = _PLACE.sub(_place, text)
    if "/webhooks/" in text:
        text = _INBOUND.sub(rf"\g<path>{REDACTED}", text)
    if "=" in text or ":" in text or "%" in text:
        text = _NAMED.sub(rf"\g<name>{REDACTED}", text)
    if "?" in text:
        text = _QUERY.sub("?…", text)
    if " " in text:
        text = _HEADER.sub(REDACTED, text)
    if "_" in text or "-" in text or "eyJ" in text or "AKIA" in text:
        text = _KEY.sub(REDACTED, text)
    return text


def _place(match: re.Match[str]) -> str:
    host = match["place"].rpartition("@")[2]
    return f"://{host}{_clean_path(match['path'])}{'?…' if match['rest'] else ''}"


def _clean_path(path: str) -> str:
    segments = path.split("/")
    for position, segment in enumerate(segments):
        inbound_token = position >= 2 and segments[position - 2] == "webhooks"
        capability = _LONG_SEGMENT.fullmatch(segment) and not _JOB_ID.fullmatch(segment)
        if segment and (inbound_token or capability):
            segments[position] = REDACTED
    return "/".join(segments)


def _whole_words(text: str) -> str:
    """Return the beginning of a long text up to a space: half a key would not match a pattern."""
    return text[:_HEAD].rpartition(" ")[0]


@lru_cache(maxsize=1024)
def _is_sensitive(name: str) -> bool:
    """Return whether a name means a secret, in any spelling: `api_key`, `X-Api-Key`, `apiKey`."""
    return _SENSITIVE.search(_HUMP.sub("_", name).lower()) is not None


def _plain(value: object, depth: int) -> Plain:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Enum):
        return _plain(value.value, depth)
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)[:TEXT_LIMIT]
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, Mapping):
        return _mapping(value, depth)
    if isinstance(value, list | tuple | Set):
        return _sequence(value, depth)
    return _other(value)


def _mapping(value: Mapping[object, object], depth: int) -> Plain:
    if depth == 0:
        return f"<{len(value)} fields>"
    kept: dict[str, Plain] = {}
    for name, one in value.items():
        if len(kept) == ITEM_LIMIT:
            kept["…"] = len(value) - ITEM_LIMIT
            break
        text = str(_plain(name, 0))
        kept[text] = REDACTED if _hides(text, one) else _plain(one, depth - 1)
    return kept


def _hides(name: str, value: object) -> bool:
    return _is_sensitive(name) and not (value is None or isinstance(value, int | float))


def _sequence(value: Iterable[object], depth: int) -> Plain:
    items = list(value)
    if depth == 0:
        return f"<{len(items)} items>"
    kept = [_plain(one, depth - 1) for one in items[:ITEM_LIMIT]]
    if len(items) > ITEM_LIMIT:
        kept.append(f"… {len(items) - ITEM_LIMIT} more")
    return kept


def _other(value: object) -> Plain:
    if isinstance(value, BaseException):
        return summary(value)
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")
    if isinstance(value, timedelta):
        return round(value.total_seconds(), 6)
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, Decimal | UUID | PurePath):
        return redact_text(str(value))
    return f"<{type(value).__name__}>"
