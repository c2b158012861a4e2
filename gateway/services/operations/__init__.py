"""Answer what operators ask: one job in full, or the state of the whole gateway."""
