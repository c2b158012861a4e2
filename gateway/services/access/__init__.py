"""Know who is calling, and manage API keys."""
