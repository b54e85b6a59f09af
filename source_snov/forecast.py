"""What a first sync of an account will take: roughly, from its campaign list alone."""

import math
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from source_snov.incremental.cursor import in_parts
from source_snov.incremental.estimate import Estimate
from source_snov.incremental.partitions import Campaigns, start_date
from source_snov.incremental.plan import Window

SHORT = 10
"""Minutes within which it does not matter what comes first."""

DAYS_PER_REQUEST = 100
"""Days of a campaign for one request of events, on average: windows of 30 days, most of them quiet."""


def first_sync(
    began: Sequence[date | None], config: Mapping[str, Any], last: date, parts: Sequence[int], pace: int
) -> str:
    """Sentences for the log.

    began: the day on which each campaign to be read was started; None if it never was. last: the last day to be read.
    parts: those of the daily history. pace: requests a minute.
    """
    start = start_date(config) or date.min
    started = [day for day in began if day and day <= last]
    lives = [max(day, start) for day in started]
    kept = config.get("daily_history_days")
    windows = [
        Window(number, span.first, span.last, started[number], part=span.part)
        for number, first in enumerate(lives)
        for span in in_parts(max(first, last - timedelta(kept - 1)) if kept else first, last, last, parts)
    ]
    days = sum((last - first).days + 1 for first in lives)
    # The lists, two snapshots of each campaign, and its replies.
    snapshots = 3 + 2 * len(began) + len(started)
    whole = snapshots + Estimate(windows).requests_left(0) + days / DAYS_PER_REQUEST
    recent = snapshots + Estimate([window for window in windows if not window.part]).requests_left(0)
    campaigns = Campaigns()
    campaigns.note(began)
    takes = (
        f"{campaigns.describe()}A first sync of the suggested streams takes roughly {math.ceil(whole):,} requests, "
        f"{_time(whole / pace)} at {pace} a minute."
    )
    if whole / pace < SHORT:
        return takes
    return (
        f"{takes} It begins with the last month of all campaigns, which is there after roughly {_time(recent / pace)}. "
        "A later start_date, or daily_history_days, makes it shorter."
    )


def _time(minutes: float) -> str:
    if minutes < 1:
        return "less than a minute"
    return f"{minutes / 60:.1f} hours" if minutes > 120 else f"{math.ceil(minutes)} minutes"
