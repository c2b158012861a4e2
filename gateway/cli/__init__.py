"""Floor 8: words typed by operators."""
