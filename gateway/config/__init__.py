"""Floor 3: the file that operators write, read strictly; and the environment."""
