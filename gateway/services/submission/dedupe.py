"""One paid generation per identical request: find the job that a submit joins."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Cause, Job, JobId, Status
from gateway.ports import Transaction
from gateway.store import dedupe, jobs

KEY_LIFETIME_MS = 24 * 3600 * 1000  # how long an Idempotency-Key refers to the same job


class DedupeResult(StrEnum):
    """`X-Gateway-Dedupe`: whether a submit joined an identical earlier one."""

    MISS = "miss"  # there is none: a new job
    JOINED = "joined"  # joined a running job
    HIT = "hit"  # joined a completed job
    BYPASS = "bypass"  # no search: the request asked for a new job, or the team's dedupe is off


@dataclass(frozen=True, slots=True)
class Identity:
    """What identifies a submit. `ttl_ms`: how long after its submission a job can be joined."""

    team: str
    fingerprint: str
    ttl_ms: int
    bypass: bool = False
    key_hash: str | None = None


def hash_idempotency_key(key: str) -> str:
    """Return the hash of a client's Idempotency-Key, which is what the gateway stores."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def join(tx: Transaction, identity: Identity, job_id: JobId, *, now: int) -> Job | None:
    """Return the job that this submit joins, or None after claiming the request for `job_id`.

    After None the caller must write the job `job_id` in the same transaction.

    Raises:
        Refused: IDEMPOTENCY_CONFLICT (422): the key was used for another request.

    """
    held = _by_key(tx, identity, job_id, now) if identity.key_hash is not None else None
    if held is not None:
        return held
    if identity.bypass:
        return None
    holder = dedupe.claim(tx, identity.team, identity.fingerprint, job_id)
    if holder is None:
        return None
    job = _held(tx, holder)
    if job is not None and worth_joining(job, identity.ttl_ms, now):
        dedupe.move_keys(tx, job_id, job.id)
        return job
    if dedupe.take_over(tx, identity.team, identity.fingerprint, holder, job_id):
        return None
    return join(tx, identity, job_id, now=now)  # another job just took the claim over: join it


def worth_joining(job: Job, ttl_ms: int, now: int) -> bool:
    """Return whether an identical request may join this job: running, or completed with a video.

    A running job can be joined at any age, so that nothing is bought twice at the same time.
    """
    if not job.status.terminal:
        return True
    fresh = now - job.created_at < ttl_ms
    return fresh and job.status is Status.COMPLETED and not job.content_gone


def _held(tx: Transaction, job_id: JobId) -> Job | None:
    """Lock the job's row until the transaction ends, and return the job.

    Marking the job as announced, because a client will get its id, takes the lock.
    """
    jobs.announce(tx, job_id)
    return jobs.find(tx, job_id)


def _by_key(tx: Transaction, identity: Identity, job_id: JobId, now: int) -> Job | None:
    key_hash = identity.key_hash or ""
    claim = dedupe.claim_key(tx, identity.team, key_hash, identity.fingerprint, job_id, now=now)
    if claim is None or claim.job_id == job_id:
        return None
    if now - claim.created_at < KEY_LIFETIME_MS:
        if claim.fingerprint != identity.fingerprint:
            raise Refused(
                Reason.IDEMPOTENCY_CONFLICT,
                "This Idempotency-Key was used for another request. Use a new key for a new"
                " request, or send the same request again.",
                {"job": claim.job_id},
            )
        job = _held(tx, claim.job_id)
        if job is not None and job.cause is not Cause.REFUSED:
            return job
    dedupe.drop_key(tx, identity.team, key_hash, claim.job_id)
    return _by_key(tx, identity, job_id, now)
