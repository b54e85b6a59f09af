"""When a campaign began, from the times of the campaign list."""

from datetime import date
from typing import Any

from source_snov.record_types import to_utc


def first_day(started_at: Any, created_at: Any) -> date | None:
    """The day, in UTC, on which a campaign was started; None if it never was.

    Takes any of the API's forms of a time. No start is null or, should the API write it so, the second 0. A start that
    cannot be read counts as the day of creation; raises ValueError if that cannot be read either.
    """
    if not started_at:
        return None
    try:
        day = _day(started_at)
    except ValueError:
        return _day(created_at)
    return None if day == date(1970, 1, 1) else day


def _day(moment: Any) -> date:
    try:
        return date.fromisoformat(to_utc(moment)[:10])
    except (OverflowError, OSError) as error:
        raise ValueError(moment) from error
