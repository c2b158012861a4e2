"""Floor 3: the only SQL. Small steps over a transaction, composed into acts by the services."""
