-- Who did what to the gateway, each record chained to the one before by its hash. Never updated,
-- never deleted.
CREATE TABLE audit (
  number BIGINT PRIMARY KEY,
  at BIGINT NOT NULL,
  act TEXT NOT NULL,
  subject TEXT NOT NULL,
  made_by TEXT NOT NULL,
  origin TEXT NOT NULL,
  details TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL
);

CREATE INDEX audit_by_act ON audit (act, number);

-- The last record's place: locked by whoever appends, and a witness that the last was not removed.
CREATE TABLE audit_head (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  number BIGINT NOT NULL,
  hash TEXT NOT NULL
);

INSERT INTO audit_head (id, number, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');
