"""Days, weeks, months, and a history as a whole: what a report has one row for."""

from datetime import date
from enum import Enum

from source_snov.records.values import DAY

MONTHS = 12


class Period(Enum):
    """What the days of a history are divided into. Weeks begin on Monday (ISO 8601)."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    WHOLE = "whole"

    @property
    def days(self) -> int:
        """The most that one has."""
        return {Period.DAY: 1, Period.WEEK: 7, Period.MONTH: 31, Period.WHOLE: date.max.toordinal()}[self]

    def number(self, day: date) -> int:
        """Which of all periods of this kind has a day."""
        match self:
            case Period.DAY:
                return day.toordinal()
            case Period.WEEK:
                return (day.toordinal() - 1) // 7  # the calendar's first day is a Monday
            case Period.MONTH:
                return day.year * MONTHS + day.month - 1
            case Period.WHOLE:
                return 0

    def begins(self, number: int) -> date:
        """The first day of a period."""
        match self:
            case Period.DAY:
                return date.fromordinal(number)
            case Period.WEEK:
                return date.fromordinal(number * 7 + 1)
            case Period.MONTH:
                return date(number // MONTHS, number % MONTHS + 1, 1)
            case Period.WHOLE:
                return date.min if number <= 0 else date.max

    def of(self, day: date) -> tuple[date, date]:
        """The first and the last day of the period that has a day."""
        number = self.number(day)
        return self.begins(number), self.begins(number + 1) - DAY
