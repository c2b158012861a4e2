"""Body and signature of webhooks (docs/openrouter-contract.md section 7)."""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any

from gateway.sandbox.bodies import content_urls, usage
from gateway.sandbox.jobs import Ending, Job

SIGNATURE_HEADER = "X-OpenRouter-Signature"
IDEMPOTENCY_HEADER = "X-OpenRouter-Idempotency-Key"


def signature(secret: str, timestamp: int, body: bytes) -> str:
    """Return the header's value: an HMAC over the timestamp, one comma and the exact body.

    The key is the secret's text as it is, whatever prefix or encoding it seems to have.
    """
    message = str(timestamp).encode() + b"," + body
    digest = hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def idempotency_key(job: Job) -> str:
    """Return the key that all deliveries of one event share."""
    return f"{job.id}-{job.ending}"


def event_body(job: Job, at: datetime) -> bytes:
    """Return the event of a job's end, as bytes."""
    data: dict[str, Any] = {
        "id": job.id,
        "status": job.ending,
        "generation_id": job.id,
        "model": job.plan.model.id,
    }
    if job.ending == "completed":
        data |= {"unsigned_urls": content_urls(job), "usage": usage(job)}
    else:
        data["error"] = job.error
    return _envelope(job.ending, data, at)


def forged_body(job: Job, at: datetime) -> bytes:
    """Return the event of an attacker who knows the id: the opposite end, at no cost."""
    data: dict[str, Any] = {"id": job.id, "generation_id": job.id, "model": job.plan.model.id}
    ending: Ending = "failed" if job.ending == "completed" else "completed"
    data["status"] = ending
    if ending == "completed":
        data |= {"unsigned_urls": content_urls(job), "usage": {"cost": 0, "is_byok": False}}
    else:
        data["error"] = "Forged by the sandbox"
    return _envelope(ending, data, at)


def _envelope(ending: Ending, data: dict[str, Any], at: datetime) -> bytes:
    created_at = at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
    event = {"type": f"video.generation.{ending}", "created_at": created_at, "data": data}
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
