-- What operators list, found by an index however long the history is. Rows that ended well are in none of these, so an ordinary submit pays nothing for them.

CREATE INDEX jobs_ended_badly ON jobs (status, created_at, id, team)
  WHERE status IN ('failed', 'cancelled', 'expired');

CREATE INDEX deliveries_dead ON deliveries (created_at, id) WHERE state = 'dead';
