"""Floor 1: nouns and pure decisions. No await, no clock, no I/O."""
