"""What a client says about a submit in headers, beside the body."""

from collections.abc import Mapping
from dataclasses import dataclass

from gateway.domain.errors import Reason, Refused

_MAX_KEY = 255  # characters of an Idempotency-Key, as at Stripe


@dataclass(frozen=True, slots=True)
class Wishes:
    """The headers of a submit that the gateway itself obeys."""

    zdr: bool = False
    dry_run: bool = False
    fresh: bool = False
    idempotency_key: str | None = None


def read_wishes(headers: Mapping[str, str]) -> Wishes:
    """The wishes in a request's headers.

    Raises:
        Refused: INVALID_REQUEST for a value that is not one: a wish for Zero Data Retention that is
            misspelled must not be taken for none.

    """
    return Wishes(
        zdr=_flag(headers, "X-Gateway-Zdr"),
        dry_run=_flag(headers, "X-Gateway-Dry-Run"),
        fresh=_fresh(headers.get("Cache-Control", "")),
        idempotency_key=_key(headers.get("Idempotency-Key")),
    )


def _flag(headers: Mapping[str, str], name: str) -> bool:
    value = headers.get(name)
    if value is None:
        return False
    word = value.strip().lower()
    if word in ("true", "false"):
        return word == "true"
    raise Refused(
        Reason.INVALID_REQUEST,
        f"{name} is {value[:40]!r}; allowed: true or false",
        {"field": name, "value": value[:40], "allowed": ["true", "false"]},
    )


def _fresh(cache_control: str) -> bool:
    """RFC 9111 section 5.2.1: a request that wants no stored answer."""
    directives = {part.strip().lower() for part in cache_control.split(",")}
    return bool(directives & {"no-cache", "no-store"})


def _key(value: str | None) -> str | None:
    if value is None or 0 < len(value.strip()) <= _MAX_KEY:
        return None if value is None else value.strip()
    raise Refused(
        Reason.INVALID_REQUEST,
        f"Idempotency-Key has {len(value)} characters; allowed: 1 to {_MAX_KEY}",
        {"field": "Idempotency-Key", "allowed": f"1 to {_MAX_KEY} characters"},
    )
