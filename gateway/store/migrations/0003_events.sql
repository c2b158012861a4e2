-- Facts told to others: written in the transaction of the fact itself.
CREATE TABLE events (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  team TEXT,
  job_id TEXT,
  data TEXT NOT NULL
);

-- A job ends once, and says so once.
CREATE UNIQUE INDEX events_once_per_job ON events (job_id) WHERE job_id IS NOT NULL;

CREATE INDEX events_by_time ON events (created_at);
