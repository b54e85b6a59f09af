"""Which aggregates to ask for, so that each campaign's day is known for as few requests as possible.

The API gives one aggregate per request, over a set of campaigns and a span of days. Emptiness is monotone: when an
aggregate is all zeros, so is every campaign and every day in it, and one request has settled them all. So the plan
asks about groups of campaigns first, then about spans of one campaign's days, and descends only where something
happened. A request tells most when both answers are equally likely; that is how large it makes each one:

- It learns in the course of a sync how often a day is active, by the campaign's age in weeks of four, the weekday, and
  the days since the campaign's last activity. Where every day is active, it asks day by day.
- The aggregate of a campaign's whole window tells how much there is to find. When all of it is found, the rest of the
  window is asked about at once.
- What an earlier sync knew sorts the campaigns: the quiet ones are asked about together.

Days are settled in order, campaign by campaign, so that a history can be continued from wherever it was cut off.
Nothing here knows of HTTP: the plan is given a function that answers.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import accumulate
from threading import Lock
from typing import Any

WORST_CASE = 1.10
"""Requests per campaign and day that are never exceeded, beside WORST_CASE_PER_CAMPAIGN."""
WORST_CASE_PER_CAMPAIGN = 2

RECENT = timedelta(days=7)
"""A campaign last active so shortly before its window is expected to be active in it."""
FEW_DAYS = 16
"""Up to so many days of a campaign that is expected to be active are read without asking about the window first.

The usual look-back is within it.
"""
SAMPLES_OF_PRIOR = 2.0
"""How many days' experience an expectation is worth when new experience is added to it."""
LEAST_CHANCE = 1e-4
MOST_REFUSALS = 10
"""When so many campaigns are refused one by one and nothing was ever answered, the campaigns are not the reason."""


@dataclass(frozen=True)
class Aggregate:
    """The answer about some campaigns over some days.

    values: the metrics, as they came. empty: nothing happened. actions: how many actions there were; unlike distinct
    recipients, they add up over days.
    """

    values: Mapping[str, Any]
    empty: bool
    actions: int


Ask = Callable[[Sequence[int], date, date], Aggregate]
"""The aggregate of these campaigns over these days, both included. Raises Refused."""


class Refused(Exception):
    """These campaigns are not answered for. `certain`: a single campaign is gone, whatever else is asked."""

    def __init__(self, cause: Exception, certain: bool) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.certain = certain


@dataclass(frozen=True)
class Window:
    """The days of a campaign that are to be known, both ends included.

    began: the first day of the campaign's life. last_active: the last day on which an earlier sync saw activity; None
    if no earlier sync knew the campaign.
    """

    campaign: int
    first: date
    last: date
    began: date
    last_active: date | None = None

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    def day(self, number: int) -> date:
        return self.first + timedelta(days=number)


@dataclass(frozen=True)
class Settled:
    """A part of the plan that needs no request any more: the campaign's days are all like `aggregate`, or refused."""

    window: Window
    outcome: Aggregate | Refused


@dataclass(frozen=True)
class Unsettled:
    """A campaign whose days have to be read; `aggregate` over the whole window if it was asked for."""

    window: Window
    aggregate: Aggregate | None


Condition = tuple[Any, ...]


class Experience:
    """How often something was active, under each condition that was known before."""

    def __init__(self) -> None:
        self._counts: dict[Condition, list[int]] = defaultdict(lambda: [0, 0])
        self._lock = Lock()

    def chance(self, prior: float, conditions: Iterable[Condition]) -> float:
        """From `prior` to the last condition, each expectation is the next one's prior."""
        chance = prior
        for condition in conditions:
            active, seen = self._counts.get(condition, (0, 0))
            chance = (active + SAMPLES_OF_PRIOR * chance) / (seen + SAMPLES_OF_PRIOR)
        return min(max(chance, LEAST_CHANCE), 1 - LEAST_CHANCE)

    def learn(self, conditions: Iterable[Condition], active: bool) -> None:
        with self._lock:
            for condition in conditions:
                counts = self._counts[condition]
                counts[0] += active
                counts[1] += 1


