-- Facts told to others, written in the transaction of the fact itself: the outbox.
CREATE TABLE events (
  id TEXT PRIMARY KEY,
  type TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  team TEXT,
  job_id TEXT,
  idempotency_key TEXT NOT NULL,
  body TEXT NOT NULL
);

-- A job ends once, and says so once.
CREATE UNIQUE INDEX events_once_per_job ON events (job_id) WHERE job_id IS NOT NULL;

CREATE INDEX events_by_time ON events (created_at);

-- The callback_urls that a job's clients gave; each hears of its end.
CREATE TABLE subscriptions (
  job_id TEXT NOT NULL,
  url TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (job_id, url)
);

-- One event owed to one endpoint. `url` is null for a subscriber of the configuration, found by
-- its name when it is called. A lane is what shares one limit of concurrency: a subscriber, or all
-- callbacks of one team to one origin. A leased delivery is due again when its lease runs out.
CREATE TABLE deliveries (
  id TEXT PRIMARY KEY,
  event_id TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  lane TEXT NOT NULL,
  url TEXT,
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
  attempts BIGINT NOT NULL,
  schedule_from BIGINT NOT NULL,
  created_at BIGINT NOT NULL,
  next_attempt_at BIGINT,
  ended_at BIGINT,
  lease_token TEXT,
  lease_until BIGINT
);

CREATE INDEX deliveries_due ON deliveries (lane, next_attempt_at) WHERE state = 'pending';

CREATE INDEX deliveries_leased ON deliveries (lane) WHERE lease_token IS NOT NULL;

CREATE INDEX deliveries_done ON deliveries (ended_at) WHERE state = 'delivered';

CREATE INDEX deliveries_by_event ON deliveries (event_id);

CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint, state, created_at);

-- Few among many: what is owed and what was given up, counted at every scrape.
CREATE INDEX deliveries_undelivered ON deliveries (endpoint, state, created_at)
  WHERE state <> 'delivered';

CREATE INDEX deliveries_by_time ON deliveries (created_at);

-- One HTTP try. `answer` is the first bytes of what came back, as printable text.
CREATE TABLE delivery_attempts (
  delivery_id TEXT NOT NULL,
  attempt BIGINT NOT NULL,
  at BIGINT NOT NULL,
  status BIGINT,
  latency_ms BIGINT NOT NULL,
  error TEXT,
  detail TEXT NOT NULL,
  answer TEXT NOT NULL,
  PRIMARY KEY (delivery_id, attempt)
);

-- Who takes deliveries of a lane holds its row until the transaction ends.
CREATE TABLE lanes (
  lane TEXT PRIMARY KEY,
  claimed_at BIGINT NOT NULL
);

CREATE INDEX lanes_by_time ON lanes (claimed_at);

-- How an endpoint fares: its unbroken run of failures, and whether it gets anything at all.
CREATE TABLE endpoints (
  name TEXT PRIMARY KEY,
  failing_since BIGINT,
  last_failure BIGINT,
  disabled_at BIGINT,
  disabled_because TEXT
);
