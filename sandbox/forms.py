"""The forms in which the API writes times, texts and identifiers (Snov.io API reference 1.5)."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, date, datetime
from typing import Any


def spaced(at: int) -> str:
    """Unix seconds as text without a zone (form C); UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def php_date(at: int) -> dict[str, Any]:
    """Unix seconds as a PHP date object (form B)."""
    return {"date": f"{spaced(at)}.000000", "timezone_type": 3, "timezone": "UTC"}


def midnight(day: date) -> str:
    """The beginning of a UTC day in ISO 8601 with a Z (form D)."""
    return f"{day}T00:00:00Z"


def quoted(text: str) -> str:
    """A text in quotes of its own, as the older endpoints write subjects and bodies."""
    return f'"{text}"'


def digest(*parts: object) -> str:
    """A stable identifier of 32 hexadecimal digits."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=16).hexdigest()


def handle() -> str:
    """An opaque id of a prospect, another one each time it is asked for (API reference 2.14)."""
    return secrets.token_hex(32)


def map_or_list(mapping: dict[str, Any]) -> dict[str, Any] | list[Any]:
    """The mapping, or `[]` if it is empty: PHP cannot tell an empty map from an empty list."""
    return mapping or []
