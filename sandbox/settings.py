"""What the sandbox enforces, and the credentials it accepts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

CLIENT_ID: Final = "sandbox-user"
CLIENT_SECRET: Final = "sandbox-secret"

PENALTY: Final = 300.0
"""Seconds for which one client saw a 429 block the whole account (Snov.io API reference 1.3)."""


@dataclass(frozen=True)
class Settings:
    """Times are in seconds. `requests_per_minute` None switches the rate limit off, `penalty_seconds` 0 the penalty.

    The defaults are the documented ones (Snov.io API reference 1.1); `clock` gives seconds that never go back and can
    be replaced so that tests need not wait.
    """

    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    requests_per_minute: int | None = 60
    penalty_seconds: float = 0
    token_lifetime: int = 3600
    invalidate_old_tokens: bool = False
    latency: float = 0
    clock: Callable[[], float] = time.monotonic
