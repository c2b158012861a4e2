"""Floor 5: what happens without being asked, claimed by leases."""
