"""The team-facing API: what a client of OpenRouter sees."""
