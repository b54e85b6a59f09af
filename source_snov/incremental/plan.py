"""Which aggregates to ask for, so that each cell of a report is known for as few requests as possible.

A report is about campaigns, senders, owners or the account: its entities. A cell is one of them in one period, mostly a
day. What is said of campaigns and days below holds for all of these.

The API gives one aggregate per request, over a set of entities and a span of days. Emptiness is monotone: when an
aggregate is all zeros, so is every campaign and every day in it, and one request has settled them all. So the plan
asks about groups of campaigns first, then about spans of one campaign's days, and descends only where something
happened. A request tells most when both answers are equally likely; that is how large it makes each one:

- It learns in the course of a sync how often a day is active, by the campaign's age in weeks of four, the weekday, and
  the days since the campaign's last activity. Where every day is active, it asks day by day.
- The aggregate of a campaign's whole window tells how much there is to find. When all of it is found, the rest of the
  window is asked about at once.
- What an earlier sync knew sorts the campaigns: the quiet ones are asked about together.

Days are settled in order, campaign by campaign, so that a history can be continued from wherever it was cut off.
What is taken for empty, or deduced, rests on assumptions about the API that are checked (see `assumptions`); days that
were settled on one that does not hold are asked for again. Nothing here knows of HTTP.
"""

import logging
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from itertools import accumulate, islice, repeat, takewhile
from threading import Lock
from typing import Any

from source_snov.api.assumptions import ACCOUNT, Aggregate, Assumptions, Entity, Refused
from source_snov.api.exceptions import MAX_MISSING
from source_snov.incremental.estimate import Estimate, alike
from source_snov.incremental.periods import Period
from source_snov.records.values import DAY

logger = logging.getLogger("airbyte.snov")

WORST_CASE = 1.10
"""Requests per campaign and day that are never exceeded, beside the two below, unless an assumption fails."""

WORST_CASE_PER_CAMPAIGN = 2

WORST_CASE_PER_SYNC = 12
"""Requests that find out how the API reads requests, where cells are days; see `worst_case_per_sync`."""

RECENT = timedelta(days=7)
"""A campaign that was active at most this long before its window is expected to be active in it."""

FEW_DAYS = 16
"""Up to this many days of a campaign that is expected to be active are read without asking about the window first.

The usual look-back is within it.
"""

WINDOW_PRIORS = {"new": 0.3, "recent": 0.8, "quiet": 0.02}
"""How likely a campaign is active in its window before a sync has learnt: never seen, active lately, or long silent."""

FIRST_DAY_PRIOR, ALL_FOUND_PRIOR = 0.5, 0.2
"""How likely the day after an active one is active: at first, and when all actions of the window are found.

Opens and replies count people, not actions, so they may still come.
"""

SAMPLES_OF_PRIOR = 2.0
"""The weight of an expectation, in days, when experience is added to it."""

MIN_CHANCE = 1e-4

FIRST_WEEKS = timedelta(days=27)

FIRST_LOOK = 8
"""Consecutive campaigns that are assumed to be active, without a request, before a group is checked: those at work
often stand together in the list. Doubles after each such check.
"""

MAX_SEARCHED = 3
"""Campaigns whose first weeks are searched for an active day, where none is known."""


class NothingFound(LookupError):
    """Every campaign is said to be gone, and none was ever answered for: they cannot all be at fault."""


class AskForLess(Exception):
    """The API refuses a request for its size, or an assumption about requests of this size does not hold."""


