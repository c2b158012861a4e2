"""Floor 3: the only SQL. Small functions over a transaction; services combine them into acts."""
