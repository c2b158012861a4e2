"""POST /webhooks/{upstream}/{token} and /webhooks/{upstream}: webhooks of upstreams."""

from aiohttp import web

from gateway.api.body import announced_size, read_body
from gateway.api.public.parts import PARTS, Parts
from gateway.domain.errors import Reason, Refused
from gateway.domain.signature import is_well_formed
from gateway.services.jobs.receive_webhook import IncomingWebhook

MAX_BODY = 1_000_000  # bytes; a real event has about 500
_MAX_HINT = 64_000  # bytes of an event without a signature
_TOTAL = 30.0  # seconds for the body, which a server sends

IN_FLIGHT = 8_000_000
"""Bytes of all events together that are being read."""

HINTS_PER_MINUTE = 120
"""Events without a signature from one peer; an upstream without a secret sends one for each job."""


async def webhook(request: web.Request) -> web.Response:
    """Receive an event: 200 after it is committed, 202 if it is only a hint to poll."""
    parts = request.app[PARTS]
    upstream = request.match_info["upstream"]
    if upstream not in parts.live.config.upstreams:
        raise Refused(Reason.NOT_FOUND, "Not Found")
    signature = _signature(request)
    signed = signature is not None and is_well_formed(signature)
    limit = MAX_BODY if signed else _MAX_HINT
    if not signed:
        _admit_hint(parts, request.remote or "")
    lease = parts.webhook_bodies.take("webhooks", announced_size(request, limit))
    try:
        body = await _body(request, upstream, limit)
    finally:
        lease.release()
    received = await parts.webhook_intake.receive(
        IncomingWebhook(
            upstream=upstream,
            token=request.match_info.get("token"),
            body=body,
            signature=signature,
            idempotency_key=request.headers.get("X-OpenRouter-Idempotency-Key"),
        )
    )
    return web.json_response({"received": True}, status=200 if received.verified else 202)


def _admit_hint(parts: Parts, peer: str) -> None:
    """Count an unsigned event.

    Raises:
        Refused: RATE_LIMITED with Retry-After.

    """
    now = parts.clock.monotonic()
    if not parts.hints.take(peer, now):
        raise Refused(
            Reason.RATE_LIMITED,
            "Too many events without a signature came from this address.",
            retry_after=max(1, round(parts.hints.wait(peer, now))),
        )


async def _body(request: web.Request, upstream: str, limit: int) -> bytes:
    """Return the body's exact bytes, which the signature covers.

    Raises:
        Refused: UNSUPPORTED_MEDIA_TYPE for an encoded body, whose decoded bytes are not the
            signed ones; BODY_TOO_LARGE, BODY_TIMEOUT.

    """
    metrics = request.app[PARTS].telemetry.metrics
    try:
        return bytes(await read_body(request, limit, total=_TOTAL))
    except Refused as refusal:
        if refusal.reason is Reason.UNSUPPORTED_MEDIA_TYPE:
            metrics.webhook_received(upstream, "encoded")
        if refusal.reason is not Reason.BODY_TOO_LARGE:
            raise
        metrics.webhook_received(upstream, "too_large")
        raise Refused(Reason.BODY_TOO_LARGE, f"An event has at most {limit} bytes.") from refusal


def _signature(request: web.Request) -> str | None:
    """Return the signature header; two of them become a malformed one with two timestamps."""
    headers = request.headers.getall("X-OpenRouter-Signature", [])
    return ",".join(headers) if headers else None
