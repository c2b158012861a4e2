"""Authenticate callers and manage API keys."""
