"""Store jobs: create, update, lease and end them. `services` combines these into acts."""

from dataclasses import dataclass

from gateway.domain.job import Cause, Job, JobId, Status
from gateway.ports import Transaction, Value
from gateway.store.job_rows import COLUMNS, OPEN, read_job


@dataclass(frozen=True, slots=True)
class NewJob:
    """The columns of a job before it is sent to the upstream."""

    id: JobId
    team: str
    key: str
    upstream: str
    model: str
    created_at: int
    estimate_micros: int
    zdr: bool
    retain: bool
    fingerprint: str
    dedupe: str  # miss, or bypass: a job without a claim on its fingerprint
    profile: str
    token_hash: str
    decision: str
    config_version: str
    request_id: str
    traceparent: str | None
    lease_token: str
    lease_until: int
    canonical_slug: str | None = None
    catalog_micros: int | None = None


def insert(tx: Transaction, job: NewJob) -> Job:
    """Insert a `submitting` job, leased by the process that will send it, and return it.

    Its first attempt has no row in `submit_attempts` unless its outcome is not an acceptance.
    """
    tx.execute(
        """
        INSERT INTO jobs (
          id, team, key_name, upstream, model, status, version, created_at, estimate_micros,
          outputs, content_gone, zdr, retain, fingerprint, dedupe, profile, token_hash, decision,
          config_version, request_id, traceparent, announced, polls, lease_token, lease_until,
          canonical_slug, catalog_micros
        ) VALUES (
          :id, :team, :key, :upstream, :model, 'submitting', 1, :created_at, :estimate,
          0, 0, :zdr, :retain, :fingerprint, :dedupe, :profile, :token_hash, :decision,
          :config_version, :request_id, :traceparent, 0, 0, :lease_token, :lease_until,
          :canonical_slug, :catalog_micros
        )
        """,
        id=job.id,
        team=job.team,
        key=job.key,
        upstream=job.upstream,
        model=job.model,
        created_at=job.created_at,
        estimate=job.estimate_micros,
        zdr=int(job.zdr),
        retain=int(job.retain),
        fingerprint=job.fingerprint,
        dedupe=job.dedupe,
        profile=job.profile,
        token_hash=job.token_hash,
        decision=job.decision,
        config_version=job.config_version,
        request_id=job.request_id,
        traceparent=job.traceparent,
        lease_token=job.lease_token,
        lease_until=job.lease_until,
        canonical_slug=job.canonical_slug,
        catalog_micros=job.catalog_micros,
    )
    return Job(
        id=job.id,
        team=job.team,
        key=job.key,
        upstream=job.upstream,
        upstream_id=None,
        model=job.model,
        status=Status.SUBMITTING,
        version=1,
        created_at=job.created_at,
        ended_at=None,
        cause=None,
        error=None,
        estimate_micros=job.estimate_micros,
        cost_micros=None,
        raw_cost=None,
        is_byok=None,
        outputs=0,
        copy_expires_at=None,
        zdr=job.zdr,
        retain=job.retain,
        request_id=job.request_id,
        traceparent=job.traceparent,
        announced=False,
        content_gone=False,
        profile=job.profile,
        catalog_micros=job.catalog_micros,
        content_missing_since=None,
    )


def newest(
    tx: Transaction, condition: str, params: dict[str, Value], *, order: str, limit: int
) -> list[Job]:
    """Return at most `limit` jobs that meet a condition; both texts are constants of the caller."""
    rows = tx.fetch(
        f"SELECT {COLUMNS} FROM jobs WHERE {condition} ORDER BY {order} LIMIT :limit",
        limit=limit,
        **params,
    )
    return [read_job(row) for row in rows]


def find(tx: Transaction, job_id: str) -> Job | None:
    """Return the job of any team; the caller must check the owner."""
    row = tx.fetchrow(f"SELECT {COLUMNS} FROM jobs WHERE id = :id", id=job_id)
    return None if row is None else read_job(row)


def find_by_token(tx: Transaction, token_hash: str) -> Job | None:
    """Return the job whose correlation token has this hash."""
    row = tx.fetchrow(
        f"SELECT {COLUMNS} FROM jobs WHERE token_hash = :hash",
        hash=token_hash,
    )
    return None if row is None else read_job(row)


def find_by_upstream_id(tx: Transaction, upstream: str, upstream_id: str) -> Job | None:
    """Return the job with this id at the upstream."""
    row = tx.fetchrow(
        f"SELECT {COLUMNS} FROM jobs WHERE upstream = :upstream AND upstream_id = :upstream_id",
        upstream=upstream,
        upstream_id=upstream_id,
    )
    return None if row is None else read_job(row)


