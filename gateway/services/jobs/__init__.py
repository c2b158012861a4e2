"""Track a job from its submit to its end, and serialise it for clients."""
