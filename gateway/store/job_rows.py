"""The columns of a job's row that make a `Job`."""

from gateway.domain.job import Cause, Job, JobId, Status
from gateway.ports import Row

COLUMNS = """
  id, team, key_name, upstream, upstream_id, model, status, version, created_at, ended_at, cause,
  error, estimate_micros, cost_micros, raw_cost, is_byok, outputs, copy_expires_at, zdr, retain,
  request_id, traceparent, announced, content_gone, profile,
  catalog_micros, content_missing_since
"""

OPEN = "status IN ('submitting', 'unknown', 'pending', 'in_progress')"

# This must equal the WHERE text of the index `jobs_undecided`, or SQLite scans the whole table.
UNDECIDED = "status IN ('submitting', 'unknown')"


def read_job(row: Row) -> Job:
    """Return the job of a row with these columns."""
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
