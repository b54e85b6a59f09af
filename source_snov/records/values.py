"""Numbers, times and days in any of the API's forms."""

import json
import math
import re
from collections.abc import Mapping, Sequence, Set
from datetime import date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

Schema = Mapping[str, Any]

DAY = timedelta(days=1)

_NUMBER = re.compile(r"\s*(-?\d+(?:\.\d+)?)\s*(%?)\s*")

_is_spaced_time = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}").fullmatch

BOOLEANS = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "off"), False),
}
"""The same words as in the CDK's schema normalization."""

TOO_LARGE = 2**63
"""Warehouses hold 64-bit numbers."""

FIRST_YEAR = 2000
"""Snov.io did not exist before 2000: earlier times are placeholders, or in an unknown form."""

LAST_SECOND = 253_402_300_799
"""The end of the year 9999, in Unix seconds."""


def to_type(value: Any, schema: Schema, types: Sequence[str]) -> Any:
    """Converts a value to the schema's type. Raises ValueError if that is impossible."""
    if value is None or not types:
        return value
    if schema.get("format") == "date-time":
        return to_local(value) if schema.get("airbyte_type") == "timestamp_without_timezone" else to_utc(value)
    if schema.get("format") == "date":
        return to_day(value)
    if "integer" in types or "number" in types:
        return to_number(value, whole="integer" in types)
    kinds: dict[str, type] = {"string": str, "boolean": bool, "object": Mapping, "array": list}
    if isinstance(value, tuple(kinds[name] for name in types if name in kinds)):
        return value
    if "string" in types and isinstance(value, int | float):
        return json.dumps(value)
    if "boolean" in types and isinstance(value, int | str) and (word := str(value).strip().lower()) in BOOLEANS:
        return BOOLEANS[word]
    raise ValueError(value)


def to_number(value: Any, whole: bool) -> int | float:
    """`"61%"`, `"61"`, 61 or 61.0 → 61; `"61.5%"` → 61.5. whole: allows no fraction and no `%`.

    Raises ValueError for anything else, and for numbers beyond 64 bits.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(value)
    number: int | float
    if not isinstance(value, str):
        number = value
    else:
        match = _NUMBER.fullmatch(value)
        if match is None or (whole and match[2]):
            raise ValueError(value)
        number = float(match[1]) if "." in match[1] else int(match[1])
    if abs(number) >= TOO_LARGE or math.isnan(number):
        raise ValueError(value)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    if whole and isinstance(number, float):
        raise ValueError(value)
    return number


def to_day(value: Any) -> str:
    """The day of a text that may also hold a time, or of a PHP date object, as `YYYY-MM-DD`, in its own time zone.

    Raises ValueError for anything else.
    """
    text = value.get("date") if isinstance(value, Mapping) else value
    if not isinstance(text, str) or str(datetime.fromisoformat(text).date()) != text[:10]:
        raise ValueError(value)
    return text[:10]


def plain_day(text: Any) -> date | None:
    """The day of a text in the form `YYYY-MM-DD`; None for anything else."""
    try:
        return date.fromisoformat(text)
    except (TypeError, ValueError):
        return None


def to_local(value: Any) -> str:
    """A time without a zone, in ISO 8601. Raises ValueError for anything else, and for times before 2000."""
    if not isinstance(value, str) or (moment := datetime.fromisoformat(value)).tzinfo or moment.year < FIRST_YEAR:
        raise ValueError(value)
    return moment.isoformat()


def to_utc(value: Any) -> str:
    """An RFC 3339 time in UTC, to the second, from any of the API's forms (API reference 1.5 and 2.15):

    Unix seconds or milliseconds, a PHP date object `{"date", "timezone_type", "timezone"}` in any zone,
    `YYYY-MM-DD HH:MM:SS` (assumed to be UTC), and ISO 8601. Raises ValueError for anything else, and for times before
    2000.
    """
    if type(value) is str and value >= "2000" and _is_spaced_time(value):
        # Fast path: the form of every event.
        datetime.fromisoformat(value)
        return value.replace(" ", "T") + "Z"
    try:
        moment = _moment(value)
    except OverflowError:
        raise ValueError(value) from None
    if moment.year < FIRST_YEAR:
        raise ValueError(value)
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def is_no_time(value: Any) -> bool:
    """Whether a value stands for "no time": null, 0, empty, or MySQL's zero date, also as PHP writes it."""
    if isinstance(value, Mapping) and "date" in value:
        value = value["date"]
    if isinstance(value, str):
        # PHP turns 0000-00-00 into November 30 of the year -1.
        return value.strip() in ("", "0") or value.startswith(("0000-00-00", "-0001-11-30"))
    return not value


def _moment(value: Any) -> datetime:
    name, kind = "Z", ""
    if isinstance(value, Mapping):
        name, kind = str(value.get("timezone") or name), str(value.get("timezone_type"))
        value = value.get("date")
    if isinstance(value, str) and not value.strip().isdecimal():
        moment = datetime.fromisoformat(value.strip())
        return moment.replace(tzinfo=moment.tzinfo or _zone(name, kind, moment.year)).astimezone(timezone.utc)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(value)
    seconds = int(value) if isinstance(value, str) else value
    if seconds > LAST_SECOND:
        # Milliseconds: read as seconds, even the start of 2000 would be in the year 31969.
        seconds /= 1000
    if not 0 <= seconds <= LAST_SECOND:
        raise ValueError(value)
    return datetime.fromtimestamp(seconds, timezone.utc)


@lru_cache(maxsize=1000)
def _zone(name: str, kind: str, year: int) -> tzinfo:
    """The zone of a PHP date object. Its `timezone_type` says how `timezone` is written.

    1: an offset; 2: an abbreviation; 3: a name of the tz database. Raises ValueError for an unknown zone, and for an
    abbreviation with several offsets in that year.
    """
    try:
        if offset := datetime.strptime(name, "%z").tzinfo:
            return offset
    except ValueError:
        pass
    if kind == "3" or "/" in name:
        try:
            return ZoneInfo(name)
        except (KeyError, OSError):
            raise ValueError(name) from None
    [offset_of_all] = _offsets(name, year)
    return timezone(offset_of_all)


@lru_cache(maxsize=1000)
def _offsets(abbreviation: str, year: int) -> Set[timedelta]:
    """The offsets that an abbreviation has anywhere, in January or July of a year."""
    moments = (datetime(year, month, 1, tzinfo=ZoneInfo(name)) for name in available_timezones() for month in (1, 7))
    offsets = (moment.utcoffset() for moment in moments if moment.tzname() == abbreviation)
    return {offset for offset in offsets if offset is not None}
