"""Formats configuration values for messages, with secrets redacted."""

import re
from collections.abc import Container
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from gateway.config.mistakes import Path, quoted
from gateway.config.values import duration_text
from gateway.config.yaml_tree import Number
from gateway.domain.units import usd_text

HIDDEN = "(hidden)"

# Values at or below these keys are hidden. `hash`, too: people paste the key itself there.
_SECRET = frozenset({"api_key", "webhook_secrets", "secret", "signing_key", "hash", "headers"})
# A plain value in these lists, which hold mappings, may be a misplaced secret.
_SECRET_ITEMS = frozenset({"keys", "tokens", "webhooks"})
_URLS = frozenset({"url", "base_url", "public_url", "otlp_endpoint"})
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*://[^/?#@\s]*)([/?#].*)?", re.IGNORECASE | re.DOTALL)


def display_input(value: object, path: Path, from_environment: Container[Path] = ()) -> str:
    """Format an input value for a message; `(hidden)` for secrets and values from `${}`.

    The path alone decides whether a value is secret. Lists and mappings are shown by type only.
    """
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    if path in from_environment or is_secret(path):
        return HIDDEN
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, timedelta):  # a default that conflicts with another value
        return duration_text(value)
    if isinstance(value, str) and not isinstance(value, Number):
        return quoted(redact_url(value, path) if is_url(path) else value)
    return str(value)[:80]


def display(value: Any, path: Path) -> str:
    """Format a typed value as in the file; `(hidden)` for secrets."""
    if is_secret(path) or isinstance(value, SecretStr):
        return HIDDEN
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(display(item, path) for item in value)}]"
    if isinstance(value, timedelta):
        return duration_text(value)
    if _last_key(path).endswith("_usd"):
        return usd_text(value)
    if isinstance(value, str) and is_url(path):
        return redact_url(value, path)
    return str(value)


def is_secret(path: Path) -> bool:
    """Whether the value at this path is a secret, or may be a misplaced one."""
    return not _SECRET.isdisjoint(path) or _last_key(path) in _SECRET_ITEMS


def is_url(path: Path) -> bool:
    """Whether the value at this path is a URL."""
    return _last_key(path) in _URLS


def redact_url(url: str, path: Path) -> str:
    """Remove user, password and query from a URL, and the path of a subscriber's URL."""
    if "@" in url:
        return HIDDEN
    match = _ORIGIN.fullmatch(url)
    if match is None:
        return HIDDEN if "webhooks" in path else url.partition("?")[0]
    rest = match[2] or ""
    if "webhooks" in path and rest not in ("", "/"):
        return f"{match[1]}/{HIDDEN}"
    return match[1] + rest.partition("?")[0].partition("#")[0]


def _last_key(path: Path) -> str:
    return next((part for part in reversed(path) if isinstance(part, str)), "")
