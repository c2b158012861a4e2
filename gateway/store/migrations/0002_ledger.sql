-- Money: windows of budgets, and the append-only ledger that explains every figure in them.
-- `estimated` is what the jobs were expected to cost that hold or settled money in the window.

CREATE TABLE windows (
  id TEXT PRIMARY KEY,
  budget_id TEXT NOT NULL,
  starts_at BIGINT NOT NULL,
  ends_at BIGINT,
  limit_micros BIGINT NOT NULL,
  reserved BIGINT NOT NULL CHECK (reserved >= 0),
  spent BIGINT NOT NULL CHECK (spent >= 0),
  overrun BIGINT NOT NULL CHECK (overrun >= 0),
  estimated BIGINT NOT NULL CHECK (estimated >= 0),
  entries BIGINT NOT NULL
);

CREATE UNIQUE INDEX windows_by_budget ON windows (budget_id, starts_at);

-- Never updated, never deleted. `carry` is what was spent in the period before the budget existed. `limit_micros` is the limit that a reservation was checked against.
CREATE TABLE ledger (
  window_id TEXT NOT NULL,
  entry BIGINT NOT NULL,
  job_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('carry', 'reserve', 'settle', 'release', 'correct')),
  reserved_delta BIGINT NOT NULL,
  spent_delta BIGINT NOT NULL,
  overrun_delta BIGINT NOT NULL,
  limit_micros BIGINT NOT NULL,
  raw_cost TEXT,
  note TEXT,
  made_by TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (window_id, entry)
);

CREATE UNIQUE INDEX ledger_once ON ledger (job_id, window_id, kind) WHERE kind <> 'correct';

CREATE INDEX ledger_by_job ON ledger (job_id);

-- A threshold of a window that was told; once each.
CREATE TABLE thresholds_told (
  window_id TEXT NOT NULL,
  share TEXT NOT NULL,
  at BIGINT NOT NULL,
  PRIMARY KEY (window_id, share)
);

-- One row a team: locked while its rate and its open jobs are counted.
CREATE TABLE team_locks (
  team TEXT PRIMARY KEY,
  taken BIGINT NOT NULL
);

CREATE TABLE rate_hits (
  team TEXT NOT NULL,
  at BIGINT NOT NULL,
  job_id TEXT NOT NULL,
  PRIMARY KEY (team, at, job_id)
);

CREATE INDEX jobs_open_by_team ON jobs (team)
  WHERE status IN ('submitting', 'unknown', 'pending', 'in_progress');

-- The dearest actual cost of each kind of video, which raises an estimate that proved too low.
CREATE TABLE actual_costs (
  profile TEXT PRIMARY KEY,
  dearest_micros BIGINT NOT NULL,
  jobs BIGINT NOT NULL,
  at BIGINT NOT NULL
);

-- What was decided about requests that never became a job.
CREATE TABLE refusals (
  id TEXT PRIMARY KEY,
  at BIGINT NOT NULL,
  team TEXT NOT NULL,
  key_name TEXT NOT NULL,
  model TEXT NOT NULL,
  reason TEXT NOT NULL,
  decision TEXT NOT NULL,
  request_id TEXT NOT NULL
);

CREATE INDEX refusals_by_time ON refusals (at);

-- What changed between two catalogs of an upstream; values as JSON.
CREATE TABLE catalog_changes (
  upstream TEXT NOT NULL,
  at BIGINT NOT NULL,
  number BIGINT NOT NULL,
  kind TEXT NOT NULL,
  model TEXT NOT NULL,
  field TEXT NOT NULL,
  before_value TEXT NOT NULL,
  after_value TEXT NOT NULL,
  PRIMARY KEY (upstream, at, number)
);
