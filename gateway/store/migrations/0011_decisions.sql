-- What the decisions of many jobs have in common, stored once a day and shared by these jobs.
CREATE TABLE decisions (
  id TEXT NOT NULL PRIMARY KEY,
  record TEXT NOT NULL,
  made_at BIGINT NOT NULL
);

CREATE INDEX decisions_by_age ON decisions (made_at);
