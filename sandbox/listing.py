"""Pages of listings, with every way in which an API may treat page parameters (Snov.io API reference 1.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sandbox.settings import Settings

MOVED: Final = 10
"""Maximum rows that are deleted or added between two pages."""


@dataclass
class Listings:
    """Changes listings while they are read.

    With the setting `moving`, a request for a later page has an effect first: "deleted" removes the first rows for
    good; "added" shows rows at the beginning that were held back; "replaced" removes the first rows and shows as many
    at the end; "reordered" takes every other page from another order.
    """

    settings: Settings
    _changed: set[str] = field(default_factory=set)
    _pages: dict[str, int] = field(default_factory=dict)

    def total(self, name: str, rows: Sequence[Any]) -> int:
        """The current number of rows."""
        first, last = self._bounds(name, rows)
        return last - first

    def page(self, name: str, rows: Sequence[Any], offset: int, size: int) -> Sequence[Any]:
        """The rows of one page. name: identifies the listing, the same for all its pages."""
        if offset and self.settings.moving:
            self._changed.add(name)
        offset = 0 if self.settings.offset_ignored else offset
        size = min(size, self.settings.short_pages or size)
        first, last = self._bounds(name, rows)
        number = self._pages[name] = self._pages.get(name, -1) + 1
        if self.settings.moving == "reordered" and number % 2:
            return rows[first:last][::-1][offset : offset + size]
        return rows[first + offset : min(first + offset + size, last)]

    def _bounds(self, name: str, rows: Sequence[Any]) -> tuple[int, int]:
        moved = min(MOVED, len(rows) // 3)
        if self.settings.moving == "deleted":
            return (moved if name in self._changed else 0), len(rows)
        if self.settings.moving == "added":
            return (0 if name in self._changed else moved), len(rows)
        if self.settings.moving == "replaced":
            return (moved, len(rows)) if name in self._changed else (0, len(rows) - moved)
        return 0, len(rows)
