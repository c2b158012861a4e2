"""Check the invariants in the database.

See docs/reliability.md (b), rules that can be checked.

Each check is one query whose rows are violations with their numbers. The queries run on one
snapshot, change nothing, and are the same for both databases.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from gateway.ports import Transaction


@dataclass(frozen=True, slots=True)
class InvariantViolation:
    """One violation of an invariant."""

    rule: str
    subject: str  # a window, job, event or delivery
    found: str


@dataclass(frozen=True, slots=True)
class _Check:
    rule: str
    sql: str  # columns: subject, and the values that show the violation


def violations(
    tx: Transaction, *, limit: int = 100, only: str | None = None
) -> Iterator[InvariantViolation]:
    """Yield violations, at most `limit` for each rule; `only` selects one rule."""
    for check in _CHECKS:
        if only not in (None, check.rule):
            continue
        for row in tx.fetch(f"{check.sql} LIMIT :limit", limit=limit):
            facts = dict(row)
            subject = str(facts.pop("subject"))
            found = ", ".join(f"{name} {value}" for name, value in facts.items())
            yield InvariantViolation(check.rule, subject, found)


def rules() -> tuple[str, ...]:
    """Return the checked rules."""
    return tuple(check.rule for check in _CHECKS)


_CHECKS = (
    _Check(
        "a window's totals are the sums of its entries",
        """
        SELECT w.id AS subject, w.reserved AS reserved, COALESCE(s.reserved, 0) AS reserved_sum,
               w.spent AS spent, COALESCE(s.spent, 0) AS spent_sum,
               w.overrun AS overrun, COALESCE(s.overrun, 0) AS overrun_sum,
               w.estimated AS estimated, COALESCE(s.estimated, 0) AS estimated_sum,
               w.entries AS entries, COALESCE(s.entries, 0) AS entries_counted
        FROM windows w LEFT JOIN (
          SELECT window_id, SUM(reserved_delta) AS reserved, SUM(spent_delta) AS spent,
                 SUM(overrun_delta) AS overrun, COUNT(*) AS entries,
                 SUM(CASE WHEN kind IN ('reserve', 'release') THEN reserved_delta ELSE 0 END)
                   AS estimated
          FROM ledger GROUP BY window_id
        ) s ON s.window_id = w.id
        WHERE w.reserved <> COALESCE(s.reserved, 0) OR w.spent <> COALESCE(s.spent, 0)
           OR w.overrun <> COALESCE(s.overrun, 0) OR w.entries <> COALESCE(s.entries, 0)
           OR w.estimated <> COALESCE(s.estimated, 0)
        """,
    ),
    _Check(
        "at every reservation, spent and reserved together fit under the limit",
        """
        SELECT window_id AS subject, entry, job_id AS job, committed, limit_micros AS limit_was
        FROM (
          SELECT window_id, entry, job_id, kind, limit_micros,
                 SUM(reserved_delta + spent_delta)
                   OVER (PARTITION BY window_id ORDER BY entry) AS committed
          FROM ledger
        ) replayed
        WHERE kind = 'reserve' AND committed > limit_micros
        """,
    ),
    _Check(
        "a job holds its estimate exactly while it is open",
        """
        SELECT j.id AS subject, j.status AS status, j.estimate_micros AS estimate, l.window_id AS w,
               SUM(l.reserved_delta) AS held
        FROM jobs j JOIN ledger l ON l.job_id = j.id
        GROUP BY j.id, j.status, j.estimate_micros, l.window_id
        HAVING SUM(l.reserved_delta) <> CASE
          WHEN j.status IN ('submitting', 'unknown', 'pending', 'in_progress')
          THEN j.estimate_micros ELSE 0 END
        """,
    ),
    _Check(
        "every job has a reservation",
        """
        SELECT j.id AS subject, j.status AS status
        FROM jobs j LEFT JOIN ledger l ON l.job_id = j.id AND l.kind = 'reserve'
        WHERE l.job_id IS NULL
        """,
    ),
    _Check(
        "every reservation belongs to a job",
        """
        SELECT l.job_id AS subject, l.window_id AS w
        FROM ledger l LEFT JOIN jobs j ON j.id = l.job_id
        WHERE l.kind = 'reserve' AND j.id IS NULL
        """,
    ),
    _Check(
        "a reservation is closed once, when its job ends, and not before",
        """
        SELECT j.id AS subject, j.status AS status, r.window_id AS w, COUNT(c.kind) AS closings
        FROM jobs j
        JOIN ledger r ON r.job_id = j.id AND r.kind = 'reserve'
        LEFT JOIN ledger c ON c.job_id = j.id AND c.window_id = r.window_id
          AND c.kind IN ('settle', 'release')
        GROUP BY j.id, j.status, r.window_id
        HAVING COUNT(c.kind) <> CASE
          WHEN j.status IN ('submitting', 'unknown', 'pending', 'in_progress') THEN 0 ELSE 1 END
        """,
    ),
    _Check(
        "per job at most one POST that was not definitely refused",
        """
        SELECT job_id AS subject, COUNT(*) AS posts FROM (
          SELECT job_id FROM submit_attempts
          WHERE outcome IS NULL OR outcome NOT IN ('refused', 'not_sent')
          UNION ALL
          SELECT job_id FROM submit_attempts GROUP BY job_id HAVING MIN(attempt) > 1
        ) AS sent
        GROUP BY job_id HAVING COUNT(*) > 1
        """,
    ),
    _Check(
        "per team and fingerprint at most one open job",
        """
        SELECT MIN(id) AS subject, team, COUNT(*) AS jobs FROM jobs
        WHERE dedupe <> 'bypass'
          AND status IN ('submitting', 'unknown', 'pending', 'in_progress')
        GROUP BY team, fingerprint HAVING COUNT(*) > 1
        """,
    ),
    _Check(
        "a job that ended has one event, an open one none",
        """
        SELECT j.id AS subject, j.status AS status, COUNT(e.id) AS events
        FROM jobs j LEFT JOIN events e ON e.job_id = j.id
        GROUP BY j.id, j.status
        HAVING COUNT(e.id) <> CASE
          WHEN j.status IN ('submitting', 'unknown', 'pending', 'in_progress') THEN 0 ELSE 1 END
        """,
    ),
    _Check(
        "an open job that its upstream took is polled",
        """
        SELECT id AS subject, status FROM jobs
        WHERE status IN ('pending', 'in_progress') AND next_poll_at IS NULL
        """,
    ),
    _Check(
        "a delivered delivery was taken by its endpoint, a pending one is planned",
        """
        SELECT d.id AS subject, d.state AS state, d.attempts AS attempts
        FROM deliveries d
        WHERE (d.state = 'delivered' AND NOT EXISTS (
                SELECT 1 FROM delivery_attempts a
                WHERE a.delivery_id = d.id AND a.status BETWEEN 200 AND 299))
           OR (d.state = 'pending' AND d.next_attempt_at IS NULL)
        """,
    ),
)
