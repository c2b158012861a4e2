"""Responses with the headers recorded from the real service."""

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from gateway.sandbox.errors import ApiError

CORS: Mapping[str, str] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "X-Generation-Id,X-Provider-Name,request-id,cf-ray",
}

PREFLIGHT: Mapping[str, str] = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET,POST,OPTIONS",
    "Access-Control-Allow-Headers": (
        "Authorization,Content-Type,Idempotency-Key,HTTP-Referer,X-Title,X-OpenRouter-Title,"
        "X-OpenRouter-Categories,X-OpenRouter-App-Visibility,X-Session-Id,X-Provider-API-Keys"
    ),
    "Access-Control-Max-Age": "86400",
}


def json_response(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """Return a JSON response, chunked and without Content-Length as recorded."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return raw_response(text, status, "application/json", headers or {})


def error_response(error: ApiError) -> web.Response:
    """Return an error response."""
    return json_response(error.body(), error.status, error.headers)


def raw_response(
    body: bytes, status: int, content_type: str, headers: Mapping[str, str]
) -> web.Response:
    """Return any bytes, with the recorded headers; a Content-Type among `headers` wins."""
    response = web.Response(
        body=body, status=status, headers={**CORS, "Content-Type": content_type, **headers}
    )
    if body:
        response.enable_chunked_encoding()
    return response
