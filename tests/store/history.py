"""A database with a long history: many ended jobs, with their money, events and deliveries."""

from gateway.ports import Database, Transaction

FIRST = 1_700_000_000_000  # epoch ms of the first job
STEP = 34_560  # ms between two jobs: a million jobs fill 400 days
TEAMS = 7

_NUMBERS = """
WITH RECURSIVE numbers (n) AS (
  SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n < :rows
)
"""

# Of a thousand jobs 980 completed, 18 failed, one was cancelled and one is open.
_JOBS = f"""
INSERT INTO jobs (
  id, team, key_name, upstream, upstream_id, model, status, version, created_at, ended_at, cause,
  estimate_micros, cost_micros, outputs, content_gone, zdr, retain, fingerprint, dedupe, profile,
  token_hash, decision, config_version, request_id, announced, polls, next_poll_at
)
{_NUMBERS}
SELECT 'gen-vid-' || ({FIRST} + n * {STEP}) || '-' || n, 'team-' || (n % {TEAMS}), 'ci', 'main',
       'up-' || n, 'x/one',
       CASE WHEN n % 1000 = 1 THEN 'cancelled' WHEN n % 1000 = 2 THEN 'pending'
            WHEN n % 55 = 3 THEN 'failed' ELSE 'completed' END,
       3, {FIRST} + n * {STEP},
       CASE WHEN n % 1000 = 2 THEN NULL ELSE {FIRST} + n * {STEP} + 60000 END,
       CASE WHEN n % 1000 = 2 THEN NULL ELSE 'upstream' END,
       200000, CASE WHEN n % 1000 = 2 THEN NULL ELSE 150000 END, 1, 0, 0, 1, 'f' || n, 'miss',
       'main|x/one|5|720p', 't' || n, '{{"rules": []}}', '1', 'r' || n, 1, 3,
       CASE WHEN n % 1000 = 2 THEN {FIRST} + n * {STEP} + 5000 ELSE NULL END
FROM numbers
"""

# Each job counts in a window of its team and a window of the organisation, both `total`.
_WINDOWS = """
INSERT INTO windows (
  id, budget_id, starts_at, ends_at, limit_micros, reserved, spent, overrun, estimated, entries
)
SELECT window_id, window_id, 0, NULL, 1000000000000000, SUM(reserved_delta), SUM(spent_delta), 0,
       SUM(CASE WHEN kind = 'reserve' THEN reserved_delta ELSE 0 END), COUNT(*)
FROM ledger GROUP BY window_id
"""

_LEDGER = """
INSERT INTO ledger (
  window_id, entry, job_id, kind, reserved_delta, spent_delta, overrun_delta, limit_micros,
  made_by, at
)
SELECT w, ROW_NUMBER() OVER (PARTITION BY w ORDER BY at, job_id), job_id, kind,
       CASE WHEN kind = 'reserve' THEN 200000 ELSE -200000 END,
       CASE WHEN kind = 'reserve' THEN 0 ELSE 150000 END, 0, 1000000000000000, 'gateway', at
FROM (
  SELECT team || '/total' AS w, id AS job_id, 'reserve' AS kind, created_at AS at FROM jobs
  UNION ALL
  SELECT 'organisation/total', id, 'reserve', created_at FROM jobs
  UNION ALL
  SELECT team || '/total', id, 'settle', ended_at FROM jobs WHERE ended_at IS NOT NULL
  UNION ALL
  SELECT 'organisation/total', id, 'settle', ended_at FROM jobs WHERE ended_at IS NOT NULL
) entries
"""

_EVENTS = """
INSERT INTO events (id, type, created_at, team, job_id, idempotency_key, body)
SELECT 'evt-' || id, 'video.generation.' || status, ended_at, team, id, id, '{}'
FROM jobs WHERE ended_at IS NOT NULL
"""

# A hundred lanes; one of a thousand deliveries is dead, one is pending.
_DELIVERIES = """
INSERT INTO deliveries (
  id, event_id, endpoint, lane, state, attempts, schedule_from, created_at, next_attempt_at,
  ended_at
)
SELECT 'd-' || id, id, 'hook-' || ((created_at / 1000) % 100),
       'hook hook-' || ((created_at / 1000) % 100),
       CASE WHEN created_at % 1000 = 0 AND created_at % 3 = 0 THEN 'dead' ELSE 'delivered' END,
       1, 0, created_at, NULL, created_at + 500
FROM events
"""

_ATTEMPTS = """
INSERT INTO delivery_attempts (delivery_id, attempt, at, status, latency_ms, detail, answer)
SELECT id, 1, created_at, CASE WHEN state = 'dead' THEN 500 ELSE 200 END, 9, '', '' FROM deliveries
"""

_OTHERS = (
    (
        "INSERT INTO submit_attempts (job_id, attempt, started_at, outcome)"
        " SELECT id, 1, created_at, 'accepted' FROM jobs"
    ),
    (
        "INSERT INTO fingerprints (team, fingerprint, job_id)"
        " SELECT team, fingerprint, id FROM jobs WHERE status = 'completed'"
    ),
    (
        "INSERT INTO refusals (id, at, team, key_name, model, reason, decision, request_id)"
        " SELECT 'no-' || id, created_at, team, 'ci', model, 'budget_exceeded', '{}', request_id"
        " FROM jobs"
    ),
    (
        "INSERT INTO assets"
        " (name, job_id, output, store, team, size, sha256, stored_at, last_used_at)"
        " SELECT 'a-' || id, id, 0, 's', team, 5000000, 'x', ended_at, ended_at FROM jobs"
        " WHERE status = 'completed'"
    ),
    (
        "INSERT INTO inbox (upstream, body_sha256, upstream_id, idempotency_key, job_id, type,"
        " received_at) SELECT upstream, 'b' || id, upstream_id, id, id, 'completed', ended_at"
        " FROM jobs WHERE ended_at IS NOT NULL"
    ),
)


async def fill(database: Database, jobs: int) -> None:
    """Write the history of `jobs` jobs; the database must be empty."""

    def act(tx: Transaction) -> None:
        tx.execute(_JOBS, rows=jobs)
        for statement in (_LEDGER, _WINDOWS, _EVENTS, _DELIVERIES, _ATTEMPTS, *_OTHERS):
            tx.execute(statement)

    await database.write(act)
