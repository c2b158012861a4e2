"""How a value of the file is shown to a person: secrets never, the rest short."""

import re
from collections.abc import Container
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from gateway.config.mistakes import Path, quoted
from gateway.config.tree import Number
from gateway.config.values import duration_text
from gateway.domain.units import usd_text

HIDDEN = "(hidden)"

# Nothing at or below these is ever shown. `hash` is among them because people paste the key itself.
_SECRET = frozenset({"api_key", "webhook_secrets", "secret", "signing_key", "hash"})
# What stands here directly, where things of more parts belong, may be a secret in the wrong place.
_SECRET_ITEMS = frozenset({"keys", "tokens", "webhooks"})
_URLS = frozenset({"url", "base_url", "public_url", "otlp_endpoint"})
_ORIGIN = re.compile(r"([a-z][a-z0-9+.-]*://[^/?#@\s]*)([/?#].*)?", re.IGNORECASE | re.DOTALL)


def seen(value: object, path: Path, from_environment: Container[Path] = ()) -> str:
    """The value as a message may repeat it; `(hidden)` for secrets and what came from `${}`.

    The path decides, not the look of the value. Lists and mappings are told by their kind alone.
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
    if isinstance(value, timedelta):  # a default that does not fit what is written
        return duration_text(value)
    if isinstance(value, str) and not isinstance(value, Number):
        return quoted(shown_url(value, path) if is_url(path) else value)
    return str(value)[:80]


def shown(value: Any, path: Path) -> str:
    """A typed value of the configuration, as the file would write it; `(hidden)` for secrets."""
    if is_secret(path) or isinstance(value, SecretStr):
        return HIDDEN
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(shown(one, path) for one in value)}]"
    if isinstance(value, timedelta):
        return duration_text(value)
    if _last_key(path).endswith("_usd"):
        return usd_text(value)
    if isinstance(value, str) and is_url(path):
        return shown_url(value, path)
    return str(value)


def is_secret(path: Path) -> bool:
    """Whether what stands at this path is, or may by mistake be, a secret."""
    return not _SECRET.isdisjoint(path) or _last_key(path) in _SECRET_ITEMS


def is_url(path: Path) -> bool:
    """Whether a URL stands at this path."""
    return _last_key(path) in _URLS


def shown_url(url: str, path: Path) -> str:
    """A URL without user and password, without query; a subscriber's without its path, too."""
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
