"""What operators watch, counted in the shared database: cheap, for every replica asks at a scrape.

Each statement reads an index that holds only what is unfinished, so that what is done and kept
costs nothing (a million jobs and deliveries: a few milliseconds, tests/store/test_observe.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.ports import Transaction


@dataclass(frozen=True, slots=True)
class OpenCount:
    """Open jobs of one team, upstream and status; `oldest` is in epoch ms."""

    team: str
    upstream: str
    status: str
    jobs: int
    oldest: int


def open_jobs(tx: Transaction) -> Sequence[OpenCount]:
    """How many jobs are not at their end, and since when."""
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
    """What one endpoint did not take yet (`pending`) or never took (`dead`)."""

    endpoint: str
    state: str
    deliveries: int
    oldest: int


def undelivered(tx: Transaction) -> Sequence[UndeliveredCount]:
    """How much is owed to each endpoint and was given up, and since when."""
    rows = tx.fetch(
        """
        SELECT endpoint, state, COUNT(*) AS deliveries, MIN(created_at) AS oldest
        FROM deliveries
        WHERE state <> 'delivered'
        GROUP BY endpoint, state
        """
    )
    return [UndeliveredCount(**dict(row)) for row in rows]
