"""Turns responses into records. Knows nothing of the HTTP client."""
