"""Decide on a submit, reserve its price, and send it upstream at most once."""
