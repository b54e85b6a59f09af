"""About how many requests a report still takes.

An active day costs a request, or some more where active days are scattered among quiet ones: the average is learnt from
settled days. Each part of a campaign's history costs one more. How many active days are left follows from how often
days of a campaign's age were active.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Protocol

from source_snov.api.assumptions import Entity
from source_snov.incremental.periods import Period

NO_TIME = timedelta(0)

AGE_STEP, OLDEST_AGE = 28, 13
"""Days of an age, and the age that stands for all older ones."""

USUAL_CHANCES = tuple(0.5**age for age in range(1, OLDEST_AGE + 2))
"""How likely a day of each age is active, before a sync has seen any: most campaigns are at work for a month or two.

At least as likely as at a higher age, if that was seen.
"""

USUAL_COST, DAYS_OF_PRIOR = 1.3, 20
"""Requests for an active day, before a sync has learnt, and the weight of that, in days."""


Alike = tuple[int, int]


def alike(day: date, began: date, period: Period) -> Alike:
    """What makes cells of different entities alike: their age in weeks of four and, of days, the weekday."""
    return min(max(day - began, NO_TIME).days // AGE_STEP, OLDEST_AGE), day.weekday() if period is Period.DAY else 0


class Days(Protocol):
    """Days in a row of an entity that began on some day, and the cells that they are divided into.

    part: of its history, see `HistoryCursor.spans`.
    """

    @property
    def entity(self) -> Entity: ...
    @property
    def cells(self) -> int: ...
    @property
    def period(self) -> Period: ...
    def cell(self, number: int) -> date: ...
    @property
    def began(self) -> date: ...
    @property
    def part(self) -> int: ...


class Estimate:
    """The days of a plan: which of them are settled, and which of these were active."""

    def __init__(self, windows: Sequence[Days]) -> None:
        self._windows = windows
        self._settled = Counter[tuple[Entity, int]]()
        self._seen = Counter[Alike]()
        self._active = Counter[Alike]()

    def settle(self, window: Days, days: int, active: bool = False) -> None:
        """Notes that the next `days` of a campaign are settled, and whether they were active.

        A negative number opens days again.
        """
        settled = self._settled[window.entity, window.part]
        self._settled[window.entity, window.part] = settled + days
        for number in range(settled, settled + days):
            one = alike(window.cell(number), window.began, window.period)
            self._seen[one] += 1
            self._active[one] += active

    def requests_left(self, made: int) -> float:
        """made: requests so far."""
        left = Counter[Alike]()
        done = 0
        for window in self._windows:
            settled = self._settled[window.entity, window.part]
            done += settled >= window.cells
            left.update(
                alike(window.cell(number), window.began, window.period) for number in range(settled, window.cells)
            )
        cost = max(made - done + DAYS_OF_PRIOR * USUAL_COST, 0) / (self._active.total() + DAYS_OF_PRIOR)
        total = float(len(self._windows) - done)
        for weekday in range(7):
            older = 0.0
            for age in range(OLDEST_AGE, -1, -1):
                kind = age, weekday
                prior = max(USUAL_CHANCES[age], older)
                older = (self._active[kind] + DAYS_OF_PRIOR * prior) / (self._seen[kind] + DAYS_OF_PRIOR)
                total += left[kind] * min(1.0, cost * older)
        return total
