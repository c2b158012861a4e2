"""Count unfinished work for metrics. Every replica runs these queries at each scrape.

Each query reads an index of unfinished rows only, so finished rows cost nothing (a million jobs and
deliveries: a few milliseconds, tests/store/test_counts.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.ports import Transaction


@dataclass(frozen=True, slots=True)
class OpenCount:
    """The open jobs of one team, upstream and status; `oldest` is in epoch ms."""

    team: str
    upstream: str
    status: str
    jobs: int
    oldest: int


def open_jobs(tx: Transaction) -> Sequence[OpenCount]:
    """Return the number and the oldest of open jobs by team, upstream and status."""
    rows = tx.fetch(
        """
        SELECT team, upstream, status, COUNT(*) AS jobs, MIN(created_at) AS oldest
        FROM jobs
        WHERE status IN ('submitting', 'unknown', 'pending', 'in_progress')
        GROUP BY team, upstream, status
        """
    )
    return [OpenCount(**dict(row)) for row in rows]


@dataclass(frozen=True, slots=True)
class UndeliveredCount:
    """The pending or dead deliveries of one endpoint; `oldest` is in epoch ms."""

    endpoint: str
    state: str
    deliveries: int
    oldest: int


def undelivered(tx: Transaction) -> Sequence[UndeliveredCount]:
    """Return the number and the oldest of pending and dead deliveries by endpoint."""
    rows = tx.fetch(
        """
        SELECT endpoint, state, COUNT(*) AS deliveries, MIN(created_at) AS oldest
        FROM deliveries
        WHERE state <> 'delivered'
        GROUP BY endpoint, state
        """
    )
    return [UndeliveredCount(**dict(row)) for row in rows]
