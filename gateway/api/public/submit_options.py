"""What a client says about a submit in headers, beside the body."""

from dataclasses import dataclass

from aiohttp import web

from gateway.domain.errors import Reason, Refused

_MAX_KEY = 255  # characters of an Idempotency-Key, as at Stripe


@dataclass(frozen=True, slots=True)
class SubmitOptions:
    """The headers of a submit that the gateway itself obeys."""

    zdr: bool = False
    dry_run: bool = False
    fresh: bool = False
    idempotency_key: str | None = None


def read_submit_options(request: web.Request) -> SubmitOptions:
    """The wishes in a request's headers.

    Raises:
        Refused: INVALID_REQUEST for a value that is not one: a wish for Zero Data Retention that is
            misspelled must not be taken for none.

    """
    return SubmitOptions(
        zdr=_flag(request, "X-Gateway-Zdr"),
        dry_run=_flag(request, "X-Gateway-Dry-Run"),
        fresh=_fresh(",".join(request.headers.getall("Cache-Control", []))),
        idempotency_key=_key(request.headers.get("Idempotency-Key")),
    )


def _flag(request: web.Request, name: str) -> bool:
    """Whether it is wished. Sent twice, one `true` is enough: a proxy may have added its own."""
    words = [value.strip().lower() for value in request.headers.getall(name, [])]
    if all(word in ("true", "false") for word in words):
        return "true" in words
    value = ", ".join(request.headers.getall(name))
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
