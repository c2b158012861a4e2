"""Floor 5: HTTP in. Two applications, team-facing and admin, and what they share."""
