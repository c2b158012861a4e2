"""Floor 5: what the gateway drives. Each adapter implements one port with one concrete thing."""
