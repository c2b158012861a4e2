"""Convert refusals to HTTP responses: the table of status codes, and OpenRouter's error body.

See docs/api.md, Errors.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
from aiohttp import web

from gateway.domain.errors import Reason, Refused, Relayed

STATUS: Mapping[Reason, int] = {
    Reason.INVALID_KEY: 401,
    Reason.REVOKED_KEY: 401,
    Reason.WEBHOOK_REFUSED: 401,
    Reason.BUDGET_EXCEEDED: 402,
    Reason.BILL_DISPUTED: 402,
    Reason.COST_LIMIT: 402,
    Reason.PRICE_UNKNOWN: 402,
    Reason.UPSTREAM_CREDITS: 402,
    Reason.MODEL_NOT_ALLOWED: 403,
    Reason.PROVIDER_NOT_ALLOWED: 403,
    Reason.LIMIT_EXCEEDED: 403,
    Reason.UPSTREAM_CREDENTIALS: 403,
    Reason.UPSTREAM_MISCONFIGURED: 403,
    Reason.HOST_NOT_ALLOWED: 403,
    Reason.ORIGIN_NOT_ALLOWED: 403,
    Reason.ZDR_UNAVAILABLE: 404,
    Reason.JOB_NOT_FOUND: 404,
    Reason.MODEL_NOT_FOUND: 404,
    Reason.NOT_FOUND: 404,
    Reason.METHOD_NOT_ALLOWED: 405,
    Reason.INVALID_REQUEST: 400,
    Reason.UNSUPPORTED_PARAMETER: 400,
    Reason.BODY_TIMEOUT: 408,
    Reason.IDEMPOTENCY_CONFLICT: 422,
    Reason.NOT_COMPLETED: 409,
    Reason.ALREADY_ENDED: 409,
    Reason.NOT_SETTLEABLE: 409,
    Reason.ENDPOINT_DISABLED: 409,
    Reason.CONTENT_GONE: 410,
    Reason.BODY_TOO_LARGE: 413,
    Reason.UNSUPPORTED_MEDIA_TYPE: 415,
    Reason.RATE_LIMITED: 429,
    Reason.TOO_MANY_JOBS: 429,
    Reason.OVERLOADED: 429,
    Reason.INTERNAL: 500,
    Reason.UPSTREAM_FAILED: 502,
    Reason.UPSTREAM_UNAVAILABLE: 503,
    Reason.NOT_READY: 503,
    Reason.STORAGE_UNAVAILABLE: 503,
}


def refusal(error: Refused) -> web.Response:
    """Return a refusal of the gateway; `metadata.gateway` has the reason and the numbers."""
    code = STATUS[error.reason]
    details = dict(error.details)
    metadata = dict(details.pop("metadata", {}))
    metadata["gateway"] = {"reason": error.reason.value, **details}
    body = {"error": {"message": error.message, "code": code, "metadata": metadata}}
    return _response(code, body, error.retry_after)


def relayed(error: Relayed) -> web.Response:
    """Return the upstream's refusal unchanged."""
    return _response(error.status, {"error": error.error}, error.retry_after)


def _response(status: int, body: Mapping[str, Any], retry_after: int | None) -> web.Response:
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return web.Response(
        status=status,
        body=_encoded(body),
        headers=headers,
        content_type="application/json",
    )


def _encoded(body: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(body, default=_plain)
    except TypeError:
        # A refusal may quote a header that is not UTF-8. It has lone surrogates, which orjson
        # rejects.
        text = json.dumps(body, default=_plain, ensure_ascii=False)
        return text.encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, set | frozenset | tuple):
        return list(value)
    return str(value)