def bind(
    tx: Transaction,
    job_id: str,
    upstream_id: str,
    *,
    next_poll_at: int,
    status: Status = Status.PENDING,
) -> Job | None:
    """Record the upstream's id of an accepted job, and return the job.

    None if the job has an id or has ended, or if another job has this id.
    """
    row = tx.fetchrow(
        f"""
        UPDATE jobs
        SET upstream_id = :upstream_id, status = :status, version = version + 1,
            next_poll_at = :next_poll_at, lease_token = NULL, lease_until = NULL
        WHERE id = :id AND upstream_id IS NULL AND status IN ('submitting', 'unknown')
          AND NOT EXISTS (
            SELECT 1 FROM jobs other
            WHERE other.upstream = jobs.upstream AND other.upstream_id = :upstream_id
          )
        RETURNING {COLUMNS}
        """,
        id=job_id,
        upstream_id=upstream_id,
        status=status.value,
        next_poll_at=next_poll_at,
    )
    return None if row is None else read_job(row)


def identify(tx: Transaction, job_id: str, upstream_id: str) -> bool:
    """Record the upstream's id of a job that ended without one; False if it has one."""
    return tx.changed(
        """
        UPDATE jobs SET upstream_id = :upstream_id, version = version + 1
        WHERE id = :id AND upstream_id IS NULL
        """,
        id=job_id,
        upstream_id=upstream_id,
    )


def lose(tx: Transaction, job_id: str, *, now: int) -> bool:
    """Change `submitting` to `unknown` after an indefinite answer; False in other statuses."""
    return tx.changed(
        """
        UPDATE jobs
        SET status = 'unknown', unknown_since = :now, version = version + 1,
            lease_token = NULL, lease_until = NULL
        WHERE id = :id AND status = 'submitting'
        """,
        id=job_id,
        now=now,
    )


def lock_submitting(tx: Transaction, job_id: str) -> bool:
    """Lock the job's row and return whether the job is still `submitting`.

    Only an insert writes `submitting`, so such a job still belongs to the process that created it.
    """
    return tx.changed(
        "UPDATE jobs SET lease_token = lease_token WHERE id = :id AND status = 'submitting'",
        id=job_id,
    )


def announce(tx: Transaction, job_id: str) -> None:
    """Record that a client got the job's id, so that even a refusal must publish an event."""
    tx.execute("UPDATE jobs SET announced = 1 WHERE id = :id", id=job_id)


def lock(tx: Transaction, job_id: str) -> None:
    """Lock the job's row until the transaction ends."""
    tx.execute("UPDATE jobs SET announced = announced WHERE id = :id", id=job_id)


def progress(tx: Transaction, job_id: str, status: Status) -> bool:
    """Move an accepted job between pending and in_progress; False if nothing changes."""
    return tx.changed(
        """
        UPDATE jobs
        SET status = :status, version = version + 1
        WHERE id = :id AND status IN ('pending', 'in_progress') AND status <> :status
        """,
        id=job_id,
        status=status.value,
    )


@dataclass(frozen=True, slots=True)
class Ending:
    """How a job ended. `cost_micros` is the settled amount, `raw_cost` the upstream's digits."""

    status: Status
    cause: Cause
    error: str | None = None
    cost_micros: int | None = None
    raw_cost: str | None = None
    is_byok: bool | None = None
    outputs: int = 0
    copy_expires_at: int | None = None


def end(tx: Transaction, job_id: str, ending: Ending, *, now: int) -> bool:
    """End the job; False if it had already ended."""
    return tx.changed(
        f"""
        UPDATE jobs
        SET status = :status, cause = :cause, error = :error, cost_micros = :cost_micros,
            raw_cost = :raw_cost, is_byok = :is_byok, outputs = :outputs,
            copy_expires_at = :copy_expires_at, ended_at = :now, version = version + 1,
            next_poll_at = NULL, lease_token = NULL, lease_until = NULL
        WHERE id = :id AND {OPEN}
        """,
        id=job_id,
        status=ending.status.value,
        cause=ending.cause.value,
        error=ending.error,
        cost_micros=ending.cost_micros,
        raw_cost=ending.raw_cost,
        is_byok=None if ending.is_byok is None else int(ending.is_byok),
        outputs=ending.outputs,
        copy_expires_at=ending.copy_expires_at,
        now=now,
    )


def revise(
    tx: Transaction, job: Job, cost_micros: int, raw_cost: str | None, *, is_byok: bool | None
) -> bool:
    """Record a later cost of an ended job; False if the row changed since it was read.

    In PostgreSQL the row may change within one transaction, because READ COMMITTED takes a new
    snapshot for each statement.
    """
    return tx.changed(
        """
        UPDATE jobs
        SET cost_micros = :cost_micros, raw_cost = :raw_cost, is_byok = :is_byok,
            version = version + 1
        WHERE id = :id AND version = :version
        """,
        id=job.id,
        version=job.version,
        cost_micros=cost_micros,
        raw_cost=raw_cost,
        is_byok=None if is_byok is None else int(is_byok),
    )
