"""Tests of the team-facing API."""
