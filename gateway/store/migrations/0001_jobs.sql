-- Jobs, the attempts to submit them, what makes two of them identical; settings, keys, catalogs.
-- TEXT and BIGINT only: money in micro-dollars, times in epoch milliseconds, booleans as 0 and 1.

CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  team TEXT NOT NULL,
  key_name TEXT NOT NULL,
  upstream TEXT NOT NULL,
  upstream_id TEXT,
  model TEXT NOT NULL,
  status TEXT NOT NULL,
  version BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  ended_at BIGINT,
  unknown_since BIGINT,
  cause TEXT,
  error TEXT,
  estimate_micros BIGINT NOT NULL,
  cost_micros BIGINT,
  raw_cost TEXT,
  is_byok BIGINT,
  outputs BIGINT NOT NULL,
  copy_expires_at BIGINT,
  content_gone BIGINT NOT NULL,
  zdr BIGINT NOT NULL,
  retain BIGINT NOT NULL,
  fingerprint TEXT NOT NULL,
  dedupe TEXT NOT NULL,
  profile TEXT NOT NULL,
  token_hash TEXT NOT NULL,
  decision TEXT NOT NULL,
  config_version TEXT NOT NULL,
  request_id TEXT NOT NULL,
  traceparent TEXT,
  announced BIGINT NOT NULL,
  polls BIGINT NOT NULL,
  next_poll_at BIGINT,
  lease_token TEXT,
  lease_until BIGINT
);

CREATE INDEX jobs_by_team ON jobs (team, created_at);

CREATE UNIQUE INDEX jobs_by_upstream_id ON jobs (upstream, upstream_id);

CREATE UNIQUE INDEX jobs_by_token ON jobs (token_hash);

CREATE INDEX jobs_to_poll ON jobs (next_poll_at) WHERE next_poll_at IS NOT NULL;

CREATE INDEX jobs_undecided ON jobs (status, created_at) WHERE status IN ('submitting', 'unknown');

-- One POST to the upstream each; the row is committed before the connection is made.
CREATE TABLE submit_attempts (
  job_id TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  started_at BIGINT NOT NULL,
  outcome TEXT,
  detail TEXT,
  PRIMARY KEY (job_id, attempt)
);

-- At most one job per team and fingerprint: the row is the claim.
CREATE TABLE fingerprints (
  team TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  job_id TEXT NOT NULL,
  PRIMARY KEY (team, fingerprint)
);

-- A client's Idempotency-Key, hashed: the same key means the same job, or is refused.
CREATE TABLE idempotency_keys (
  team TEXT NOT NULL,
  key_hash TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  job_id TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (team, key_hash)
);

CREATE INDEX idempotency_keys_by_job ON idempotency_keys (job_id);

CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);

CREATE INDEX fingerprints_by_job ON fingerprints (job_id);

CREATE TABLE settings (
  name TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

CREATE TABLE keys (
  hash TEXT PRIMARY KEY,
  team TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  created_by TEXT NOT NULL,
  revoked_at BIGINT
);

CREATE UNIQUE INDEX keys_by_name ON keys (team, name) WHERE revoked_at IS NULL;

CREATE TABLE catalogs (
  upstream TEXT PRIMARY KEY,
  models TEXT NOT NULL,
  fetched_at BIGINT NOT NULL
);
