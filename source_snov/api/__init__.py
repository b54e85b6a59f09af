"""How Snov.io is asked."""
