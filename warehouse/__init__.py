"""Loads the data into a warehouse, models it and shows it."""
