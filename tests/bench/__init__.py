"""Tests of the benchmark: that each part of it runs and counts right."""
