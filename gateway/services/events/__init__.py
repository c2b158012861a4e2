"""Publish facts to the endpoints that subscribed, and deliver them with retries."""
