"""The fingerprint that identifies identical requests: a keyed hash of the forwarded request."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, NewType

import rfc8785

from gateway.domain.data_url import DataUrl, content_digest

Fingerprint = NewType("Fingerprint", str)
"""64 lower-case hex digits. Without the installation's secret it reveals nothing about a prompt."""

_NOT_THE_VIDEO = frozenset({"callback_url", "user", "session_id", "trace"})
_EXACT = 2**53 - 1  # RFC 8785 numbers are doubles; larger integers are kept as text


def fingerprint(secret: bytes, body: Mapping[str, Any], *, upstream: str, zdr: bool) -> Fingerprint:
    """Return the HMAC-SHA256 of the canonical request (RFC 8785) under the installation's secret.

    It ignores what does not change the video: `callback_url`, `user`, `session_id`, `trace`, null
    members, and the contract's empty lists and objects. A base64 data URL counts by its media type
    and content, however its lines are wrapped; 4 and 4.0 are the same number (JSON Schema). Order
    matters only in arrays.
    """
    request = {k: v for k, v in body.items() if k not in _NOT_THE_VIDEO}
    canonical = rfc8785.dumps(
        {"request": _canonical(_stated(request)), "upstream": upstream, "zdr": zdr},
    )
    return Fingerprint(hmac.new(secret, canonical, hashlib.sha256).hexdigest())


def _stated(request: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out fields without content: empty lists of images or references, empty `provider`."""
    stated = {k: v for k, v in request.items() if not (k in _EMPTY_IS_ABSENT and v in ([], {}))}
    provider = stated.get("provider")
    if isinstance(provider, Mapping):
        kept = _without_empty(provider)
        stated["provider"] = kept or None
    return stated


_EMPTY_IS_ABSENT = frozenset({"frame_images", "input_references", "provider", "trace"})


def _without_empty(value: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out empty objects and lists directly in `provider` and in its `options`."""
    kept = {
        name: _without_empty(member)
        if name == "options" and isinstance(member, Mapping)
        else member
        for name, member in value.items()
    }
    return {name: member for name, member in kept.items() if member not in (None, {}, [])}


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _canonical(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        # Tagged, so that no list in a request can equal one of the tagged forms below.
        return ["list", *(_canonical(item) for item in value)]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > _EXACT:
        return ["integer", str(value)]
    if isinstance(value, str):
        return _by_content(value)
    return value


def _by_content(text: str) -> Any:
    """Return a base64 data URL as media type and content hash, and any other text unchanged."""
    if isinstance(text, DataUrl):
        known = content_digest(text.raw)
        return ["url", hashlib.sha256(text.raw).hexdigest()] if known is None else ["data", *known]
    if text[:5].lower() != "data:":
        return text
    known = content_digest(text.encode("utf-8", "replace"))
    return text if known is None else ["data", *known]
