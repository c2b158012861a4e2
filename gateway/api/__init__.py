"""Floor 5: HTTP. Two applications, team-facing and admin, and the code that they share."""
