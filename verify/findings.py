"""Points and their results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from verify.account import Account

ROWS_MAY_LACK: Final = (
    "report it, and compare the numbers of rows with Snov.io: rows after the first page may be missing"
)
"""What to do if pages are not as assumed."""

Verdict = Literal["holds", "differs", "could not tell"]


@dataclass(frozen=True)
class Seen:
    """A result: counts, statuses, types and field names, never a value of the account."""

    verdict: Verdict
    text: str


@dataclass(frozen=True)
class Point:
    """An open point. `assumes` is what the connector assumes, `follows` what to do if that is wrong."""

    id: str
    asks: str
    assumes: str
    follows: str
    look: Callable[[Account], Seen]


def point(id: str, assumes: str, follows: str) -> Callable[[Callable[[Account], Seen]], Point]:
    """Makes a Point of a function. Its docstring is the question."""

    def made(look: Callable[[Account], Seen]) -> Point:
        return Point(id, " ".join((look.__doc__ or "").split()), assumes, follows, look)

    return made


def holds(text: str) -> Seen:
    """The assumption is right."""
    return Seen("holds", text)


def differs(text: str) -> Seen:
    """The assumption is wrong."""
    return Seen("differs", text)


def either(is_so: bool, text: str) -> Seen:
    """`holds` or `differs`."""
    return Seen("holds" if is_so else "differs", text)
