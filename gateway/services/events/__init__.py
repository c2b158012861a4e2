"""Publish events to subscribed endpoints, and deliver them with retries."""
