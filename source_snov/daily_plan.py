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
from itertools import accumulate, islice, takewhile
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
WINDOW_PRIORS = {"new": 0.3, "recent": 0.8, "quiet": 0.02}
"""How likely a campaign is active in its window before a sync has learnt: never seen, active lately, or long silent."""
FIRST_DAY_PRIOR, ALL_FOUND_PRIOR = 0.5, 0.2
"""How likely the day after an active one is active: at first, and when all actions of the window are found.

Opens and replies, which count people and so are no actions, still come then.
"""
AGE_STEP, OLDEST_AGE = 28, 13
"""Days of an age, and the age that stands for all older ones."""
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


class NothingAnswered(LookupError):
    """Every campaign is said to be gone, and none was ever answered for: they cannot all be at fault."""


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
    """A campaign whose days have to be read.

    aggregate: of the whole window, if it was asked for. ask_first: whether it should be, before its days are.
    """

    window: Window
    aggregate: Aggregate | None = None
    ask_first: bool = False


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
        self._days = self._days_left = sum(window.days for window in windows)
        self._refused: dict[int, Refused] = {}
        self._any_answered = False
        self._doubtful = 0  # campaigns in a row that were refused, and may be there
        self._allowance = WORST_CASE * self._days_left + WORST_CASE_PER_CAMPAIGN * len(windows)

    @property
    def requests(self) -> int:
        """Requests made so far."""
        return self._requests

    @property
    def days_left(self) -> int:
        """Campaigns' days that are not settled yet."""
        return self._days_left

    @property
    def requests_left(self) -> int:
        """About how many requests are still to be made, if the rest is like what is settled."""
        settled = self._days - self._days_left
        return math.ceil(self._days_left * min(1.0, self._requests / settled)) if settled else self._days_left

    def campaigns(self) -> Iterator[Settled | Unsettled]:
        """Each window once, as soon as it is known whether anything happened in it."""
        alike: dict[tuple[date, date], list[Window]] = defaultdict(list)
        for window in self._windows:
            alike[window.first, window.last].append(window)
        for windows in alike.values():
            together = []
            for window in windows:
                if window.days <= FEW_DAYS and _kind(window) == "recent":
                    yield Unsettled(window)
                elif len(windows) == 1:
                    yield Unsettled(window, ask_first=True)
                else:
                    together.append(window)
            yield from self._divide(sorted(together, key=_window_prior, reverse=True))

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
            return (self._experience.chance(_window_prior(one), _window_conditions(one)) for one in windows[at:])

        def ask(start: int, stop: int) -> Aggregate | None:
            if stop - start == 1 and windows[start].days > 1 and not self._may_be_in_vain():
                return None  # its days are asked about at once
            return self._ask_together(windows[start:stop])

        for start, stop, aggregate in self._search(len(windows), chances, ask, self._most_campaigns):
            for window in windows[start:stop]:
                if window.campaign in self._refused:
                    self._settle(window.days)
                    yield Settled(window, self._refused[window.campaign])
                elif aggregate is None:
                    yield Unsettled(window)
                else:
                    yield self._divided(window, aggregate)

    def _divided(self, window: Window, aggregate: Aggregate) -> Settled | Unsettled:
        self._experience.learn(_window_conditions(window), not aggregate.empty)
        if not aggregate.empty and window.days > 1:
            return Unsettled(window, aggregate)
        self._settle(window.days)
        return Settled(window, aggregate)

    def _ask_together(self, windows: Sequence[Window]) -> Aggregate | None:
        """The aggregate of the windows, except of those that the API refuses, which are noted; None if it refuses all.

        Who is at fault is found by asking in halves. Those requests are not part of the worst case.
        """
        windows = [window for window in windows if window.campaign not in self._refused]
        if not windows:
            return None
        try:
            return self._answer([window.campaign for window in windows], windows[0].first, windows[0].last)
        except Refused as refusal:
            if len(windows) == 1:
                self._note(windows[0], refusal)
                return None
        middle = len(windows) // 2
        halves = [self._ask_together(windows[:middle]), self._ask_together(windows[middle:])]
        # When only one half is not empty, its aggregate is that of the whole; else it is only known not to be empty.
        return max((half for half in halves if half), key=lambda half: not half.empty, default=None)

    def _answer(self, campaigns: Sequence[int], first: date, last: date) -> Aggregate:
        with self._lock:
            self._requests += 1
        answer = self._ask(campaigns, first, last)
        self._any_answered = True
        self._doubtful = 0
        return answer

    def _note(self, window: Window, refusal: Refused) -> None:
        """Notes that a campaign is at fault. Raises the cause if it cannot be: when the API answers for none at all.

        One campaign may be gone where the API says so in other words; of a second one in a row, the API is at fault.
        """
        self._refused[window.campaign] = refusal
        self._doubtful += not refusal.certain
        if self._doubtful > 1 and self._any_answered:
            raise refusal.cause
        lone = len(self._windows) == 1 and refusal.certain
        if len(self._refused) >= min(MOST_REFUSALS, len(self._windows)) and not self._any_answered and not lone:
            if refusal.certain:
                raise NothingAnswered(str(refusal.cause)) from refusal.cause
            raise refusal.cause

    def _scan(self, part: Unsettled) -> Iterator[tuple[date, Aggregate]]:
        """The days of one campaign."""
        window = part.window
        answered = part.aggregate is not None

        def ask(start: int, stop: int) -> Aggregate:
            nonlocal answered
            try:
                answer = self._answer([window.campaign], window.day(start), window.day(stop - 1))
            except Refused as refusal:
                self._settle(window.days - start)
                if answered and not refusal.certain:
                    # It was answered for a moment ago.
                    raise refusal.cause from None
                self._note(window, refusal)
                raise
            answered = True
            return answer

        whole = part.aggregate
        if whole is None and part.ask_first and window.days > 1 and self._may_be_in_vain():
            whole = ask(0, window.days)
            self._experience.learn(_window_conditions(window), not whole.empty)
        if whole is not None and whole.empty:
            self._settle(window.days)
            yield from ((window.day(number), whole) for number in range(window.days))
            return
        to_find = whole.actions if whole else None
        quiet = 0  # days in a row, up to the one that is asked about

        def chances(at: int) -> Iterator[float]:
            left = window.days - at
            share = 1.0
            if to_find and to_find < left:
                # Never more active days than actions: a campaign with few of them has long quiet spans.
                expected = sum(self._day_chance(window, at + ahead, quiet + ahead, to_find) for ahead in range(left))
                share = min(1.0, to_find / expected)
            return (self._day_chance(window, at + ahead, quiet + ahead, to_find) * share for ahead in range(left))

        for start, stop, aggregate in self._search(window.days, chances, ask, window.days, whole):
            assert aggregate is not None
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
        ask: Callable[[int, int], Aggregate | None],
        most: int,
        whole: Aggregate | None = None,
    ) -> Iterator[tuple[int, int, Aggregate | None]]:
        """Settles `count` things in order: yields each run of empty ones, and each other one on its own.

        chances: how likely each thing from a number on is to be active. ask: the aggregate of the things from `start`
        up to, not including, `stop`, at `most` so many; None if there is none. whole: the aggregate of all, if it is
        known not to be empty.
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
            size = _even_odds(chances(at), limit, end - at if active else None) if self._may_be_in_vain() else 1
            answer = ask(at, at + size)
            if answer is None or answer.empty:
                yield at, at + size, answer
                at += size
                active = active if answer else None
            else:
                active, end = answer, at + size

    def _may_be_in_vain(self) -> bool:
        """Whether the next request may settle nothing and the worst case still holds.

        Threads that ask this at the same time may exceed it by a request each.
        """
        return self._requests + 1 + self._days_left <= self._allowance

    def _settle(self, days: int) -> None:
        with self._lock:
            self._days_left -= days

    def _day_chance(self, window: Window, number: int, quiet: int, to_find: int | None) -> float:
        # After so many quiet days, activity becomes less likely day by day.
        prior = (ALL_FOUND_PRIOR if to_find == 0 else FIRST_DAY_PRIOR) / (quiet + 1)
        return self._experience.chance(prior, _day_conditions(window, number, quiet, to_find))


def _even_odds(chances: Iterable[float], most: int, within: int | None) -> int:
    """How many things, from the first on and at most `most`, are as likely to be all empty as not.

    within: of so many things, one at least is active.
    """
    all_empty = accumulate((1 - chance for chance in chances), lambda left, right: left * right)
    if within is None:
        # What follows a span that is hardly ever empty does not matter.
        likely = list(takewhile(lambda empty: empty > 0.01, islice(all_empty, most))) or [0.0]
        return 1 + min(range(len(likely)), key=lambda number: abs(likely[number] - 0.5))
    known = list(islice(all_empty, within))
    none = known[-1]
    if none >= 1:
        return max(1, most // 2)
    return 1 + min(range(most), key=lambda number: abs((known[number] - none) / (1 - none) - 0.5))


def _kind(window: Window) -> str:
    """What an earlier sync makes one expect of a campaign: one of WINDOW_PRIORS."""
    if window.last_active is None:
        return "new"
    return "recent" if window.last_active >= window.first - RECENT else "quiet"


def _window_prior(window: Window) -> float:
    return WINDOW_PRIORS[_kind(window)]


def _window_conditions(window: Window) -> list[Condition]:
    return [("window", _kind(window))]


def _day_conditions(window: Window, number: int, quiet: int, to_find: int | None) -> list[Condition]:
    day = window.day(number)
    # 0, 1, 2, and then twice as many days each.
    quiet_bucket = quiet if quiet < 3 else min(2 + int(math.log2(quiet - 1)), 8)
    if to_find == 0:
        return [("all found", quiet_bucket)]
    age = min((day - window.began).days // AGE_STEP, OLDEST_AGE)
    return [("quiet", quiet_bucket), ("age", age, day.weekday())]
