"""Store the jobs whose videos an operator withdrew."""

from dataclasses import dataclass

from gateway.ports import Transaction


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """Who withdrew a job's videos, when (epoch ms), and why."""

    job_id: str
    withdrawn_at: int
    made_by: str
    why: str | None


def add(tx: Transaction, withdrawal: Withdrawal) -> bool:
    """Store a withdrawal; False if the job's videos were already withdrawn."""
    return tx.changed(
        """
        INSERT INTO withdrawals (job_id, withdrawn_at, made_by, why)
        VALUES (:job_id, :withdrawn_at, :made_by, :why) ON CONFLICT DO NOTHING
        """,
        job_id=withdrawal.job_id,
        withdrawn_at=withdrawal.withdrawn_at,
        made_by=withdrawal.made_by,
        why=withdrawal.why,
    )


def find(tx: Transaction, job_id: str) -> Withdrawal | None:
    """Return the withdrawal of a job's videos."""
    row = tx.fetchrow(
        "SELECT job_id, withdrawn_at, made_by, why FROM withdrawals WHERE job_id = :job_id",
        job_id=job_id,
    )
    return None if row is None else Withdrawal(**dict(row))
