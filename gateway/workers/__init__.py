"""Floor 5: background work, claimed by leases."""
