"""The made-up account: campaigns, people, events, and everything else in it."""
