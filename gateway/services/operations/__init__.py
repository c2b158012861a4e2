"""Read-only reports for operators: one job in full, or the state of the gateway."""
