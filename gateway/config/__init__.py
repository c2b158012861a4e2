"""Floor 3: strict loading of the configuration file and the environment."""
