"""Which campaigns were quiet, and over which days: found out once a sync, for all streams that ask about campaigns.

A campaign counts as quiet if an aggregate over all of the days in question, its own or one of several campaigns, is all
zeros, and if it is known that analytics count what happened on its own day. Whatever else is known of it, it is asked
about.
"""

import logging
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from threading import Lock

from source_snov.api.assumptions import Aggregate, Ask, Assumptions, Entity, LastDay, OwnDay, Refused
from source_snov.incremental.plan import Plan, Settled, Unsettled, Window
from source_snov.records.values import DAY

logger = logging.getLogger("airbyte.snov")

MAX_SEARCHED = 3
"""Campaigns whose last active day is looked for, to prove on which day analytics count."""

MIN_SAVED = 40
"""Requests that must be at stake: finding out, and making sure of it, takes about ten."""


class Turns:
    """Hands out the campaigns of a plan in the order in which it settles them, one to each partition that is read.

    So the plan asks about a group only when somebody wants to know: what it has found out and not yet made rows of
    would be lost if the sync were killed.
    """

    def __init__(self, plan: Plan, windows: Iterable[Window]) -> None:
        self.plan = plan
        self.campaigns: dict[Entity, list[Window]] = defaultdict(list)
        alike = Counter((window.first, window.last) for window in windows)
        for window in windows:
            # Whether something happened in a window of its own is not asked before its days are read.
            self.campaigns[window.entity] += [window] if alike[window.first, window.last] > 1 else []
        self._parts = plan.campaigns()
        self._known: dict[Window, Settled | Unsettled] = {}
        self._ahead: deque[Settled | Unsettled] = deque()
        self._failure: Exception | None = None
        self._lock = Lock()

    def take(self) -> Settled | Unsettled | None:
        """The next campaign; None when there is none left, or finding it has failed before."""
        with self._lock:
            if self._ahead:
                return self._ahead.popleft()
            if self._failure:
                failure, self._failure = self._failure, None
                raise failure
            return self._next()

    def covering(self, asked: Window) -> Sequence[Window]:
        """The campaign's windows that have these days and are asked about with others.

        Empty if some days are in no such window, or in one of an older part: its turn comes later.
        """
        windows = [
            each
            for each in self.campaigns.get(asked.entity, ())
            if asked.first <= each.last and each.first <= asked.last and each.part <= asked.part
        ]
        covered = sum((min(each.last, asked.last) - max(each.first, asked.first)).days + 1 for each in windows)
        return windows if covered == asked.days else []

    def empty(self, windows: Iterable[Window]) -> Aggregate | None:
        """The aggregate of the last window if nothing happened in any; None if something did, or is not known."""
        aggregate = None
        for window in windows:
            part = self._settled(window)
            if not isinstance(part, Settled) or isinstance(part.outcome, Refused) or not part.outcome.empty:
                return None
            aggregate = part.outcome
        return aggregate

    def _settled(self, window: Window) -> Settled | Unsettled | None:
        """What the plan says of a window, as soon as it does; None if it fails."""
        with self._lock:
            while window not in self._known and not self._failure:
                try:
                    part = self._next()
                except Exception as failure:  # it is for the stream whose plan this is
                    self._failure = failure
                    return None
                if part is None:
                    return None
                self._ahead.append(part)
            return self._known.get(window)

    def _next(self) -> Settled | Unsettled | None:
        part = next(self._parts, None)
        if part is not None:
            self._known[part.window] = part
        return part


