"""Floor 2: metrics, logs and traces. Imports `gateway.domain` at most."""
