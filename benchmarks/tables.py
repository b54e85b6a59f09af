"""Markdown tables, and their places in a page: between `<!-- name -->` and `<!-- /name -->`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

Row = Sequence[object]


def table(headings: Sequence[str], rows: Sequence[Row]) -> str:
    """A Markdown table, its columns of numbers aligned to the right."""
    lines = [headings, [_rule(column) for column in zip(*rows, strict=True)], *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def around(name: str, page: str) -> tuple[str, str, str]:
    """What stands before, between and after the marks of that name, the marks themselves outside."""
    first, last = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
    before, begin, rest = page.partition(first)
    text, end, after = rest.partition(last)
    if not (begin and end):
        raise SystemExit(f"The page lacks the marks <!-- {name} --> and <!-- /{name} -->.")
    return before + begin, text, end + after


def say(what: str) -> None:
    """Tell whoever waits what is being measured."""
    print(f"Measuring {what} …", file=sys.stderr, flush=True)


def _rule(column: Sequence[object]) -> str:
    return "---" if any(str(value)[:1].isalpha() for value in column) else "---:"


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)
