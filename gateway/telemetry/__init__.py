"""What operators see: metrics, logs, traces. Imports `gateway.domain` at most."""
