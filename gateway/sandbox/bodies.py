"""JSON of a job as the emulated service returns it, and its links."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from gateway.sandbox.jobs import Job

API = "/api/v1"


def submitted(job: Job) -> dict[str, Any]:
    """Return the body of the 202: exactly the three recorded keys."""
    return {"id": job.id, "polling_url": _polling_url(job), "status": "pending"}


def polled(job: Job, now: float, stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body of a poll, keys in the recorded order; `stored`: links to stored copies."""
    status = job.status(now)
    document: dict[str, Any] = {
        "id": job.id,
        "generation_id": job.id,
        "polling_url": _polling_url(job),
        "status": status,
    }
    if status == "completed":
        document |= {"unsigned_urls": content_urls(job), **stored, "usage": usage(job)}
    elif job.ended(now):
        document["error"] = job.error
        if job.cost is not None:
            document["usage"] = usage(job)
    return document


def usage(job: Job) -> dict[str, Any]:
    """Return the usage; an unknown cost is omitted."""
    known = {} if job.cost is None else {"cost": float(job.cost)}
    return {**known, "is_byok": job.is_byok}


def content_urls(job: Job) -> list[str]:
    """Return the content URLs, which need the key; the service calls them `unsigned_urls`."""
    base = f"{job.origin}{API}/videos/{job.id}/content"
    return [f"{base}?index={index}" for index in range(job.outputs)]


def stored_copy(job: Job, secret: bytes, expires_at: int) -> dict[str, Any]:
    """Return signed links that need no key, and their expiry."""
    return {
        "urls": [
            f"{job.origin}/stored/{job.id}/{index}.mp4?expires={expires_at}"
            f"&signature={link_signature(secret, job.id, index, expires_at)}"
            for index in range(job.outputs)
        ],
        "expires_at": expires_at,
    }


def link_signature(secret: bytes, job_id: str, index: int, expires_at: int) -> str:
    """Return the signature of a link to a stored copy."""
    message = f"{job_id}/{index}/{expires_at}".encode()
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def _polling_url(job: Job) -> str:
    return f"{job.origin}{API}/videos/{job.id}"
