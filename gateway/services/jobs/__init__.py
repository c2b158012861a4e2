"""Follow a job from its submit to its end, and show it to clients."""
