"""Markdown tables."""

from __future__ import annotations

import sys
from collections.abc import Sequence

Row = Sequence[object]


def table(headings: Sequence[str], rows: Sequence[Row]) -> str:
    """A Markdown table, its columns of numbers aligned to the right."""
    lines = [headings, [_rule(column) for column in zip(*rows, strict=True)], *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def say(what: str) -> None:
    """Tell whoever waits what is being measured."""
    print(f"Measuring {what} …", file=sys.stderr, flush=True)


def _rule(column: Sequence[object]) -> str:
    return "---" if any(str(value)[:1].isalpha() for value in column) else "---:"


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
