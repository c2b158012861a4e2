"""Floor 4: verbs. Each is one act and owns its transactions."""
