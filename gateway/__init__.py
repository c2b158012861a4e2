"""A self-hosted gateway for OpenRouter's asynchronous video API."""
