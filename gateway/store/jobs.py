"""Store jobs: create, update, lease and end them. `services` combines these into acts."""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.job import Cause, Job, JobId, Status
from gateway.ports import Row, Transaction, Value

_COLUMNS = """
  id, team, key_name, upstream, upstream_id, model, status, version, created_at, ended_at, cause,
  error, estimate_micros, cost_micros, raw_cost, is_byok, outputs, copy_expires_at, zdr, retain,
  request_id, traceparent, announced, content_gone, profile,
  catalog_micros, content_missing_since
"""

_OPEN = "status IN ('submitting', 'unknown', 'pending', 'in_progress')"

# This must equal the WHERE text of the index `jobs_undecided`, or SQLite scans the whole table.
_UNDECIDED = "status IN ('submitting', 'unknown')"


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
        f"SELECT {_COLUMNS} FROM jobs WHERE {condition} ORDER BY {order} LIMIT :limit",
        limit=limit,
        **params,
    )
    return [_job(row) for row in rows]


def find(tx: Transaction, job_id: str) -> Job | None:
    """Return the job of any team; the caller must check the owner."""
    row = tx.fetchrow(f"SELECT {_COLUMNS} FROM jobs WHERE id = :id", id=job_id)
    return None if row is None else _job(row)


def find_by_token(tx: Transaction, token_hash: str) -> Job | None:
    """Return the job whose correlation token has this hash."""
    row = tx.fetchrow(
        f"SELECT {_COLUMNS} FROM jobs WHERE token_hash = :hash",
        hash=token_hash,
    )
    return None if row is None else _job(row)


def find_by_upstream_id(tx: Transaction, upstream: str, upstream_id: str) -> Job | None:
    """Return the job with this id at the upstream."""
    row = tx.fetchrow(
        f"SELECT {_COLUMNS} FROM jobs WHERE upstream = :upstream AND upstream_id = :upstream_id",
        upstream=upstream,
        upstream_id=upstream_id,
    )
    return None if row is None else _job(row)


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
        RETURNING {_COLUMNS}
        """,
        id=job_id,
        upstream_id=upstream_id,
        status=status.value,
        next_poll_at=next_poll_at,
    )
    return None if row is None else _job(row)


def identify(tx: Transaction, job_id: str, upstream_id: str) -> bool:
    """Record the upstream's id of a job that ended without one; False if it has one."""
    return (
        tx.execute(
            """
            UPDATE jobs SET upstream_id = :upstream_id, version = version + 1
            WHERE id = :id AND upstream_id IS NULL
            """,
            id=job_id,
            upstream_id=upstream_id,
        )
        == 1
    )


def lose(tx: Transaction, job_id: str, *, now: int) -> bool:
    """Change `submitting` to `unknown` after an indefinite answer; False in other statuses."""
    return (
        tx.execute(
            """
            UPDATE jobs
            SET status = 'unknown', unknown_since = :now, version = version + 1,
                lease_token = NULL, lease_until = NULL
            WHERE id = :id AND status = 'submitting'
            """,
            id=job_id,
            now=now,
        )
        == 1
    )


def last_attempt_refused(tx: Transaction, job_id: str) -> bool:
    """Return whether the job's last attempt is recorded as refused or not sent."""
    row = tx.fetchrow(
        """
        SELECT outcome FROM submit_attempts WHERE job_id = :job_id ORDER BY attempt DESC LIMIT 1
        """,
        job_id=job_id,
    )
    return row is not None and row["outcome"] in ("refused", "not_sent")


def hold_submitting(tx: Transaction, job_id: str) -> bool:
    """Lock the job's row and return whether the job is still `submitting`.

    Only an insert writes `submitting`, so such a job still belongs to the process that created it.
    """
    return (
        tx.execute(
            "UPDATE jobs SET lease_token = lease_token WHERE id = :id AND status = 'submitting'",
            id=job_id,
        )
        == 1
    )


def announce(tx: Transaction, job_id: str) -> None:
    """Record that a client got the job's id, so that even a refusal must publish an event."""
    tx.execute("UPDATE jobs SET announced = 1 WHERE id = :id", id=job_id)


def hold(tx: Transaction, job_id: str) -> None:
    """Lock the job's row until the transaction ends."""
    tx.execute("UPDATE jobs SET announced = announced WHERE id = :id", id=job_id)