class Plan:
    """The requests of one sync. Several threads may read different campaigns of it at the same time."""

    def __init__(self, windows: Sequence[Window], ask: Ask, most_campaigns: int) -> None:
        """`most_campaigns`: how many one request can name."""
        self._windows = windows
        self._ask = ask
        self._most_campaigns = most_campaigns
        self._experience = Experience()
        self._lock = Lock()
        self._requests = 0
        self._days_left = sum(window.days for window in windows)
        self._refused: dict[int, Refused] = {}
        self._any_answered = False
        self._allowance = WORST_CASE * self._days_left + WORST_CASE_PER_CAMPAIGN * len(windows)

    @property
    def requests(self) -> int:
        """Requests made so far."""
        return self._requests

    @property
    def days_left(self) -> int:
        """Campaigns' days that are not settled yet; about as many requests at most are still to be made."""
        return self._days_left

    def campaigns(self) -> Iterator[Settled | Unsettled]:
        """Each window once, as soon as it is known whether anything happened in it.

        Raises the cause of a refusal when the API answers for none of them: then the campaigns are not at fault.
        """
        alike: dict[tuple[date, date], list[Window]] = defaultdict(list)
        for window in self._windows:
            alike[window.first, window.last].append(window)
        for windows in alike.values():
            others = []
            for window in windows:
                if window.days <= FEW_DAYS and _is_recent(window):
                    yield Unsettled(window, None)
                else:
                    others.append(window)
            yield from self._divide(sorted(others, key=_window_prior, reverse=True))
        self._fail_if_nothing_is_answered(len(self._windows))

    def days(self, part: Settled | Unsettled) -> Iterator[tuple[date, Aggregate]]:
        """The campaign's days in order, each with its own aggregate. Raises Refused for a campaign to be skipped."""
        if isinstance(part, Unsettled):
            yield from self._scan(part)
        elif isinstance(part.outcome, Refused):
            raise part.outcome
        else:
            yield from ((part.window.day(number), part.outcome) for number in range(part.window.days))

    def _divide(self, windows: Sequence[Window]) -> Iterator[Settled | Unsettled]:
        """Campaigns with the same window, of which few may be active."""

        def chances(at: int) -> Iterator[float]:
            return (self._window_chance(window) for window in windows[at:])

        def ask(start: int, stop: int) -> Aggregate:
            return self._ask_together(windows[start:stop])

        for start, stop, aggregate in self._search(len(windows), chances, ask, self._most_campaigns):
            for window in windows[start:stop]:
                if window.campaign in self._refused:
                    self._settle(window.days)
                    yield Settled(window, self._refused[window.campaign])
                    continue
                self._experience.learn(_window_conditions(window), not aggregate.empty)
                if aggregate.empty or window.days == 1:
                    self._settle(window.days)
                    yield Settled(window, aggregate)
                else:
                    yield Unsettled(window, aggregate)

    def _ask_together(self, windows: Sequence[Window]) -> Aggregate:
        """The aggregate of the windows; those at fault when the API refuses it are noted, and count as empty.

        Who is at fault is found by asking in halves.
        """
        try:
            return self._answer([window.campaign for window in windows], windows[0].first, windows[0].last)
        except Refused as refusal:
            if len(windows) == 1:
                self._refused[windows[0].campaign] = refusal
                self._fail_if_nothing_is_answered(MOST_REFUSALS)
                return Aggregate({}, True, 0)
        with self._lock:
            self._requests += 2
        middle = len(windows) // 2
        halves = self._ask_together(windows[:middle]), self._ask_together(windows[middle:])
        # When only one half is not empty, its aggregate is that of the whole; else it is only known not to be empty.
        return max(halves, key=lambda half: (not half.empty, bool(half.values)))

    def _answer(self, campaigns: Sequence[int], first: date, last: date) -> Aggregate:
        answer = self._ask(campaigns, first, last)
        self._any_answered = True
        return answer

    def _fail_if_nothing_is_answered(self, most: int) -> None:
        """Raises when so many campaigns were refused one by one; a single one only if it may well be there."""
        refusals = list(self._refused.values())
        if (
            refusals
            and len(refusals) >= most
            and not self._any_answered
            and not (len(refusals) == 1 and refusals[0].certain)
        ):
            raise refusals[0].cause

    def _scan(self, part: Unsettled) -> Iterator[tuple[date, Aggregate]]:
        """The days of one campaign."""
        window = part.window
        to_find = part.aggregate.actions if part.aggregate else None
        quiet = 0  # days in a row, up to the one that is asked about

        def chances(at: int) -> Iterator[float]:
            days = range(at, window.days)
            expected = [self._day_chance(window, number, quiet + number - at, to_find) for number in days]
            # Never more active days than actions: a campaign with few of them has long quiet spans.
            share = min(1.0, to_find / sum(expected)) if to_find else 1.0
            return (chance * share for chance in expected)

        def ask(start: int, stop: int) -> Aggregate:
            try:
                return self._answer([window.campaign], window.day(start), window.day(stop - 1))
            except Refused as refusal:
                # The campaign is at fault, whatever the days.
                self._settle(window.days - start)
                raise (refusal if refusal.certain else refusal.cause) from None

        for start, stop, aggregate in self._search(window.days, chances, ask, window.days, part.aggregate):
            for number in range(start, stop):
                self._experience.learn(_day_conditions(window, number, quiet, to_find), not aggregate.empty)
                quiet = quiet + 1 if aggregate.empty else 0
            if to_find is not None:
                to_find = max(to_find - aggregate.actions, 0)
            self._settle(stop - start)
            yield from ((window.day(number), aggregate) for number in range(start, stop))

    def _search(
        self,
        count: int,
        chances: Callable[[int], Iterator[float]],
        ask: Callable[[int, int], Aggregate],
        most: int,
        whole: Aggregate | None = None,
    ) -> Iterator[tuple[int, int, Aggregate]]:
        """Settles `count` things in order: yields each run of empty ones, and each other one on its own.

        chances: how likely each thing from a number on is to be active. ask: the aggregate of the things from `start`
        up to, not including, `stop`, at `most` so many. whole: the aggregate of all, if it is known not to be empty.
        """
        at, end = 0, count
        active = whole  # the aggregate of what lies from `at` up to `end`, when that is known not to be empty
        while at < count:
            if active is not None and end - at == 1:
                # Everything else in that aggregate was empty, so it is this one's own: no need to ask.
                yield at, end, active
                at, active = end, None
                continue
            limit = min(most, end - at - 1 if active else count - at)
            size = _even_odds(chances(at), limit, end - at if active else None) if self._may_ask_for_several() else 1
            answer = ask(at, at + size)
            if answer.empty:
                yield at, at + size, answer
                at += size
            else:
                active, end = answer, at + size

    def _may_ask_for_several(self) -> bool:
        """Counts the next request; says whether the worst case allows that it settles nothing."""
        with self._lock:
            self._requests += 1
            return self._requests + self._days_left <= self._allowance

    def _settle(self, days: int) -> None:
        with self._lock:
            self._days_left -= days

    def _window_chance(self, window: Window) -> float:
        return self._experience.chance(_window_prior(window), _window_conditions(window))

    def _day_chance(self, window: Window, number: int, quiet: int, to_find: int | None) -> float:
        # After so many quiet days, activity becomes less likely day by day. Nothing left to find leaves opens and
        # replies, which count distinct recipients and so are not in `to_find`.
        prior = (0.2 if to_find == 0 else 0.5) / (quiet + 1)
        return self._experience.chance(prior, _day_conditions(window, number, quiet, to_find))


