"""Decide on a submit, reserve its estimate, and send it upstream at most once."""
