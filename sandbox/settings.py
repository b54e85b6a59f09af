"""What the sandbox enforces, and the credentials it accepts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

CLIENT_ID: Final = "sandbox-user"
CLIENT_SECRET: Final = "sandbox-secret"

PENALTY: Final = 300.0
"""Seconds for which one client saw a 429 block the whole account (Snov.io API reference 1.3)."""

UnknownIds = Literal["ignored", "not_found", "unprocessable", "bad_request", "error_in_200"]


@dataclass(frozen=True)
class Settings:
    """Times are in seconds. `requests_per_minute` None switches the rate limit off, `penalty_seconds` 0 the penalty.

    The defaults are the documented ones (Snov.io API reference 1.1); `clock` gives seconds that never go back and can
    be replaced so that tests need not wait.

    `unknown_ids` is what analytics make of a `campaign_id` list with an id that the account does not have, which the
    reference (2.8) leaves open: no events for it, or an error for the whole request, with status 404, 422, 400 or 200.

    `unavailable` and `absent` hold beginnings of paths, in which `*` stands for anything: the first are answered with
    403, as if the plan did not include them, the others with 404, as if they did not exist.

    `event_page` is the number of rows in a page of the lists of sent, opened, clicked and answered e-mails
    (reference 2.11), `reply_page` that of the replies on all channels, which is not documented (2.14). With
    `plain_times`, the former give times as text, not as PHP date objects; with `nested_replies`, the list of e-mail
    replies has its subject and body in `emails` (both are in conflict, 2.12 and 2.15).
    """

    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    requests_per_minute: int | None = 60
    penalty_seconds: float = 0
    token_lifetime: int = 3600
    invalidate_old_tokens: bool = False
    latency: float = 0
    unknown_ids: UnknownIds = "ignored"
    unavailable: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    event_page: int = 10_000
    reply_page: int = 100
    plain_times: bool = False
    nested_replies: bool = False
    clock: Callable[[], float] = time.monotonic
