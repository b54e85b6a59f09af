"""The days of a campaign in windows, as loop, dlt and tap ask for them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone

ONE_DAY = 1
EVENTS_WINDOW = 31
"""The most days for which the API gives events at once."""


def windows(started_at: int | None, days: int) -> Iterator[tuple[str, str]]:
    """First and last day (ISO dates) of each window of so many days, from the start (Unix seconds) to today in UTC.

    Nothing for a campaign that was never started.
    """
    if started_at is None:
        return
    first, today = day_of(started_at), datetime.now(timezone.utc).date()
    while first <= today:
        last = min(first + timedelta(days=days - 1), today)
        yield str(first), str(last)
        first = last + timedelta(days=1)


def day_of(moment: int) -> date:
    """The day in UTC of a time in Unix seconds."""
    return datetime.fromtimestamp(moment, timezone.utc).date()