def progress(tx: Transaction, job_id: str, status: Status) -> bool:
    """Move an accepted job between pending and in_progress; False if nothing changes."""
    return (
        tx.execute(
            """
            UPDATE jobs
            SET status = :status, version = version + 1
            WHERE id = :id AND status IN ('pending', 'in_progress') AND status <> :status
            """,
            id=job_id,
            status=status.value,
        )
        == 1
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
    return (
        tx.execute(
            f"""
            UPDATE jobs
            SET status = :status, cause = :cause, error = :error, cost_micros = :cost_micros,
                raw_cost = :raw_cost, is_byok = :is_byok, outputs = :outputs,
                copy_expires_at = :copy_expires_at, ended_at = :now, version = version + 1,
                next_poll_at = NULL, lease_token = NULL, lease_until = NULL
            WHERE id = :id AND {_OPEN}
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
        == 1
    )


def revise(
    tx: Transaction, job: Job, cost_micros: int, raw_cost: str | None, *, is_byok: bool | None
) -> bool:
    """Record a later cost of an ended job; False if the row changed since it was read.

    In PostgreSQL the row may change within one transaction, because READ COMMITTED takes a new
    snapshot for each statement.
    """
    return (
        tx.execute(
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
        == 1
    )


def lose_content(tx: Transaction, job_id: str) -> bool:
    """Record that the job's video is permanently gone; False if that is already recorded."""
    return (
        tx.execute(
            """
            UPDATE jobs SET content_gone = 1, version = version + 1
            WHERE id = :id AND content_gone = 0
            """,
            id=job_id,
        )
        == 1
    )


def regain_content(tx: Transaction, job_id: str) -> bool:
    """Record that the job's video is available again; False if it was not recorded as gone."""
    return (
        tx.execute(
            """
            UPDATE jobs SET content_gone = 0, version = version + 1
            WHERE id = :id AND content_gone = 1
            """,
            id=job_id,
        )
        == 1
    )


def mark_content_missing(tx: Transaction, job_id: str, *, now: int) -> None:
    """Record since when the upstream does not have the job's video."""
    tx.execute(
        """
        UPDATE jobs SET content_missing_since = :now, version = version + 1
        WHERE id = :id AND content_missing_since IS NULL
        """,
        id=job_id,
        now=now,
    )


def mark_content_found(tx: Transaction, job_id: str) -> None:
    """Record that the upstream has the job's video."""
    tx.execute(
        """
        UPDATE jobs SET content_missing_since = NULL, version = version + 1
        WHERE id = :id AND content_missing_since IS NOT NULL
        """,
        id=job_id,
    )


def start_attempt(tx: Transaction, job_id: str, attempt: int, *, now: int) -> None:
    """Record that the job is about to be sent again, before the connection is made.

    The first attempt is recorded by the insertion of the job.
    """
    tx.execute(
        """
        INSERT INTO submit_attempts (job_id, attempt, started_at)
        VALUES (:job_id, :attempt, :now)
        """,
        job_id=job_id,
        attempt=attempt,
        now=now,
    )


def finish_attempt(
    tx: Transaction, job: Job, attempt: int, outcome: str, detail: str | None
) -> None:
    """Record the outcome of an attempt: accepted, refused, not_sent or unknown.

    A first attempt that was accepted needs no row: the job has the upstream's id.
    """
    if attempt == 1 and outcome == "accepted":
        return
    tx.execute(
        """
        INSERT INTO submit_attempts (job_id, attempt, started_at, outcome, detail)
        VALUES (:job_id, :attempt, :started_at, :outcome, :detail)
        ON CONFLICT (job_id, attempt) DO UPDATE SET outcome = :outcome, detail = :detail
        """,
        job_id=job.id,
        attempt=attempt,
        started_at=job.created_at,
        outcome=outcome,
        detail=detail,
    )


def attempts(tx: Transaction, job: Job) -> Sequence[Row]:
    """Return every attempt to submit the job, in order, including a first one without a row."""
    rows = tx.fetch(
        """
        SELECT attempt, started_at, outcome, detail FROM submit_attempts
        WHERE job_id = :job_id ORDER BY attempt
        """,
        job_id=job.id,
    )
    if rows and rows[0]["attempt"] == 1:
        return rows
    first = {
        "attempt": 1,
        "started_at": job.created_at,
        "outcome": None if job.upstream_id is None else "accepted",
        "detail": None,
    }
    return [first, *rows]


@dataclass(frozen=True, slots=True)
class PollLease:
    """A job that this holder may poll until the lease expires; `token` fences its writes."""

    job: Job
    token: str
    polls: int
    missing_since: int | None = None
    """Since when the upstream does not know the job, in epoch milliseconds."""


def poll_due(tx: Transaction, *, now: int) -> bool:
    """Return whether any poll is due and not leased."""
    row = tx.fetchrow(
        """
        SELECT id FROM jobs
        WHERE next_poll_at <= :now AND (lease_until IS NULL OR lease_until <= :now)
        LIMIT 1
        """,
        now=now,
    )
    return row is not None


def upstreams_due(tx: Transaction, *, now: int) -> list[str]:
    """Return every upstream, configured or not, with a poll that is due and not leased.

    The empty string keeps SQLite from reading the whole index of upstreams to find distinct ones.
    """
    rows = tx.fetch(
        """
        SELECT DISTINCT upstream || '' AS upstream FROM jobs
        WHERE next_poll_at <= :now AND (lease_until IS NULL OR lease_until <= :now)
        """,
        now=now,
    )
    return sorted(row["upstream"] for row in rows)


def lease_polls(
    tx: Transaction,
    *,
    now: int,
    until: int,
    token: str,
    limit: int,
    upstream: str | None = None,
) -> list[PollLease]:
    """Lease up to `limit` jobs, of one upstream or any, whose poll is due and not leased."""
    of_one = "" if upstream is None else "AND upstream = :upstream"
    named = {} if upstream is None else {"upstream": upstream}
    rows = tx.fetch(
        f"""
        UPDATE jobs SET lease_token = :token, lease_until = :until
        WHERE id IN (
          SELECT id FROM jobs
          WHERE next_poll_at <= :now AND (lease_until IS NULL OR lease_until <= :now) {of_one}
          ORDER BY next_poll_at
          LIMIT :limit
          {tx.skip_locked}
        )
        RETURNING {_COLUMNS}, polls, missing_since
        """,
        now=now,
        until=until,
        token=token,
        limit=limit,
        **named,
    )
    return [PollLease(_job(row), token, row["polls"], row["missing_since"]) for row in rows]


def reschedule(tx: Transaction, lease: PollLease, *, next_poll_at: int) -> bool:
    """Schedule the next poll and release the lease; False if the lease was lost."""
    return (
        tx.execute(
            """
            UPDATE jobs
            SET next_poll_at = :next_poll_at, polls = polls + 1,
                lease_token = NULL, lease_until = NULL
            WHERE id = :id AND lease_token = :token AND next_poll_at IS NOT NULL
            """,
            id=lease.job.id,
            token=lease.token,
            next_poll_at=next_poll_at,
        )
        == 1
    )


def mark_missing(tx: Transaction, job_id: str, *, now: int) -> None:
    """Record since when the upstream does not know the job."""
    tx.execute(
        "UPDATE jobs SET missing_since = :now WHERE id = :id AND missing_since IS NULL",
        id=job_id,
        now=now,
    )


def mark_found(tx: Transaction, job_id: str) -> None:
    """Record that the upstream knows the job."""
    tx.execute("UPDATE jobs SET missing_since = NULL WHERE id = :id", id=job_id)


def poll_soon(tx: Transaction, job_id: str, *, now: int) -> None:
    """Make the next poll due now, after a hint; a job without a scheduled poll stays unchanged."""
    tx.execute(
        """
        UPDATE jobs SET next_poll_at = :now
        WHERE id = :id AND next_poll_at IS NOT NULL AND next_poll_at > :now
        """,
        id=job_id,
        now=now,
    )


def orphans(tx: Transaction, *, now: int) -> list[JobId]:
    """Return the jobs that are `submitting` although their lease expired."""
    rows = tx.fetch(
        f"""
        SELECT id FROM jobs
        WHERE {_UNDECIDED} AND status = 'submitting' AND lease_until <= :now
        """,
        now=now,
    )
    return [JobId(row["id"]) for row in rows]


def unresolved(tx: Transaction, upstream: str, *, since: int) -> list[Job]:
    """Return one upstream's jobs that have been `unknown` since `since` or earlier."""
    rows = tx.fetch(
        f"""
        SELECT {_COLUMNS} FROM jobs
        WHERE {_UNDECIDED} AND status = 'unknown'
          AND upstream = :upstream AND unknown_since <= :since
        """,
        upstream=upstream,
        since=since,
    )
    return [_job(row) for row in rows]


def upstreams_of_unresolved(tx: Transaction) -> set[str]:
    """Return every upstream, configured or not, that has an `unknown` job."""
    rows = tx.fetch(f"SELECT DISTINCT upstream FROM jobs WHERE {_UNDECIDED} AND status = 'unknown'")
    return {row["upstream"] for row in rows}


def void_leases(tx: Transaction, *, now: int) -> None:
    """End every lease. Only for the start of a process that is the database's only user.

    Two statements, because a leased job either is being submitted or is polled, and each kind has
    a partial index.
    """
    for leased in (_UNDECIDED, "next_poll_at IS NOT NULL"):
        tx.execute(
            f"UPDATE jobs SET lease_until = :now WHERE {leased} AND lease_until > :now", now=now
        )


def _job(row: Row) -> Job:
    return Job(
        id=JobId(row["id"]),
        team=row["team"],
        key=row["key_name"],
        upstream=row["upstream"],
        upstream_id=row["upstream_id"],
        model=row["model"],
        status=Status(row["status"]),
        version=row["version"],
        created_at=row["created_at"],
        ended_at=row["ended_at"],
        cause=None if row["cause"] is None else Cause(row["cause"]),
        error=row["error"],
        estimate_micros=row["estimate_micros"],
        cost_micros=row["cost_micros"],
        raw_cost=row["raw_cost"],
        is_byok=None if row["is_byok"] is None else bool(row["is_byok"]),
        outputs=row["outputs"],
        copy_expires_at=row["copy_expires_at"],
        zdr=bool(row["zdr"]),
        retain=bool(row["retain"]),
        request_id=row["request_id"],
        traceparent=row["traceparent"],
        announced=bool(row["announced"]),
        content_gone=bool(row["content_gone"]),
        profile=row["profile"],
        catalog_micros=row["catalog_micros"],
        content_missing_since=row["content_missing_since"],
    )
