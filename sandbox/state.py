"""The state of a running sandbox, shared by its endpoints, its control endpoints and the code that runs it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.faults import FaultBook
from sandbox.listing import Listings
from sandbox.pace import RateLimit
from sandbox.records import RequestLog
from sandbox.settings import Settings
from sandbox.tokens import Tokens
from sandbox.world.account import Account


@dataclass
class State:
    """The account, the settings, and everything that requests change."""

    account: Account
    settings: Settings
    faults: FaultBook = field(default_factory=FaultBook)
    log: RequestLog = field(default_factory=RequestLog)
    tokens: Tokens = field(init=False)
    limit: RateLimit = field(init=False)
    listings: Listings = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.settings)
        self.limit = RateLimit(self.settings)
        self.listings = Listings(self.settings)

    def clear(self) -> None:
        """Removes faults, logged requests, the rate limit's window and a revocation of the credentials."""
        self.faults.clear()
        self.log.clear()
        self.limit.forget()
        self.tokens.restore()
