-- Verified webhooks that were taken in; each counts once, by its signed bytes and by the key that
-- its upstream gave it.
CREATE TABLE inbox (
  upstream TEXT NOT NULL,
  body_sha256 TEXT NOT NULL,
  upstream_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  job_id TEXT NOT NULL,
  type TEXT NOT NULL,
  raw_cost TEXT,
  received_at BIGINT NOT NULL,
  PRIMARY KEY (upstream, body_sha256)
);

CREATE UNIQUE INDEX inbox_by_key ON inbox (upstream, upstream_id, idempotency_key);

CREATE INDEX inbox_by_job ON inbox (job_id);

CREATE INDEX inbox_by_time ON inbox (received_at);

-- Ends that a poll found first: their webhooks may still come, or count as missed.
CREATE TABLE awaited_webhooks (
  job_id TEXT PRIMARY KEY,
  upstream TEXT NOT NULL,
  since BIGINT NOT NULL
);

CREATE INDEX awaited_webhooks_by_time ON awaited_webhooks (since);

-- Whether an upstream's webhooks work: heard last, missed last.
CREATE TABLE webhook_health (
  upstream TEXT PRIMARY KEY,
  heard_at BIGINT,
  missed_at BIGINT
);
