-- What jobs of one kind cost beyond the catalog's price, by the team that paid. `profile` names the upstream, the model, every price-bearing reading and the catalog's prices. Replaces actual_costs, which knew too little of a request to compare like with like.
CREATE TABLE learned_costs (
  profile TEXT NOT NULL,
  team TEXT NOT NULL,
  micros BIGINT NOT NULL,
  raised_at BIGINT NOT NULL,
  right_bills BIGINT NOT NULL,
  PRIMARY KEY (profile, team)
);

DELETE FROM actual_costs;

-- The catalog's price when the job was submitted; estimate_micros may have been raised above it.
ALTER TABLE jobs ADD COLUMN catalog_micros BIGINT;
