"""What a running sandbox remembers, shared by its endpoints, its control endpoints and the code that runs it."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.account import Account
from sandbox.faults import FaultBook
from sandbox.pace import RateLimit
from sandbox.records import RequestLog
from sandbox.settings import Settings
from sandbox.tokens import Tokens


@dataclass
class State:
    """The account, the settings, and all that changes while requests come in."""

    account: Account
    settings: Settings
    faults: FaultBook = field(default_factory=FaultBook)
    log: RequestLog = field(default_factory=RequestLog)
    tokens: Tokens = field(init=False)
    limit: RateLimit = field(init=False)

    def __post_init__(self) -> None:
        self.tokens = Tokens(self.settings)
        self.limit = RateLimit(self.settings)

    def clear(self) -> None:
        """Forget faults, logged requests, the rate limit's window and the refusal of the credentials."""
        self.faults.clear()
        self.log.clear()
        self.limit.forget()
        self.tokens.restore()
