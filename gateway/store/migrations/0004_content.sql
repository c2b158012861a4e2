-- Stored outputs of jobs: which store holds what, what was removed and why, what is to be fetched.

-- `name` is what the store knows it by; every writing has its own, so no file ever changes.
-- `doomed_at`: about to be removed, unless somebody reads it before.
CREATE TABLE assets (
  name TEXT PRIMARY KEY,
  job_id TEXT NOT NULL,
  output BIGINT NOT NULL,
  store TEXT NOT NULL,
  team TEXT NOT NULL,
  size BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  stored_at BIGINT NOT NULL,
  last_used_at BIGINT NOT NULL,
  doomed_at BIGINT,
  doomed_because TEXT
);

CREATE UNIQUE INDEX assets_once_per_store ON assets (job_id, output, store);

CREATE INDEX assets_by_use ON assets (store, last_used_at);

CREATE INDEX assets_by_age ON assets (store, stored_at);

-- How much a store holds is summed from this index alone, at every scrape and eviction.
CREATE INDEX assets_by_size ON assets (store, doomed_at, size);

CREATE INDEX assets_doomed ON assets (store, doomed_at) WHERE doomed_at IS NOT NULL;

-- What was stored and is no more. `last_copy`: nothing was known to hold the video afterwards.
CREATE TABLE asset_removals (
  name TEXT PRIMARY KEY,
  job_id TEXT NOT NULL,
  output BIGINT NOT NULL,
  store TEXT NOT NULL,
  team TEXT NOT NULL,
  size BIGINT NOT NULL,
  sha256 TEXT NOT NULL,
  stored_at BIGINT NOT NULL,
  removed_at BIGINT NOT NULL,
  reason TEXT NOT NULL,
  made_by TEXT NOT NULL,
  last_copy BIGINT NOT NULL
);

CREATE INDEX asset_removals_by_job ON asset_removals (job_id);

-- Jobs whose videos an operator took back: not to be had any more, wherever a copy may be.
CREATE TABLE withdrawals (
  job_id TEXT PRIMARY KEY,
  withdrawn_at BIGINT NOT NULL,
  made_by TEXT NOT NULL,
  why TEXT
);

-- Outputs that are still to be fetched for the archive.
CREATE TABLE archivals (
  job_id TEXT NOT NULL,
  output BIGINT NOT NULL,
  due_at BIGINT NOT NULL,
  attempts BIGINT NOT NULL,
  give_up_at BIGINT NOT NULL,
  lease_token TEXT,
  lease_until BIGINT,
  PRIMARY KEY (job_id, output)
);

CREATE INDEX archivals_due ON archivals (due_at);

-- For operators who list jobs, newest first, whoever owns them.
CREATE INDEX jobs_by_time ON jobs (created_at, id);
