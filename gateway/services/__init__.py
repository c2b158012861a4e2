"""Floor 4: use cases. Each one owns its transactions."""
