"""A job as the emulated service shows it: on submit, on polls, and its links."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from gateway.sandbox.jobs import Job

API = "/api/v1"


def submitted(job: Job) -> dict[str, Any]:
    """The 202: exactly these three keys were recorded."""
    return {"id": job.id, "polling_url": _polling_url(job), "status": "pending"}


def polled(job: Job, now: float, stored: Mapping[str, Any]) -> dict[str, Any]:
    """The 200 of a poll, keys in recorded order; `stored` speaks of OpenRouter's own copy."""
    status = job.status(now)
    view: dict[str, Any] = {
        "id": job.id,
        "generation_id": job.id,
        "polling_url": _polling_url(job),
        "status": status,
    }
    if status == "completed":
        view |= {"unsigned_urls": content_urls(job), **stored, "usage": usage(job)}
    elif job.ended(now):
        view["error"] = job.error
        if job.cost is not None:
            view["usage"] = usage(job)
    return view


def usage(job: Job) -> dict[str, Any]:
    """The money; a cost that is not known is left out."""
    known = {} if job.cost is None else {"cost": float(job.cost)}
    return {**known, "is_byok": job.is_byok}


def content_urls(job: Job) -> list[str]:
    """Where the outputs are. Called unsigned by the service: they need the key."""
    base = f"{job.origin}{API}/videos/{job.id}/content"
    return [f"{base}?index={index}" for index in range(job.outputs)]


def stored_copy(job: Job, secret: bytes, expires_at: int) -> dict[str, Any]:
    """Signed links that work without a key, and when they stop."""
    return {
        "urls": [
            f"{job.origin}/stored/{job.id}/{index}.mp4?expires={expires_at}"
            f"&signature={link_signature(secret, job.id, index, expires_at)}"
            for index in range(job.outputs)
        ],
        "expires_at": expires_at,
    }


def link_signature(secret: bytes, job_id: str, index: int, expires_at: int) -> str:
    """What makes a link to a stored copy good."""
    message = f"{job_id}/{index}/{expires_at}".encode()
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def _polling_url(job: Job) -> str:
    return f"{job.origin}{API}/videos/{job.id}"