@dataclass(frozen=True, slots=True)
class Window:
    """The days of an entity that are to be known, both ends included, and what they are divided into.

    began: the first day of the entity's life. last_active: the last day on which an earlier sync saw activity; None if
    no earlier sync knew the entity. part: 0, or higher for older days that are to be asked about later. The first and
    the last cell may be a part of their period.
    """

    entity: Entity
    first: date
    last: date
    began: date
    last_active: date | None = None
    part: int = 0
    period: Period = Period.DAY

    @property
    def days(self) -> int:
        return (self.last - self.first).days + 1

    @property
    def is_recent(self) -> bool:
        """Whether there was activity in these days, or shortly before, as far as is known."""
        return self.last_active is not None and self.last_active >= self.first - RECENT

    @property
    def cells(self) -> int:
        return self.period.number(self.last) - self.period.number(self.first) + 1

    def cell(self, number: int) -> date:
        """The first day of a cell."""
        return max(self.first, self.period.begins(self.period.number(self.first) + number))

    def part_of(self, start: int, stop: int) -> "Window":
        """The window of the cells from `start` up to, not including, `stop`."""
        last = self.last if stop >= self.cells else self.cell(stop) - DAY
        return replace(self, first=self.cell(start), last=last)


Cell = tuple[Window, Aggregate]
"""A window of one cell, and its aggregate."""


@dataclass(frozen=True)
class Settled:
    """A part of the plan that needs no request any more: the campaign's days are all like `outcome`, or refused.

    doubts: how many there were when that was asked for.
    """

    window: Window
    outcome: Aggregate | Refused
    doubts: int = 0


@dataclass(frozen=True)
class Unsettled:
    """A campaign whose days have to be read.

    aggregate: of the whole window, if it was asked for. ask_first: whether it should be, before its days are.
    """

    window: Window
    aggregate: Aggregate | None = None
    ask_first: bool = False


@dataclass(frozen=True)
class Again:
    """Days of a campaign that were taken for empty on an assumption that does not hold.

    missing: how many actions the aggregate of the whole window has beyond those of its days, where that is the reason.
    """

    windows: Sequence[Window]
    missing: int | None = None


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
        return min(max(chance, MIN_CHANCE), 1 - MIN_CHANCE)

    def learn(self, conditions: Iterable[Condition], active: bool) -> None:
        with self._lock:
            for condition in conditions:
                counts = self._counts[condition]
                counts[0] += active
                counts[1] += 1


