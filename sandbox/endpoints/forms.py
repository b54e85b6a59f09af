"""The forms in which the API writes times, texts and identifiers (Snov.io API reference 1.5)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.settings import TimeForm


def spaced(at: int) -> str:
    """Unix seconds as text in UTC, without a zone (form C)."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def php_date(at: int) -> dict[str, Any]:
    """Unix seconds as a PHP date object (form B)."""
    return {"date": f"{spaced(at)}.000000", "timezone_type": 3, "timezone": "UTC"}


def written(at: int, form: TimeForm) -> Any:
    """Unix seconds in an undocumented form."""
    offset, zone = {"php_zone": (0, "Europe/Kyiv"), "php_offset": (2, "+02:00"), "php_abbreviation": (-5, "EST")}.get(
        form, (0, "")
    )
    if zone:
        local = datetime.fromtimestamp(at, ZoneInfo(zone) if "/" in zone else timezone(timedelta(hours=offset)))
        kinds = {"php_offset": 1, "php_abbreviation": 2, "php_zone": 3}
        return {"date": local.strftime("%Y-%m-%d %H:%M:%S.000000"), "timezone_type": kinds[form], "timezone": zone}
    forms: dict[str, Any] = {
        "text": spaced(at),
        "iso": spaced(at).replace(" ", "T") + "+00:00",
        "milliseconds": at * 1000,
        "zero_date": "0000-00-00",
    }
    return forms[form]


def midnight(day: date) -> str:
    """The start of a UTC day in ISO 8601, with Z (form D)."""
    return f"{day}T00:00:00Z"


def quoted(text: str) -> str:
    """Text in literal quotes, as the older endpoints write subjects and bodies."""
    return f'"{text}"'


def digest(*parts: object) -> str:
    """A stable id of 32 hexadecimal digits."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def handle() -> str:
    """An opaque id of a prospect, which changes with every read (API reference 2.14)."""
    return secrets.token_hex(32)


def map_or_list(mapping: dict[str, Any]) -> dict[str, Any] | list[Any]:
    """The mapping, or `[]` if it is empty, as PHP writes it."""
    return mapping or []
