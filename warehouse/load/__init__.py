"""Loads a warehouse through PyAirbyte."""
