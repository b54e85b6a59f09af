"""How many requests reports take, with 300 campaigns: a first sync, and the next morning."""

from __future__ import annotations

from typing import Any, Final

from benchmarks.measuring import UNLIMITED_OPTIONS, SandboxProcess, running_sandbox
from benchmarks.mornings import sync
from benchmarks.tables import Row, say, table
from sandbox.world.people import OWNERS
from unit_tests._names import DAILY
from unit_tests._states import earlier
from unit_tests._streams import REPORTS

LIMITS: Final = {
    "campaign_analytics_monthly": (830, 60),
    "account_analytics_daily": (180, 23),
    "account_analytics_monthly": (32, 23),
    "owner_analytics": (60, 28),
    "sender_analytics_daily": (530, 60),
    # Nothing happened: three of these look whether all campaigns of a request count.
    "linkedin_sender_analytics": (16, 16),
}
"""Requests at most, of the first sync and of the next morning, on any day of a month."""


def reports() -> str:
    """The table. Raises RuntimeError if one takes more than its limit."""
    say("reports of 300 campaigns: 3 minutes")
    with running_sandbox(*UNLIMITED_OPTIONS, "--shape", "morning") as server:
        rows = [_row(server, stream) for stream in REPORTS if stream != DAILY]
    return (
        "Requests of one report in all, token and lists included, counted by the sandbox. 300 campaigns of four to "
        "eight months, each active in its first three weeks; 15 are at work. In the first half of a month, the "
        "look-back reaches into the month before, so that a morning reads two.\n\n"
    ) + table(
        ("", "rows", "of them not all zeros", "first sync", "at most", "next morning", "at most each morning"), rows
    )


def _row(server: SandboxProcess, stream: str) -> Row:
    config: dict[str, Any] = {"report_owners": [owner.email for owner in OWNERS]}
    first = sync(server, [stream], **config)
    for state in first.states:
        state["stream"]["stream_state"] = earlier(state["stream"]["stream_state"])
    later = sync(server, [stream], first.states, **config)
    counts = (first.requests, later.requests)
    if any(made > most for made, most in zip(counts, LIMITS[stream], strict=True)):
        raise RuntimeError(f"{stream}: {counts} requests, of {LIMITS[stream]} at most")
    active = sum(any(row.get(name) for name in ("total_contacted", "emails_sent", "email_opens")) for row in first.rows)
    most = LIMITS[stream]
    return (f"`{stream}`", len(first.rows), active, counts[0], most[0], counts[1], most[1])
