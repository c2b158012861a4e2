"""Everything that is stored about a job, for operators: never a prompt, a key or a secret URL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gateway.domain.content import Asset
from gateway.domain.decision_record import whole_record
from gateway.domain.job import Job
from gateway.domain.text import origin
from gateway.domain.units import usd_text
from gateway.ports import Row, Transaction
from gateway.store import (
    archivals,
    assets,
    attempts,
    decisions,
    delivery_queries,
    job_queries,
    jobs,
    ledger,
    withdrawals,
)
from gateway.store.delivery_queries import Shown


@dataclass(frozen=True, slots=True)
class JobReport:
    """One job with everything stored about it, from one snapshot."""

    job: Job
    record: Row
    decision: Mapping[str, Any]
    attempts: Sequence[Row]
    ledger: Sequence[Row]
    deliveries: Sequence[Shown]
    assets: Sequence[Asset]
    removals: Sequence[Row]
    withdrawal: withdrawals.Withdrawal | None
    to_archive: Sequence[int]

    def document(self) -> dict[str, Any]:
        """Return JSON values: times in unix seconds, money as decimal dollars, None left out."""
        shown = brief(self.job) | {
            "upstream_id": self.job.upstream_id,
            "request_id": self.job.request_id,
            "dedupe": self.record["dedupe"],
            "config_version": self.record["config_version"],
            "polls": self.record["polls"],
            "next_poll_at": _seconds(self.record["next_poll_at"]),
            "unknown_since": _seconds(self.record["unknown_since"]),
            "decision": self.decision,
            "attempts": [_attempt(row) for row in self.attempts],
            "ledger": [_entry(row) for row in self.ledger],
            "deliveries": [_delivery(one) for one in self.deliveries],
            "content": {
                "stored": [_asset(asset) for asset in self.assets],
                "removed": [_removal(row) for row in self.removals],
                "to_archive": list(self.to_archive),
                "withdrawn": _withdrawal(self.withdrawal),
                "gone": self.job.content_gone,
            },
        }
        return without_none(shown)


def job_report(tx: Transaction, job_id: str) -> JobReport | None:
    """Read everything that is stored about a job; None if there is no such job."""
    job, record = jobs.find(tx, job_id), job_queries.record(tx, job_id)
    if job is None or record is None:
        return None
    return JobReport(
        job=job,
        record=record,
        decision=whole_record(record["decision"], lambda name: decisions.find(tx, name)),
        attempts=attempts.of_job(tx, job),
        ledger=ledger.entries(tx, job_id),
        deliveries=delivery_queries.of_job(tx, job_id),
        assets=assets.of_job(tx, job_id),
        removals=assets.removals(tx, job_id),
        withdrawal=withdrawals.find(tx, job_id),
        to_archive=archivals.waiting(tx, job_id),
    )


def brief(job: Job) -> dict[str, Any]:
    """Return one line of a list of jobs, as JSON values."""
    return without_none(
        {
            "id": job.id,
            "team": job.team,
            "key": job.key,
            "model": job.model,
            "upstream": job.upstream,
            "status": job.status.value,
            "created_at": _seconds(job.created_at),
            "ended_at": _seconds(job.ended_at),
            "cause": None if job.cause is None else job.cause.value,
            "error": job.error,
            "estimate_usd": usd_text(job.estimate_micros),
            "cost_usd": None if job.cost_micros is None else usd_text(job.cost_micros),
            "is_byok": job.is_byok,
            "outputs": job.outputs,
            "zdr": job.zdr,
            "retain": job.retain,
        }
    )


def without_none(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts without those that are None."""
    return {name: value for name, value in facts.items() if value is not None}


def _attempt(row: Row) -> dict[str, Any]:
    return without_none(
        {
            "attempt": row["attempt"],
            "started_at": _seconds(row["started_at"]),
            "outcome": row["outcome"] or "in flight, or its process crashed",
            "detail": row["detail"],
        }
    )


def _entry(row: Row) -> dict[str, Any]:
    return without_none(
        {
            "at": _seconds(row["at"]),
            "kind": row["kind"],
            "window": row["window_id"],
            "reserved_usd": usd_text(row["reserved_delta"]),
            "spent_usd": usd_text(row["spent_delta"]),
            "overrun_usd": usd_text(row["overrun_delta"]),
            "upstream_said": row["raw_cost"],
            "note": row["note"],
            "made_by": row["made_by"],
        }
    )


def _delivery(one: Shown) -> dict[str, Any]:
    return without_none(
        {
            "id": one.id,
            "event": one.event_type,
            "endpoint": one.endpoint,
            # The rest of a client's URL may be secret.
            "origin": None if one.url is None else origin(one.url),
            "state": one.state,
            "attempts_made": one.attempts,
            "next_attempt_at": _seconds(one.next_attempt_at),
            "ended_at": _seconds(one.ended_at),
        }
    )


def _asset(asset: Asset) -> dict[str, Any]:
    return {
        "index": asset.output,
        "store": asset.store,
        "name": asset.name,
        "bytes": asset.size,
        "sha256": asset.sha256,
        "stored_at": _seconds(asset.stored_at),
        "last_used_at": _seconds(asset.last_used_at),
    }


def _removal(row: Row) -> dict[str, Any]:
    return {
        "index": row["output"],
        "store": row["store"],
        "bytes": row["size"],
        "sha256": row["sha256"],
        "stored_at": _seconds(row["stored_at"]),
        "removed_at": _seconds(row["removed_at"]),
        "reason": row["reason"],
        "made_by": row["made_by"],
        "last_copy": bool(row["last_copy"]),
    }


def _withdrawal(withdrawal: withdrawals.Withdrawal | None) -> dict[str, Any] | None:
    if withdrawal is None:
        return None
    return without_none(
        {
            "at": _seconds(withdrawal.withdrawn_at),
            "made_by": withdrawal.made_by,
            "why": withdrawal.why,
        }
    )


def _seconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds // 1000