class Survey:
    """What one sync knows of quiet campaigns, whichever stream has learnt it.

    ask: aggregates that no filter of the configuration narrows; None if campaigns are not to be skipped. saves: how
    many streams skip a quiet campaign.
    """

    def __init__(
        self,
        ask: Ask | None,
        last_day: LastDay,
        own_day: OwnDay,
        most_campaigns: Callable[[Collection[Entity]], int],
        saves: int,
    ) -> None:
        self._ask = ask
        self._last_day = last_day
        self._own_day = own_day
        self._most_campaigns = most_campaigns
        self._saves = saves
        self._prepare: Callable[[], object] = lambda: None
        self._turns: list[Turns] = []
        self._of_all: Turns | None = None
        self._quiet_days: dict[Entity, list[tuple[date, date]]] = {}
        self._to_search: list[tuple[Entity, date, date]] = []
        self._warned = False
        self._lock = Lock()
        self._searching = Lock()

    @property
    def skips(self) -> bool:
        """Whether quiet campaigns are skipped at all."""
        return self._ask is not None

    def ask_first(self, prepare: Callable[[], object]) -> None:
        """Notes how to have a stream share what it is going to find out anyway."""
        self._prepare = prepare

    def share(self, turns: Turns, all_campaigns: bool) -> None:
        """Notes what another stream finds out for itself, of all campaigns of the account or of some."""
        with self._lock:
            self._turns.append(turns)
            if all_campaigns:
                self._of_all = turns

    def expect(self, windows: Sequence[Window], likely: tuple[Entity, date] | None = None, doubt: bool = True) -> None:
        """Notes that a stream is going to ask about these windows, so that one request may settle several.

        likely: a campaign and a day on which an earlier sync saw activity. doubt: as in `empty`.
        """
        if self._ask is None:
            return
        # It fails, if it does, for the stream itself.
        with suppress(Exception):
            self._prepare()
        with self._lock:
            new = [window for window in windows if not any(turns.covering(window) for turns in self._turns)]
            if len(new) < (MIN_SAVED / self._saves if doubt else 2):
                return
            most = self._most_campaigns([window.entity for window in new])
            plan = Plan(new, Assumptions(self._ask, self._last_day, most, likely), self._last_day.today, self._saves)
            self._turns.append(Turns(plan, new))
            self._to_search += [(likely[0], likely[1], likely[1])] if likely else []
            if doubt:
                # An active campaign sends e-mails on its last active day, which proves nothing: search others too.
                oldest = sorted(new, key=lambda window: (window.is_recent, window.began))
                searched = oldest[:: max(len(oldest) // MAX_SEARCHED, 1)][:MAX_SEARCHED]
                self._to_search += [(window.entity, window.began, window.last) for window in searched]

    def note_quiet(self, campaign: Entity, day: date) -> None:
        """Notes a day of a campaign on which nothing happened."""
        with self._lock:
            spans = self._quiet_days.setdefault(campaign, [])
            if spans and spans[-1][1] == day - DAY:
                spans[-1] = (spans[-1][0], day)
            else:
                spans.append((day, day))

    def empty(self, window: Window, doubt: bool = True) -> Aggregate | None:
        """An aggregate of zeros if nothing happened in these days; None if something did, or nobody knows.

        doubt: whether nothing else says so too.
        """
        if self._ask is None or (doubt and not self._is_proven()):
            return None
        with self._lock:
            covering = [(turns, turns.covering(window)) for turns in self._turns]
        for turns, windows in covering:
            if (aggregate := turns.empty(windows)) and (not doubt or _is_trusted(turns)):
                return aggregate
        return None

    def is_quiet(self, window: Window) -> bool:
        """Whether nothing happened in these days, as far as is known."""
        if self._ask is None or not self._is_proven():
            return False
        with self._lock:
            known = _have(self._quiet_days.get(window.entity, ()), window.first, window.last)
            shared = [turns for turns in self._turns if window.entity in turns.campaigns]
        quiet = (known and all(map(_is_trusted, shared))) or self.empty(window) is not None
        if quiet and window.last >= self._last_day.today and self._last_day.future_refused:
            self._warn_of_today()
        return quiet

    def _warn_of_today(self) -> None:
        if self._last_day.included:
            return
        with self._lock:
            first, self._warned = not self._warned, True
        if first:
            logger.warning(
                "Snov.io takes no day after today, and may leave out the last day of a period: what happened today in "
                "campaigns that were quiet until yesterday may come with the next sync only."
            )

    def contradicted(self, campaign: Entity, days: Collection[date]) -> date | None:
        """One of these days, which have events, if analytics were zero on it and on the days around it.

        Around it, since the days of analytics may be of another time zone. Without yesterday and today, which change.
        """
        with self._lock:
            spans = list(self._quiet_days.get(campaign, ()))
        settled = [day for day in sorted(days) if day < self._last_day.today - DAY]
        quiet = (day for day in settled if _have(spans, day - DAY, day + DAY))
        return next(quiet, None) if self._own_day.proven else None

    def _is_proven(self) -> bool:
        """Whether analytics count opens, clicks and replies on their own day.

        The last active day of a campaign mostly proves it, because nothing was sent any more.
        """
        # What fails here fails for nobody: each campaign is asked about then.
        with self._searching, suppress(Exception):
            while not self._own_day.proven and self._to_search:
                self._find_last_active(*self._to_search.pop(0))
        return self._own_day.proven

    def _find_last_active(self, campaign: Entity, first: date, last: date) -> None:
        """Halves a campaign's days, the later half first, until a response proves it or one day is left."""
        if self._is_empty(campaign, first, last):
            return
        while first < last and not self._own_day.proven:
            middle = first + (last - first) // 2 + DAY
            if self._is_empty(campaign, middle, last):
                last = middle - DAY
            else:
                first = middle

    def _is_empty(self, campaign: Entity, first: date, last: date) -> bool:
        assert self._ask is not None
        return self._ask([campaign], first, self._last_day.date_to(last)).empty

    def are_all_quiet(self, first: date, last: date) -> bool:
        """Whether nothing happened in any campaign of the account, as far as is known."""
        with suppress(Exception):
            self._prepare()
        everything = self._of_all
        return everything is not None and all(
            self.is_quiet(Window(campaign, first, last, began=first)) for campaign in everything.campaigns
        )


def together(windows: Sequence[Window]) -> Sequence[Window]:
    """The windows with the earliest of their first days, so that one request can be about all of them."""
    first = min((window.first for window in windows), default=date.max)
    return [replace(window, first=first) for window in windows]


def _have(spans: Iterable[tuple[date, date]], first: date, last: date) -> bool:
    """Whether spans of days, in any order, have all of these days."""
    missing = first
    for begin, end in sorted(spans):
        if begin <= missing <= end:
            missing = end + DAY
    return missing > last


def _is_trusted(turns: Turns) -> bool:
    try:
        return turns.plan.is_trusted()
    except Exception:  # to make sure, something had to be asked
        return False
