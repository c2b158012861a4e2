"""POST /webhooks/{upstream}/{token} and /webhooks/{upstream}: where upstreams report ends."""

from aiohttp import web

from gateway.api.body import read_body
from gateway.api.public.parts import PARTS
from gateway.domain.errors import Reason, Refused
from gateway.services.jobs.receive_webhook import IncomingWebhook

_MAX_BODY = 1_000_000  # bytes; a real event has about 500
_TOTAL = 30.0  # seconds for the body: it comes from a machine


async def webhook(request: web.Request) -> web.Response:
    """Take an event in: 200 once it is committed, 202 where it is only a hint."""
    parts = request.app[PARTS]
    upstream = request.match_info["upstream"]
    if upstream not in parts.live.config.upstreams:
        raise Refused(Reason.NOT_FOUND, "Not Found")
    received = await parts.intake.receive(
        IncomingWebhook(
            upstream=upstream,
            token=request.match_info.get("token"),
            body=await _body(request, upstream),
            signature=_signature(request),
            idempotency_key=request.headers.get("X-OpenRouter-Idempotency-Key"),
        )
    )
    return web.json_response({"received": True}, status=200 if received.verified else 202)


async def _body(request: web.Request, upstream: str) -> bytes:
    """The bytes as they were sent, which are what was signed.

    Raises:
        Refused: UNSUPPORTED_MEDIA_TYPE for an encoded body (aiohttp would decode it, and other
            bytes than the signed ones be verified); BODY_TOO_LARGE, BODY_TIMEOUT.

    """
    metrics = request.app[PARTS].telemetry.metrics
    if request.headers.get("Content-Encoding", "identity").strip().lower() != "identity":
        metrics.webhook_received(upstream, "encoded")
        raise Refused(Reason.UNSUPPORTED_MEDIA_TYPE, "Send the event without Content-Encoding.")
    try:
        return await read_body(request, _MAX_BODY, total=_TOTAL)
    except Refused as refusal:
        if refusal.reason is not Reason.BODY_TOO_LARGE:
            raise
        metrics.webhook_received(upstream, "too_large")
        raise Refused(
            Reason.BODY_TOO_LARGE, f"An event has at most {_MAX_BODY} bytes."
        ) from refusal


def _signature(request: web.Request) -> str | None:
    """The signature header; two of them make one with two timestamps, which is malformed."""
    headers = request.headers.getall("X-OpenRouter-Signature", [])
    return ",".join(headers) if headers else None
