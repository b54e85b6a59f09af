"""Which days are read."""
