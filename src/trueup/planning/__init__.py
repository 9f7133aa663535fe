"""How much to commit: use by the hour and rate, what is in force, what offers would have cost."""
