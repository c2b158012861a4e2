"""Options of a submit in its headers."""

from dataclasses import dataclass

from aiohttp import web

from gateway.domain.errors import Reason, Refused

_MAX_KEY = 255  # characters of an Idempotency-Key, as at Stripe


@dataclass(frozen=True, slots=True)
class SubmitOptions:
    """The options of a submit for the gateway itself."""

    zdr: bool = False
    dry_run: bool = False
    fresh: bool = False
    idempotency_key: str | None = None


def read_submit_options(request: web.Request) -> SubmitOptions:
    """Return the options in a request's headers.

    Raises:
        Refused: INVALID_REQUEST for a value that is not one: a misspelled request for Zero Data
            Retention must not be taken for none.

    """
    return SubmitOptions(
        zdr=_flag(request, "X-Gateway-Zdr"),
        dry_run=_flag(request, "X-Gateway-Dry-Run"),
        fresh=_bypass(request.headers.getall(_DEDUPE, [])),
        idempotency_key=_key(request.headers.get("Idempotency-Key")),
    )


def _flag(request: web.Request, name: str) -> bool:
    """Return whether any value is `true`: a proxy may have added a header of its own."""
    words = [value.strip().lower() for value in request.headers.getall(name, [])]
    if all(word in ("true", "false") for word in words):
        return "true" in words
    value = ", ".join(request.headers.getall(name))
    raise Refused(
        Reason.INVALID_REQUEST,
        f"{name} is {value[:40]!r}; allowed: true or false",
        {"field": name, "value": value[:40], "allowed": ["true", "false"]},
    )


_DEDUPE = "X-Gateway-Dedupe"


def _bypass(values: list[str]) -> bool:
    """Return whether the client asks for a new video although an identical one may exist.

    `Cache-Control` is ignored: browsers, Postman and `fetch` send it by themselves, and each such
    request would buy the same video again.
    """
    words = [value.strip().lower() for value in values]
    if all(word == "bypass" for word in words):
        return bool(words)
    value = ", ".join(values)
    raise Refused(
        Reason.INVALID_REQUEST,
        f"{_DEDUPE} is {value[:40]!r}; allowed: bypass",
        {"field": _DEDUPE, "value": value[:40], "allowed": ["bypass"]},
    )


def _key(value: str | None) -> str | None:
    if value is None or 0 < len(value.strip()) <= _MAX_KEY:
        return None if value is None else value.strip()
    raise Refused(
        Reason.INVALID_REQUEST,
        f"Idempotency-Key has {len(value)} characters; allowed: 1 to {_MAX_KEY}",
        {"field": "Idempotency-Key", "allowed": f"1 to {_MAX_KEY} characters"},
    )
