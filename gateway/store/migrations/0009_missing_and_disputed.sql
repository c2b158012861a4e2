-- Since when an upstream has answered nothing but "not found", for the job and for its video. A later answer that it is there clears it.
ALTER TABLE jobs ADD COLUMN missing_since BIGINT;
ALTER TABLE jobs ADD COLUMN content_missing_since BIGINT;

-- Bills far above their estimates, until an operator has accepted or corrected them. While such a bill has taken a budget above its limit, the submits of its team are refused.
CREATE TABLE disputes (
  job_id TEXT PRIMARY KEY,
  team TEXT NOT NULL,
  estimate_micros BIGINT NOT NULL,
  cost_micros BIGINT NOT NULL,
  opened_at BIGINT NOT NULL,
  closed_at BIGINT,
  verdict TEXT
);

CREATE INDEX disputes_open ON disputes (team) WHERE closed_at IS NULL;
