"""Right responses in undocumented shapes: numbers instead of text, values that change with every read."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any, Final

from sandbox.faults import rows
from sandbox.settings import Settings

TRUTHS: Final = ("valid", "suspended", "isDeleted", "teamwork", "provider_matching", "is_calculated")
"""Booleans that may come as 0 and 1."""

OPAQUE: Final = ("id", "prospectId", "hash")
"""Hexadecimal text that may come as integers."""


def reshaped(settings: Settings, document: Any) -> Any:
    """Applies the settings that concern all endpoints."""
    if settings.volatile_rows or settings.unstable_ids:
        for row in rows(document):
            _change(row, settings)
    return _as_numbers(document) if settings.numbers else document


def _change(row: dict[str, Any], settings: Settings) -> None:
    if settings.volatile_rows:
        row["requestId"] = secrets.token_hex(8)
    if settings.unstable_ids:
        row.update({name: secrets.token_hex(16) for name in ("id", "hash") if isinstance(row.get(name), str)})


def _as_numbers(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {name: _as_numbers(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_numbers(inner, name) for inner in value]
    if isinstance(value, bool):
        return int(value) if name in TRUTHS else value
    if not isinstance(value, str):
        return value
    if value.isdecimal() and not value.startswith("0") and len(value) < 16:
        return int(value)
    opaque = name in OPAQUE and len(value) >= 32 and all(digit in "0123456789abcdef" for digit in value)
    # Few enough digits that every reader keeps the exact value.
    return int(value[:12], 16) if opaque else value
