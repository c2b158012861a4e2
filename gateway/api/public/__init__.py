"""The team-facing API, which mirrors OpenRouter's."""