class Plan:
    """The requests of one sync. Several threads may read different campaigns of it at the same time.

    saves: how many requests a campaign without activity saves, where its days are not asked for afterwards: a campaign
    is then asked about alone only if that probably pays, and one that has its window to itself never is. None where
    its days are.
    """

    def __init__(
        self, windows: Sequence[Window], assumptions: Assumptions, today: date, saves: float | None = None
    ) -> None:
        self._windows = windows
        self._saves = saves
        self._assumptions = assumptions
        self._today = today
        self._experience = Experience()
        self._lock = Lock()
        self._at_the_end = Lock()
        self._estimate = Estimate(windows)
        self._days_left = sum(window.cells for window in windows)
        self._longest = max((window.days for window in windows), default=0)
        self._refused: dict[Entity, Refused] = {}
        self._any_answered = False
        self._doubtful = 0  # campaigns in a row that were refused, and may be there
        self._campaigns = list(dict.fromkeys(window.entity for window in windows))
        per_campaign = WORST_CASE_PER_CAMPAIGN * len(self._campaigns)
        self._allowance = WORST_CASE * self._days_left + per_campaign + worst_case_per_sync(windows)
        self._taken: list[Window] = []  # days that are taken for empty
        self._given: list[Window] = []  # those of them that were given as such
        self._active: Window | None = None  # one in which something happened
        self._doubts = 0  # how often some of them had to be asked for again
        self._listed = False  # whether several campaigns were taken for empty together
        self._again: list[Again] = []

    @property
    def requests(self) -> int:
        """Requests made so far."""
        return self._assumptions.requests

    @property
    def days_left(self) -> int:
        """Campaigns' days that are not settled yet."""
        return self._days_left

    @property
    def requests_left(self) -> int:
        """About how many requests are still to be made."""
        with self._lock:
            left = self._estimate.requests_left(self.requests)
        return math.ceil(min(left, max(self._allowance - self.requests, 0)))

    def campaigns(self) -> Iterator[Settled | Unsettled]:
        """Each window once, as soon as it is known whether anything happened in it."""
        if self._windows:
            self._assumptions.confirm_last_day()
        alike: dict[tuple[date, date], list[Window]] = defaultdict(list)
        for window in self._windows:
            alike[window.first, window.last].append(window)
        for windows in alike.values():
            together = []
            for window in windows:
                if window.cells <= FEW_DAYS and _kind(window) == "recent" and self._saves is None:
                    yield Unsettled(window)
                elif len(windows) == 1:
                    yield Unsettled(window, ask_first=self._saves is None)
                else:
                    together.append(window)
            yield from self._divide(sorted(together, key=_likely, reverse=True))

    def cells(self, part: Settled | Unsettled) -> Iterator[Cell]:
        """The cells in order, each with its own aggregate. Raises Refused for an entity to be skipped."""
        refused = self._refused.get(part.window.entity)
        if isinstance(part, Unsettled) and refused:
            self._settle(part.window, part.window.cells)
            raise refused
        if isinstance(part, Unsettled):
            yield from self._scan(part)
        elif isinstance(part.outcome, Refused):
            raise part.outcome
        else:
            yield from self._give(part.window, part.outcome, part.doubts)

    def corrections(self) -> Iterator[Cell]:
        """Cells that turned out not to be empty after they had been given as such.

        There are none unless an assumption fails that could not be checked before.
        """
        if not self._days_left:
            # One thread looks, and the others learn from it.
            with self._at_the_end:
                self._check_what_was_taken()
        while self._again:
            with self._lock:
                again = self._again.pop() if self._again else Again(())
            found = 0
            for window in again.windows:
                # A campaign that is gone by now keeps what was read of it.
                with suppress(Refused):
                    for cell, aggregate in self._scan(Unsettled(window), alone=again.missing is not None):
                        found += aggregate.actions
                        if not aggregate.empty:
                            yield cell, aggregate
            if again.missing is None:
                continue
            if found >= again.missing:
                self._assumptions.ask_day_by_day(again.windows[0].entity, again.windows[0].last)
                self._doubt()
            else:
                self._take_as_they_are(again.windows[-1])

    def is_trusted(self) -> bool:
        """Whether days that were taken for empty can be relied on, as far as that can be checked."""
        with self._at_the_end:
            if not self._doubts:
                self._check_what_was_taken()
        return not self._doubts

    def _divide(self, windows: Sequence[Window]) -> Iterator[Settled | Unsettled]:
        """Campaigns with the same window, of which few may be active."""

        unasked, most_unasked = 0, FIRST_LOOK

        def chances(at: int) -> Iterator[float]:
            if unasked >= most_unasked:
                return repeat(WINDOW_PRIORS["quiet"], len(windows) - at)
            return (self._experience.chance(_window_prior(one), _window_conditions(one)) for one in windows[at:])

        doubts = self._doubts

        def ask(start: int, stop: int, within: Aggregate | None) -> Aggregate | None:
            nonlocal doubts, unasked, most_unasked
            doubts = self._doubts
            days = windows[start].days
            if days > self._assumptions.most_days:
                return None
            if stop - start == 1 and windows[start].cells > 1 and not self._pays(windows[start]):
                if self._saves is not None and within is not None:
                    self._experience.learn(_window_conditions(windows[start]), active=True)
                unasked += 1
                return None  # its days are asked about at once
            if unasked >= most_unasked:
                most_unasked *= 2
            unasked = 0
            aggregate = self._ask_together(windows[start:stop])
            self._take(windows[start:stop], aggregate)
            return aggregate

        def most() -> int:
            return self._assumptions.most_campaigns

        # What is deduced of a window with several days only says that they have to be read.
        check = bool(windows) and windows[0].cells == 1
        for start, stop, aggregate in self._search(len(windows), chances, ask, most, check=check):
            for window in windows[start:stop]:
                if window.entity in self._refused:
                    self._settle(window, window.cells)
                    yield Settled(window, self._refused[window.entity])
                elif aggregate is None:
                    yield Unsettled(window)
                else:
                    yield self._divided(window, aggregate, doubts)

    def _pays(self, window: Window) -> bool:
        """Whether it pays to ask about the whole window of one campaign."""
        if self._saves is None:
            return self._may_be_in_vain()
        quiet = 1 - self._experience.chance(_window_prior(window), _window_conditions(window))
        return self._saves * quiet > 1

    def _divided(self, window: Window, aggregate: Aggregate, doubts: int) -> Settled | Unsettled:
        self._experience.learn(_window_conditions(window), not aggregate.empty)
        if not aggregate.empty:
            self._active = self._active or window
            if window.cells > 1 or not aggregate.exact:
                return Unsettled(window, aggregate)
        self._settle(window, window.cells)
        return Settled(window, aggregate, doubts)

    def _ask_together(self, windows: Sequence[Window]) -> Aggregate | None:
        """The aggregate of the windows, except of those that the API refuses, which are noted; None if it refuses all.

        The refused ones are found by bisection. Those requests are not part of the worst case.
        """
        windows = [window for window in windows if window.entity not in self._refused]
        if not windows:
            return None
        try:
            return self._aggregate([window.entity for window in windows], windows[0].first, windows[0].last)
        except Refused as refusal:
            if len(windows) == 1:
                if at_fault := self._at_fault(windows[0], refusal):
                    self._note(windows[0], at_fault)
                return None
        refused, middle = len(self._refused), len(windows) // 2
        halves = [self._ask_together(windows[:middle]), self._ask_together(windows[middle:])]
        if len(self._refused) == refused:
            self._assumptions.most_campaigns = min(self._assumptions.most_campaigns, len(windows) - middle)
        # When only one half is not empty, its aggregate is that of the whole; else it is only known not to be empty.
        return max((half for half in halves if half), key=lambda half: not half.empty, default=None)

    def _aggregate(self, campaigns: Sequence[Entity], first: date, last: date) -> Aggregate:
        aggregate = self._assumptions.aggregate(campaigns, first, last)
        self._any_answered = True
        self._doubtful = 0
        return aggregate

    def _at_fault(self, window: Window, refusal: Refused) -> Refused | None:
        """Why a campaign is refused; None if it is for the number of days, of which fewer are asked for from now on."""
        if refusal.certain or window.days == 1:
            return refusal
        try:
            self._aggregate([window.entity], window.first, window.first)
        except Refused as of_one_day:
            return of_one_day
        if window.cells == 1:
            return refusal  # which a part of a month cannot stand for
        self._assumptions.most_days = min(self._assumptions.most_days, max(1, window.days // 2))
        return None

    def _note(self, window: Window, refusal: Refused) -> None:
        """Notes that a campaign is at fault. Raises the cause if it cannot be: when the API answers for none at all.

        One campaign may be gone where the API says so in other words; of a second one in a row, the API is at fault.
        """
        if window.entity == ACCOUNT:
            raise NothingFound(str(refusal.cause)) if refusal.certain else refusal.cause
        self._refused[window.entity] = refusal
        self._doubtful += not refusal.certain
        if self._doubtful > 1 and self._any_answered:
            raise refusal.cause
        lone = len(self._campaigns) == 1 and refusal.certain
        if len(self._refused) >= min(MAX_MISSING, len(self._campaigns)) and not self._any_answered and not lone:
            if refusal.certain:
                raise NothingFound(str(refusal.cause)) from refusal.cause
            raise refusal.cause

    def _take(self, windows: Sequence[Window], aggregate: Aggregate | None) -> None:
        """Takes days for empty if the response about them is. Raises AskForLess if that cannot be believed."""
        if aggregate is None or not aggregate.empty:
            return
        if len(windows) == windows[0].cells == 1:
            return
        self._listed = self._listed or len(windows) > 1
        if not self._holds():
            raise AskForLess
        with self._lock:
            self._taken += (window for window in windows if window.entity not in self._refused)

    def _holds(self) -> bool:
        """Whether long lists and spans may be taken for empty; if not, all that were are asked for again."""
        holds = not self._listed or self._assumptions.check_lists(self._campaigns)
        holds = self._assumptions.check_spans(self._longest, self._today) and holds
        if not holds:
            self._doubt()
        return holds

    def _check_what_was_taken(self) -> None:
        """Runs the checks that need an active day, and searches for one if there was none."""
        if not self._taken or not self._holds() or not self._assumptions.silent:
            return
        if self._active and self._assumptions.first(f"search {self._active.entity}"):
            self._assumptions.search([self._active.entity], self._active.first, self._active.last)
        # Few: where not even these were ever active, nothing can be found out.
        for window in sorted(self._taken, key=lambda window: window.began)[:MAX_SEARCHED]:
            if self._assumptions.silent and self._assumptions.first(f"search {window.entity}"):
                # Where a span of its own was found empty that has these weeks, only a day alone can tell more.
                is_own = window.first <= window.began and not self._listed
                last = window.began if is_own else min(window.began + FIRST_WEEKS, self._today)
                self._assumptions.search([window.entity], window.began, last)
        if not self._assumptions.silent:
            self._holds()

    def _doubt(self) -> None:
        """Has days that were given as empty asked for again; threads that still give days ask for the rest."""
        with self._lock:
            self._doubts += 1
            self._taken = []
            given, self._given = self._given, []
            self._ask_again(given)

    def _ask_again(self, windows: Sequence[Window], missing: int | None = None) -> None:
        """The caller holds the lock."""
        for window in windows:
            self._open_again(window)
        if windows:
            self._again.append(Again(windows, missing))

    def _give(self, window: Window, aggregate: Aggregate, doubts: int) -> Iterator[Cell]:
        """Days that are all like `aggregate`. doubts: how many there were when it was asked for.

        A day that is not empty was asked for as it is.

        Rows are written a day at a time, and the last version of a row stays. So once another thread finds reason to
        doubt, the remaining days are asked for, and those already given are corrected later.
        """
        if not aggregate.empty:
            yield window.part_of(0, 1), aggregate
            return
        given = 0
        while given < window.cells and self._doubts == doubts:
            yield window.part_of(given, given + 1), aggregate
            given += 1
        begun = window.part_of(0, given)
        with self._lock:
            if given and self._doubts == doubts:
                self._given.append(begun)
            elif given:
                self._ask_again([begun])
            if given < window.cells:
                self._open_again(window.part_of(given, window.cells))
        if given < window.cells:
            yield from self._scan(Unsettled(window.part_of(given, window.cells)))

    def _scan(self, part: Unsettled, alone: bool = False) -> Iterator[Cell]:
        """The days of one campaign. alone: each is asked for by itself."""
        window = part.window
        answered = part.aggregate is not None
        taken: list[Window] = []
        doubts = before = self._doubts

        def ask(start: int, stop: int, within: Aggregate | None) -> Aggregate:
            nonlocal answered, doubts
            doubts = self._doubts
            asked = window.part_of(start, stop)
            try:
                aggregate = self._aggregate([window.entity], asked.first, asked.last)
                answered = True
                self._take([asked], aggregate)
            except Refused as refusal:
                at_fault = self._at_fault(asked, refusal)
                if at_fault is None:
                    raise AskForLess from None
                self._settle(window, window.cells - start)
                if answered and not at_fault.certain:
                    # The API knew this campaign a moment ago.
                    raise at_fault.cause from None
                self._note(window, at_fault)
                raise at_fault from None
            if aggregate.empty and asked.cells > 1:
                taken.append(asked)
            return aggregate

        whole = part.aggregate
        may_ask = part.ask_first and window.cells > 1 and window.days <= self._assumptions.most_days
        if whole is None and may_ask and self._may_be_in_vain():
            with suppress(AskForLess):
                whole = ask(0, window.cells, None)
                self._experience.learn(_window_conditions(window), not whole.empty)
        if whole is not None and whole.empty:
            self._settle(window, window.cells)
            yield from self._give(window, whole, doubts)
            return
        total = whole.actions if whole is not None and whole.exact else None
        # An inexact total is a good enough estimate if its extra day is in the future.
        to_find = whole.actions if whole is not None and (whole.exact or window.last >= self._today) else None
        found = found_long_ago = 0
        quiet = 0  # days in a row, up to the one that is asked about

        def chances(at: int) -> Iterator[float]:
            left = window.cells - at
            share = 1.0
            if to_find and to_find < left:
                # Never more active days than actions: a campaign with few of them has long quiet spans.
                expected = sum(self._day_chance(window, at + ahead, quiet + ahead, to_find) for ahead in range(left))
                share = min(1.0, to_find / expected)
            return (self._day_chance(window, at + ahead, quiet + ahead, to_find) * share for ahead in range(left))

        def most() -> float:
            return 1 if alone else max(1, self._assumptions.most_days / window.period.days)

        for start, stop, aggregate in self._search(window.cells, chances, ask, most, whole):
            assert aggregate is not None
            for number in range(start, stop):
                self._experience.learn(_day_conditions(window, number, quiet, to_find), not aggregate.empty)
                quiet = quiet + 1 if aggregate.empty else 0
            found += aggregate.actions
            if window.part_of(start, stop).last < self._today - RECENT:
                found_long_ago += aggregate.actions
            if to_find is not None:
                to_find = max(to_find - aggregate.actions, 0)
            self._settle(window, stop - start, active=not aggregate.empty)
            if stop - start == 1:
                yield window.part_of(start, stop), aggregate
            else:
                run = window.part_of(start, stop)
                yield from self._give(run, aggregate, doubts)
        # What happens meanwhile is in the days and not in the total. A doubt that others found is acted upon already.
        may_compare = self._assumptions.additive and self._doubts == before
        if total is not None and may_compare and (found < total or found_long_ago > total):
            if taken:
                with self._lock:
                    self._ask_again(taken, max(total - found, 1))
            else:
                self._take_as_they_are(window)

    def _take_as_they_are(self, window: Window) -> None:
        """Says that the days of a window do not add up to its total, though each was asked for."""
        if self._assumptions.first("sums"):
            self._assumptions.additive = False
            logger.warning(
                f"{self._assumptions.stream_name}: Snov.io's figures do not add up. "
                f"{self._assumptions.describe(window.entity)}: its total of the days up to {window.last} is not the "
                "sum of these days, although each was asked for. The days are taken as they are. Compare them with "
                "Snov.io's own report, and report what differs to the connector's maintainers."
            )

    def _search(
        self,
        count: int,
        chances: Callable[[int], Iterator[float]],
        ask: Callable[[int, int, Aggregate | None], Aggregate | None],
        most: Callable[[], float],
        whole: Aggregate | None = None,
        check: bool = True,
    ) -> Iterator[tuple[int, int, Aggregate | None]]:
        """Settles `count` things in order: yields each run of empty ones, and each other one on its own.

        chances: how likely each thing from a number on is to be active. ask: the aggregate of the things from `start`
        up to, not including, `stop`, of which there are at most `most`; None if there is none. It is told the aggregate
        of more things, if these are known to be part of one that is not empty. whole: the aggregate of
        all, if it is known not to be empty. check: whether what is deduced may be asked for, to compare.
        """
        at, end = 0, count
        active = whole  # the aggregate of what lies from `at` up to `end`, when that is known not to be empty
        while at < count:
            exact = active is not None and active.exact
            if active is not None and end - at == 1 and (exact or not check) and self._assumptions.additive:
                # Everything else in that aggregate was empty, so it is this one's own: no need to ask.
                if not check or self._is_deduced(active, partial(ask, at, end, None)):
                    yield at, end, active
                    at = end
                active = None
                continue
            limit = int(min(most(), max(end - at - 1, 1) if active else count - at))
            size = _even_odds(chances(at), limit, end - at if active else None) if self._may_be_in_vain() else 1
            try:
                aggregate = ask(at, at + size, active)
            except AskForLess:
                active = None
                continue
            if aggregate is None or aggregate.empty:
                yield at, at + size, aggregate
                at += size
                if aggregate is None or end == count:
                    active = active if aggregate and at < end else None
                elif active and at == end:
                    # The activity was on the extra day of a request whose last day may not have counted.
                    end += 1
            elif size == 1:
                yield at, at + 1, aggregate
                at, active = at + 1, None
            else:
                active, end = aggregate, at + size

    def _is_deduced(self, aggregate: Aggregate, ask: Callable[[], Aggregate | None]) -> bool:
        """Whether what must be the only active part of an aggregate is; the first one of a sync is asked for."""
        if not self._assumptions.first("deduced"):
            return True
        asked = ask()
        if asked is None or (not asked.empty and asked.actions >= aggregate.actions):
            return True
        self._assumptions.additive = False
        logger.warning(
            f"{self._assumptions.stream_name}: Snov.io's total of several days has more than each of these days on its "
            "own. The days are taken as they are. Report this to the connector's maintainers."
        )
        return False

    def _may_be_in_vain(self) -> bool:
        """Whether the next request may settle nothing and the worst case still holds.

        Threads that ask this at the same time may exceed it by a request each.
        """
        return self.requests + 1 + self._days_left <= self._allowance

    def _settle(self, window: Window, days: int, active: bool = False) -> None:
        with self._lock:
            self._days_left -= days
            self._estimate.settle(window, days, active)

    def _open_again(self, window: Window) -> None:
        self._days_left += window.cells
        self._estimate.settle(window, -window.cells)

    def _day_chance(self, window: Window, number: int, quiet: int, to_find: int | None) -> float:
        # With each quiet day, activity becomes less likely.
        prior = (ALL_FOUND_PRIOR if to_find == 0 else FIRST_DAY_PRIOR) / (quiet + 1)
        return self._experience.chance(prior, _day_conditions(window, number, quiet, to_find))


def worst_case_per_sync(windows: Sequence[Window]) -> int:
    """Requests that find out how the API reads requests: in cells longer than a day, an active day is searched for."""
    days = cell_days(windows)
    return WORST_CASE_PER_SYNC + (2 * (days.bit_length() + 2) if days > 1 else 0)


def cell_days(windows: Sequence[Window]) -> int:
    """The most days of one cell."""
    return max((min(window.days, window.period.days) for window in windows), default=1)


def _even_odds(chances: Iterable[float], most: int, within: int | None) -> int:
    """How many things, from the first on and at most `most`, are as likely to be all empty as not.

    within: the number of things of which at least one is active.
    """
    all_empty = accumulate((1 - chance for chance in chances), lambda left, right: left * right)
    if within is None:
        # What follows a span that is rarely empty does not matter.
        likely = list(takewhile(lambda empty: empty > 0.01, islice(all_empty, most))) or [0.0]
        return 1 + min(range(len(likely)), key=lambda number: abs(likely[number] - 0.5))
    known = list(islice(all_empty, within))
    none = known[-1]
    if none >= 1:
        return max(1, most // 2)
    return 1 + min(range(most), key=lambda number: abs((known[number] - none) / (1 - none) - 0.5))


def _kind(window: Window) -> str:
    """What makes one expect activity of a campaign, or none: one of WINDOW_PRIORS."""
    if window.last_active is None:
        return "new"
    return "recent" if window.is_recent else "quiet"


def _window_prior(window: Window) -> float:
    return WINDOW_PRIORS[_kind(window)]


def _likely(window: Window) -> tuple[float, date]:
    """The higher, the likelier it is active."""
    return _window_prior(window), date.min if window.period is Period.DAY else window.began


def _window_conditions(window: Window) -> list[Condition]:
    of_kind: list[Condition] = [("window", _kind(window))]
    if window.period is Period.DAY or window.cells > 1:
        return of_kind
    # Periods are asked about one after the other: what tells them apart is how old the campaign was.
    return [*of_kind, ("window", _kind(window), *alike(window.first, window.began, window.period))]


def _day_conditions(window: Window, number: int, quiet: int, to_find: int | None) -> list[Condition]:
    # 0, 1, 2, and then twice as many days each.
    quiet_bucket = quiet if quiet < 3 else min(2 + int(math.log2(quiet - 1)), 8)
    if to_find == 0:
        return [("all found", quiet_bucket)]
    return [("quiet", quiet_bucket), ("age", *alike(window.cell(number), window.began, window.period))]
