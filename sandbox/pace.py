"""The rate limit of the API (Snov.io API reference 1.3)."""

from __future__ import annotations

from collections import deque
from typing import Final

from sandbox.settings import Settings

WINDOW: Final = 60.0


class RateLimit:
    """At most `requests_per_minute` answered requests in any 60 seconds, whatever the endpoint.

    With a penalty, the first refusal blocks the account for that long, and each request during the block restarts it.
    Refused requests do not count against the limit.
    """

    def __init__(self, settings: Settings) -> None:
        self._limit = settings.requests_per_minute
        self._penalty = settings.penalty_seconds
        self._answered: deque[float] = deque()
        self._blocked_until = float("-inf")

    def allows(self, now: float) -> bool:
        """Counts a request at this time, in seconds. False if it is over the limit or during a block."""
        if self._limit is None:
            return True
        while self._answered and self._answered[0] <= now - WINDOW:
            self._answered.popleft()
        if now < self._blocked_until or len(self._answered) >= self._limit:
            self._blocked_until = now + self._penalty
            return False
        self._answered.append(now)
        return True

    def forget(self) -> None:
        """Empties the window and ends a block."""
        self._answered.clear()
        self._blocked_until = float("-inf")
