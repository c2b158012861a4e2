-- Which budgets count jobs at present, whoever configured them: a replica whose configuration is older, or newer, counts for all of them. A row goes when no process has had the budget in force for some days; a budget that comes back counts what it missed.
CREATE TABLE budgets (
  id TEXT PRIMARY KEY,
  period TEXT NOT NULL,
  limit_micros BIGINT NOT NULL,
  team TEXT,
  key_name TEXT,
  models TEXT NOT NULL,
  seen_at BIGINT NOT NULL
);

CREATE INDEX budgets_by_team ON budgets (team);

-- One row. Who reserves money shares it, who adds a budget takes it alone: no job is missed in between.
CREATE TABLE budgets_lock (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  taken BIGINT NOT NULL
);

INSERT INTO budgets_lock (id, taken) VALUES (1, 0);

-- Budgets match globs against the model's id and its canonical slug.
ALTER TABLE jobs ADD COLUMN canonical_slug TEXT;
