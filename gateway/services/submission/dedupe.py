"""One paid generation per identical request: which job a submit joins, as acts."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.errors import Reason, Refused
from gateway.domain.job import Cause, Job, JobId, Status
from gateway.ports import Transaction
from gateway.store import dedupe, jobs

KEY_LIFETIME_MS = 24 * 3600 * 1000  # how long an Idempotency-Key means the same job


class DedupeResult(StrEnum):
    """`X-Gateway-Dedupe`: how a submit met the identical ones before it."""

    MISS = "miss"  # none: a job of its own
    JOINED = "joined"  # one that is still running
    HIT = "hit"  # one that is done
    BYPASS = "bypass"  # not looked for: asked for a fresh take, or the team's dedupe is off


@dataclass(frozen=True, slots=True)
class Identity:
    """What a submit is recognised by. `ttl_ms`: how long after its submission a job is joined."""

    team: str
    fingerprint: str
    ttl_ms: int
    bypass: bool = False
    key_hash: str | None = None


def hash_idempotency_key(key: str) -> str:
    """The form in which a client's Idempotency-Key is kept."""
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()


def join(tx: Transaction, identity: Identity, job_id: JobId, *, now: int) -> Job | None:
    """The job that this submit is, or None: then `job_id` holds the claims and must be written.

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
    return join(tx, identity, job_id, now=now)  # another took it over a moment ago: join that one


def worth_joining(job: Job, ttl_ms: int, now: int) -> bool:
    """Whether an identical request may have this job: running, or done with its video to be had.

    One that runs is joined however old it is: nothing is bought twice at the same time.
    """
    if not job.status.terminal:
        return True
    fresh = now - job.created_at < ttl_ms
    return fresh and job.status is Status.COMPLETED and not job.content_gone


def _held(tx: Transaction, job_id: JobId) -> Job | None:
    """The job as it will stay until this transaction ends: who would end it waits for that.

    Somebody will be given its id, and it is marked so; that is what holds its row.
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
