"""Reports the findings as a table and as JSON, without values of the account."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from verify.account import Account
from verify.client import Client
from verify.findings import Point, Seen

WIDTH: Final = 120
VERDICTS: Final = ("holds", "differs", "could not tell")


@dataclass(frozen=True)
class Finding:
    """A point with its result."""

    point: Point
    seen: Seen


def table(findings: Sequence[Finding], client: Client) -> str:
    """The findings in columns, then what to do about those that differ; at most WIDTH characters wide."""
    first = max(len(one.point.id) for one in findings) + 2
    second = max(map(len, VERDICTS)) + 2
    lines = [f"{'point':<{first}}{'verdict':<{second}}seen"]
    for one in findings:
        text = _wrapped(one.seen.text, first + second)
        lines.append(f"{one.point.id:<{first}}{one.seen.verdict:<{second}}{text.lstrip()}")
    differing = [one for one in findings if one.seen.verdict == "differs"]
    if differing:
        lines += ["", "What differs:"]
    for one in differing:
        lines += [one.point.id, _wrapped(f"assumed: {one.point.assumes}", 2), _wrapped(f"next: {one.point.follows}", 2)]
    counts = Counter[str](one.seen.verdict for one in findings)
    summary = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS)
    return "\n".join([*lines, "", f"{client.made} requests: {summary}."])


def _wrapped(text: str, indent: int) -> str:
    return textwrap.fill(text, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * indent)


def as_json(findings: Iterable[Finding], account: Account, version: str) -> dict[str, Any]:
    """The findings, for the maintainers. `fields` counts the types of each field of each stream."""
    client = account.client
    return {
        "connector": version,
        "made_on": str(account.today),
        "requests": client.made,
        "statuses": {str(status): number for status, number in sorted(client.statuses.items())},
        "fields": account.fields,
        "points": [
            {
                "id": one.point.id,
                "asked": one.point.asks,
                "seen": one.seen.text,
                "assumed": one.point.assumes,
                "verdict": one.seen.verdict,
                "follows": one.point.follows if one.seen.verdict == "differs" else None,
            }
            for one in findings
        ],
    }
