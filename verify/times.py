"""The forms in which the API writes times."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

UTC: Final = timezone.utc
MILLISECONDS: Final = 10**11
"""Larger numbers are milliseconds: as seconds, they would be after the year 5138."""

_TEXT = re.compile(r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})?")
_PHP_KINDS: Final = {1: "an offset", 2: "an abbreviation", 3: "a zone's name"}


def form_of(value: Any) -> str:
    """Describes the form without the value."""
    if isinstance(value, bool) or value is None:
        return "null" if value is None else "true or false"
    if isinstance(value, int | float):
        return "milliseconds" if abs(value) >= MILLISECONDS else "seconds"
    if isinstance(value, dict) and isinstance(value.get("date"), str):
        if value.get("timezone") in ("UTC", "+00:00"):
            return "PHP object in UTC"
        return f"PHP object with {_PHP_KINDS.get(value.get('timezone_type', 0), 'another zone')}"
    if isinstance(value, str) and (match := _TEXT.fullmatch(value)):
        zone = {None: "without a zone", "Z": "with Z"}.get(match[2], "with an offset")
        return f"text {zone}" if " " in value else f"ISO text {zone}"
    return "text in another form" if isinstance(value, str) else "another form"


def moment(value: Any) -> datetime | None:
    """The time in UTC, or None if it cannot be read. Without a zone, UTC is assumed."""
    if isinstance(value, bool):
        return None
    try:
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value / 1000 if abs(value) >= MILLISECONDS else value, UTC)
        if isinstance(value, dict):
            return datetime.fromisoformat(value["date"]).replace(tzinfo=_zone(value.get("timezone"))).astimezone(UTC)
        if isinstance(value, str):
            read = datetime.fromisoformat(value)
            return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError):
        return None
    return None


def _zone(name: Any) -> tzinfo:
    if match := re.fullmatch(r"([+-])(\d{2}):?(\d{2})", str(name)):
        away = timedelta(hours=int(match[2]), minutes=int(match[3]))
        return timezone(-away if match[1] == "-" else away)
    try:
        return ZoneInfo(str(name))
    except (ZoneInfoNotFoundError, ValueError):
        return UTC
