"""Determines the first day of a campaign or warm-up, from the raw row.

Conversion to the schema's types would turn an unreadable start into null, which means "never started".
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from airbyte_cdk.sources.declarative.transformations import RecordTransformation
from airbyte_cdk.sources.types import Config

from source_snov.records.notices import Notices
from source_snov.records.shared import Shared
from source_snov.records.values import to_utc

_was_started = re.compile(r"\b(active|paused|completed)\b", re.IGNORECASE).search

EARLIEST = date(2000, 1, 1)
"""Older than any account."""


FURTHEST_BEHIND = timedelta(hours=12)
"""No time zone is further behind UTC."""


def day_of(moment: Any) -> date | None:
    """The UTC day of a time in any of the API's forms; None if it cannot be read or is before EARLIEST."""
    return _day_of(moment, timedelta(0))


def earliest_day_of(moment: Any) -> date | None:
    """The day of a time in the time zone that is furthest behind UTC: that of analytics is undocumented."""
    return _day_of(moment, FURTHEST_BEHIND)


def _day_of(moment: Any, behind: timedelta) -> date | None:
    try:
        day = (datetime.fromisoformat(to_utc(moment)) - behind).date()
    except (ValueError, OverflowError, OSError):
        return None
    return day if day >= EARLIEST else None


def is_started(row: Mapping[str, Any], started: str) -> bool:
    """Whether a campaign or warm-up was ever started, even if the time cannot be read.

    A null start means that it was not (API reference 2.1), unless the status says otherwise. A missing start counts as
    started.
    """
    return bool(row.get(started, True)) or bool(_was_started(str(row.get("status"))))


@dataclass
class FirstDay(RecordTransformation):
    """Makes sure, in rows that become slices, that `started` is a time that can be read; null if there is no start.

    A start that is unreadable or before 2000 is replaced by the day of the time in the field `otherwise`, with a
    warning, or if that is unreadable or absent too, by the configured start_date or 2000-01-01.
    """

    config: Config
    api_budget: Shared
    started: str
    otherwise: str = ""

    def transform(self, record: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        if not is_started(record, self.started):
            record[self.started] = None
            return
        day = day_of(record.get(self.started))
        if day is None:
            day = day_of(record.get(self.otherwise)) or date.fromisoformat(
                self.config.get("start_date") or str(EARLIEST)
            )
            about = f"{'campaign' if self.otherwise else 'warm-up'} {str(record.get('id'))[:40]}"
            self.api_budget.shared(Notices).add(
                ("first day", self.started),
                f"The {self.started} of {about} is {str(record.get(self.started))[:60]!r}, which is not a time. Its "
                f"history is read from {day} on. Report this to the connector's maintainers.",
                about=about,
            )
            record[self.started] = str(day)
