"""Helpers of admin handlers: read queries and bodies, write JSON."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

import orjson
from aiohttp import web

from gateway.api.body import read_body
from gateway.domain.errors import Reason, Refused
from gateway.domain.strict_json import NotStrict, parse_object

_MAX_BODY = 64 * 1024  # bytes


def answer(body: Any, status: int = 200) -> web.Response:
    """Return a JSON response."""
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")


def seconds(milliseconds: int | None) -> int | None:
    """Convert a time of the database to unix seconds."""
    return None if milliseconds is None else milliseconds // 1000


async def read_object(
    request: web.Request, fields: Collection[str] | None = None
) -> Mapping[str, Any]:
    """Return the body, a JSON object; an empty body is an empty object.

    `fields`: the allowed ones.

    Raises:
        Refused: INVALID_REQUEST.

    """
    raw = await read_body(request, _MAX_BODY)
    try:
        body = parse_object(raw) if raw.strip() else {}
    except NotStrict as error:
        raise Refused(Reason.INVALID_REQUEST, str(error), {"field": error.field}) from error
    for name in body:
        if fields is not None and name not in fields:
            allowed = ", ".join(sorted(fields))
            raise Refused(
                Reason.INVALID_REQUEST,
                f"unknown field {name[:100]!r}; allowed: {allowed}",
                {"field": name[:100], "allowed": allowed},
            )
    return body


def read_moment(field: str, text: str) -> int:
    """Convert unix seconds or ISO 8601 (UTC without a time zone) to epoch ms.

    Raises:
        Refused: INVALID_REQUEST.

    """
    try:
        if text.isascii() and text.isdigit() and len(text) <= 12:
            return int(text) * 1000
        moment = datetime.fromisoformat(text)
        zoned = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int(zoned.timestamp() * 1000)
    except (ValueError, OverflowError):
        invalid(field, text, "unix seconds, or a moment like 2026-11-22T12:00:00Z")


def invalid(field: str, value: str, allowed: str) -> NoReturn:
    """Return the refusal of one value; it names what is allowed."""
    raise Refused(
        Reason.INVALID_REQUEST,
        f"{field} is {value[:100]!r}; allowed: {allowed}",
        {"field": field, "value": value[:100], "allowed": allowed},
    )