def _even_odds(chances: Iterable[float], most: int, within: int | None) -> int:
    """How many things, from the first on and at most `most`, are as likely to be all empty as not.

    within: of so many things, one at least is active.
    """
    all_empty = list(accumulate((1 - chance for chance in chances), lambda left, right: left * right))
    none = all_empty[within - 1] if within else 0.0
    if none >= 1:
        return max(1, most // 2)
    return min(range(1, most + 1), key=lambda size: abs((all_empty[size - 1] - none) / (1 - none) - 0.5))


def _is_recent(window: Window) -> bool:
    return window.last_active is not None and window.last_active >= window.first - RECENT


def _window_prior(window: Window) -> float:
    if window.last_active is None:
        return 0.3
    return 0.8 if _is_recent(window) else 0.02


def _window_conditions(window: Window) -> list[Condition]:
    return [("window", _window_prior(window))]


def _day_conditions(window: Window, number: int, quiet: int, to_find: int | None) -> list[Condition]:
    day = window.day(number)
    few_or_many = quiet if quiet < 3 else min(2 + int(math.log2(quiet - 1)), 8)
    if to_find == 0:
        return [("all found", few_or_many)]
    age = min((day - window.began).days // 28, 13)
    return [("quiet", few_or_many), ("age", age, day.weekday())]
