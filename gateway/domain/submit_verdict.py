"""Classify an upstream's answer to a submit by one table.

| answer | verdict |
| --- | --- |
| no byte written, or not the whole body and no answer | not sent |
| 200 or 202 with a job id | accepted |
| 200 or 202 with OpenRouter's error body of a 4xx and no id | refused |
| 4xx other than 408 and 499, whatever its body | refused |
| 301, 302, 307, 308 | refused: the upstream's base_url is wrong |
| 503 with OpenRouter's own error body, judged strictly | refused |
| anything else | unknown, never sent again |

The sources are docs/openrouter-contract.md sections 1 and 2, and docs/reliability.md (b).
"""

import html
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from gateway.domain.job import Status, parse_status
from gateway.domain.upstream import (
    Accepted,
    CatalogFailed,
    CatalogOutcome,
    Declined,
    SubmitOutcome,
    Unclear,
    error_code,
    error_object,
    has_own_error,
    is_openrouters_own,
    parse_answer,
)

WORDS_AT_MOST = 2000
"""Characters of an upstream's error that are stored and relayed."""

_REDIRECTS = frozenset({301, 302, 307, 308})  # 303 means that the POST was processed
_INDEFINITE_4XX = frozenset({408, 499})  # the server timed out, or saw the client disconnect


def read_submit(
    status: int, body: bytes, retry_after: int | None = None, *, location: str | None = None
) -> SubmitOutcome:
    """Classify the answer to a submit. `body` may be truncated, or not JSON at all."""
    value = parse_answer(body)
    if 200 <= status < 300:
        return _taken(status, value, retry_after)
    if status in _REDIRECTS:
        return _redirected(status, location)
    if 400 <= status < 500 and status not in _INDEFINITE_4XX:
        return Declined(status, _words(status, value, body), retry_after)
    if status == 503 and is_openrouters_own(status, value):
        return Declined(status, _words(status, value, body), retry_after)
    return Unclear(f"status {status}")


def read_models(status: int, body: bytes, *, location: str | None = None) -> CatalogOutcome:
    """Return the models that an upstream lists, or why its answer contains none."""
    if status in _REDIRECTS or status == 303:
        where = _place(location) or "somewhere else"
        return CatalogFailed(f"it redirects ({status}) to {where}: base_url is wrong")
    if status != 200:
        return CatalogFailed(f"status {status}")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return CatalogFailed("status 200, but its body is not JSON")
    listed = value.get("data") if isinstance(value, dict) else None
    if not isinstance(listed, list):
        return CatalogFailed("status 200, but there is no list `data` in it")
    return [entry for entry in listed if isinstance(entry, dict)]


def _taken(status: int, value: Mapping[str, Any], retry_after: int | None) -> SubmitOutcome:
    upstream_id = value.get("id")
    if isinstance(upstream_id, str) and 0 < len(upstream_id) <= 200:
        return Accepted(upstream_id, parse_status(value.get("status")) or Status.PENDING)
    code = error_code(value) if "id" not in value and has_own_error(value) else None
    if code is not None and 400 <= code < 500 and code not in _INDEFINITE_4XX:
        return Declined(code, _words(code, value, b""), retry_after)
    return Unclear(f"status {status} without a job id")


def _redirected(status: int, location: str | None) -> Declined:
    """Return a refusal that names the redirect's target, without its query or credentials."""
    where = _place(location)
    pointed = f"redirects to {where}" if where else "redirects"
    return Declined(
        status, {"code": status, "message": f"The upstream {pointed}."}, location=where or ""
    )


def _place(location: str | None) -> str | None:
    try:
        parts = urlsplit(location or "")
        port = parts.port
    except ValueError:
        return None
    host = parts.hostname or ""
    shown = f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"
    return (
        shown[:200] if parts.scheme in ("http", "https") and host and shown.isprintable() else None
    )


def _words(status: int, value: Mapping[str, Any], body: bytes) -> Mapping[str, Any]:
    """Return the upstream's error as OpenRouter's error object, at most 2,000 characters."""
    error = error_object(status, value)
    if error is None:
        said = _said(value) or _text(body) or f"The upstream answered with status {status}."
        return {"code": status, "message": _short(said)}
    metadata = error.get("metadata")
    kept = {"code": status, "message": _short(error["message"])}
    if metadata is not None and len(json.dumps(metadata, default=str)) <= WORDS_AT_MOST:
        kept["metadata"] = metadata
    return kept


def _said(value: Mapping[str, Any]) -> str | None:
    """Return the message of another API's error body: `error`, `detail`, `message`, ..."""
    for name in ("error", "detail", "message", "title", "errors"):
        said = value.get(name)
        if isinstance(said, str) and said.strip():
            return said
        if isinstance(said, Mapping | list) and said:
            inner = said.get("message") if isinstance(said, Mapping) else None
            return inner if isinstance(inner, str) else json.dumps(said, default=str)
    return None


_UNSEEN = re.compile(
    r"<(script|style|head)\b.{0,20000}?</\1>|<!--.{0,20000}?-->", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(r"<[^<>]{0,2000}>")
_READ = 20_000  # bytes of a page that are read


def _text(body: bytes) -> str | None:
    """Return the visible text of an HTML page or a text; None for an empty or binary body."""
    if b"\0" in body[:_READ]:
        return None
    page = body[:_READ].decode("utf-8", "replace")
    words = html.unescape(_TAG.sub(" ", _UNSEEN.sub(" ", page)))
    return " ".join(words.split()) or None


def _short(text: str) -> str:
    text = "".join(
        c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text[: WORDS_AT_MOST + 1]
    )
    return text if len(text) <= WORDS_AT_MOST else f"{text[: WORDS_AT_MOST - 1]}…"
