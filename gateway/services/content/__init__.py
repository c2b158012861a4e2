"""Store, serve and remove the videos that jobs produced."""
