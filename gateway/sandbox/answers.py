"""Answers with the headers that the real service was recorded to send."""

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


def json_answer(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> web.Response:
    """JSON, in chunks and without Content-Length as recorded."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return plain_answer(text, status, "application/json", headers or {})


def error_answer(error: ApiError) -> web.Response:
    """A refusal."""
    return json_answer(error.body(), error.status, error.headers)


def plain_answer(
    body: bytes, status: int, content_type: str, headers: Mapping[str, str]
) -> web.Response:
    """Return any bytes, with the recorded headers; a Content-Type among `headers` wins."""
    answer = web.Response(
        body=body, status=status, headers={**CORS, "Content-Type": content_type, **headers}
    )
    if body:
        answer.enable_chunked_encoding()
    return answer
