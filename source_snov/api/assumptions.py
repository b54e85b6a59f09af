"""What the plan of a report assumes about the API's aggregates, and how a sync finds out whether it holds.

No document says whether `date_to` includes its day, nor promises that an aggregate covers any number of days and every
campaign in its list (API reference 2.8 and 4.1). So a sync finds out, for a few requests:

- A one-day request that is not empty proves that its last day is included. Until that is known, each request asks for
  one day more, so that an empty response is right under either reading, and no other is used as a value.
- A day (or month) known to be active must show in an aggregate over many days around it, and in one over many
  campaigns (or senders, or owners).
- The first result that is deduced rather than asked for is asked for too.

Nothing here knows of HTTP.
"""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import partial
from threading import Lock, RLock
from typing import Any

from source_snov.api.exceptions import filter_ignored
from source_snov.records.figures import narrowed
from source_snov.records.first_day import EARLIEST
from source_snov.records.values import DAY

logger = logging.getLogger("airbyte.snov")

BELIEVED_DAYS = 31
"""Longest span that needs no check: public clients of the API have long asked for months (API reference 2.8)."""

MAX_SEARCHES = 3
"""How often an active day is searched for, where no request about a single day shows one."""

SHORTER_SPANS = (31, 7)
"""Days of a span that are tried, the longest first, when longer ones turn out to be incomplete."""


Entity = int | str
"""What a report has rows for: the id of a campaign or sender, the address of an owner, or ACCOUNT."""

ACCOUNT = "all"
"""The entity of reports on the whole account."""


@dataclass(frozen=True)
class Aggregate:
    """The API's response about some entities over some days.

    values: the metrics, as they came. empty: nothing happened. actions: how many actions there were; unlike distinct
    recipients, they add up over days. exact: whether it covers the days asked for and no other; if not, only `empty` is
    of use.
    """

    values: Mapping[str, Any]
    empty: bool
    actions: int
    exact: bool = True


@dataclass(frozen=True)
class Witness:
    """An entity that was active in a period, as its own response says."""

    entity: Entity
    first: date
    last: date
    actions: int


Ask = Callable[[Sequence[Entity], date, date], Aggregate]
"""The aggregate of these entities from `date_from` to `date_to`, as the API reads them. Raises Refused."""


class Refused(Exception):
    """The API refuses a request about these entities. certain: it says that a single one does not exist."""

    def __init__(self, cause: Exception, certain: bool) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.certain = certain


@dataclass
class LastDay:
    """Whether `date_to` of analytics includes its day; None until that is known.

    future_refused: whether the API does not accept a `date_to` after today, or has nothing then; None until that is
    known. confirmed: whether this sync has seen it, rather than an earlier one.
    """

    included: bool | None = None
    future_refused: bool | None = None
    today: date = date.max
    confirmed: bool = False
    settling: RLock = field(default_factory=RLock)

    @property
    def doubts_future(self) -> bool:
        """Whether to repeat an empty request that reaches past today, with today as its last day.

        A filter that is wrong gives zeros rather than an error (Snov.io's knowledge base, API reference 2.8).
        """
        # Another thread may have found it out while this response was on its way.
        return self.future_refused is not False

    def date_to(self, last: date) -> date:
        """What to ask for so that the response covers `last`."""
        return last if self.included else last + DAY

    def date_to_of_total(self, last: date) -> date:
        """What to ask for to get a total up to `last`: the day after would count if it is over.

        The total of a period that ends in the past needs `included`.
        """
        further = last + DAY
        if self.included or (self.included is None and further <= self.today):
            return last
        return last if further > self.today and self.future_refused else further

    def covers(self, day: date) -> bool:
        """Whether a response can be about a day: not about today if that is left out and tomorrow is refused."""
        return day < self.today or self.included is not False or not self.future_refused


class OwnDay:
    """Whether analytics count an open, click or reply on its own day, and not on that of its e-mail.

    No document says (API reference 5). Unless it is so, a campaign may have new events and no figures of these days.
    """

    def __init__(self) -> None:
        self.proven = False


class FutureDays:
    """By stream of dated records: whether the API refuses a last day after today, or returns nothing for it."""

    def __init__(self) -> None:
        self.refused: dict[str, bool] = {}


class FilterCheck:
    """If two entities have the same actions in the same days, checks once whether all together have more.

    If not, the API ignores which one is asked for, and `check` raises an error: the figures of all of them would stand
    for those of each. stream_name, things: for its message. field: what the figures are by.
    """

    def __init__(self, stream_name: str, things: str, field: str) -> None:
        self._stream_name, self._things, self._field = stream_name, things, field
        self._seen: dict[int, Entity] = {}
        self._done = False
        self._lock = Lock()

    def check(
        self, entity: Entity, first: date, last: date, aggregate: Aggregate, of_all: Callable[[], Aggregate]
    ) -> None:
        own = narrowed(self._field, aggregate.values)
        with self._lock:
            if self._done or not any(own) or self._seen.setdefault(hash((first, last, own)), entity) == entity:
                return
            self._done = True
        try:
            same = narrowed(self._field, of_all().values) == own
        except Refused:
            self._done = same = False
        if same:
            raise filter_ignored(self._stream_name, self._things)


@dataclass
class Assumptions:
    """Asks for aggregates as the API is known to read requests, and checks what is assumed of them.

    ask: the API. last_day: shared with the other streams of analytics. most_campaigns: how many entities one request
    may name. likely: an entity and the last day of a cell in which an earlier sync saw activity. stream_name, thing:
    for messages; the latter is what an entity is, in words. cell_days: the most days of one cell of the report.
    filter: looks whether the API narrows figures to one entity; None for campaigns and the account.
    """

    ask: Ask
    last_day: LastDay
    most_campaigns: int
    likely: tuple[Entity, date] | None = None
    stream_name: str = "campaign_analytics_daily"
    thing: str = "campaign"
    cell_days: int = 1
    filter: FilterCheck | None = None
    most_days: float = math.inf
    """The longest span that is asked for."""
    additive: bool = True
    """Whether actions add up over days, so that the last active part of an aggregate need not be asked for."""
    requests: int = 0
    _witness: Witness | None = None
    _kept: dict[tuple[Entity, date], Aggregate] = field(default_factory=dict)
    """Responses about days that were asked for to find something out, and will be wanted."""
    _done: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def aggregate(self, campaigns: Sequence[Entity], first: date, last: date) -> Aggregate:
        """The aggregate over these days, both included. Raises Refused."""
        known = self.last_day.included
        if first == last and len(campaigns) == 1 and (campaigns[0], first) in self._kept:
            aggregate = self._kept.pop((campaigns[0], first))
        elif known is None and first == last:
            aggregate = self._find_out(campaigns, first)
        else:
            aggregate = self._request(campaigns, first, self.last_day.date_to(last))
            if self.cell_days > 1 and not aggregate.empty:
                before, known = known, self._settle_last_day(campaigns, first, last)
                if known is not before:
                    aggregate = self._request(campaigns, first, self.last_day.date_to(last))
            if known is None:
                aggregate = replace(aggregate, exact=aggregate.empty)
            elif not known and first == last and not aggregate.empty and self.first("one day"):
                # An earlier sync found the last day left out: in case the API has changed.
                aggregate = self._decide(campaigns, first, self._request(campaigns, first, first), aggregate)
            elif known and first == last and not aggregate.empty:
                self.last_day.confirmed = True
        proven = self._witness is not None and self._witness.actions
        is_cell = aggregate.exact and (last - first).days < self.cell_days
        if not proven and is_cell and len(campaigns) == 1 and not aggregate.empty:
            self._witness = Witness(campaigns[0], first, last, aggregate.actions)
        if self.filter and is_cell and len(campaigns) == 1:
            self.filter.check(campaigns[0], first, last, aggregate, partial(self.aggregate, [], first, last))
        return aggregate

    def _settle_last_day(self, campaigns: Sequence[Entity], first: date, last: date) -> bool | None:
        """Finds out what `date_to` means, if no day of this sync has shown it yet, from days that are not all empty.

        Figures of single days show it as they come; those of months don't.
        """
        with self.last_day.settling:
            if not self.last_day.confirmed and self.first("last day"):
                # A request that was refused meanwhile says nothing.
                for _ in range(MAX_SEARCHES):
                    self.search(campaigns, first, last)
                    if self.last_day.included is not None:
                        return self.last_day.included
                logger.warning(
                    f"{self.stream_name}: no request about a single day shows what happened, so figures may count "
                    "the day after their period too. Compare them with Snov.io's own report, and report what differs "
                    "to the connector's maintainers."
                )
            return self.last_day.included

    def _request(self, campaigns: Sequence[Entity], date_from: date, date_to: date) -> Aggregate:
        with self._lock:
            self.requests += 1
        return self.ask(campaigns, date_from, date_to)

    def _find_out(self, campaigns: Sequence[Entity], day: date) -> Aggregate:
        """The aggregate of one day. If anything happened, it shows whether `date_to` includes its day."""
        alone = None
        if self.first("one day"):
            alone = self._request(campaigns, day, day)
            if not alone.empty:
                return self._learn(True, alone)
        wider = self._request(campaigns, day, day + DAY)
        if wider.empty:
            return wider
        return self._decide(campaigns, day, alone or self._request(campaigns, day, day), wider)

    def _decide(self, campaigns: Sequence[Entity], day: date, alone: Aggregate, wider: Aggregate) -> Aggregate:
        """Learns from an active span of two days which of them it is about: both, or the first."""
        if not alone.empty:
            return self._learn(True, alone)
        after = self._request(campaigns, day + DAY, day + DAY)
        if after.empty:
            return self._learn(False, wider)
        if len(campaigns) == 1:
            self._kept[campaigns[0], day + DAY] = after
        return self._learn(True, alone)

    def _learn(self, included: bool, aggregate: Aggregate) -> Aggregate:
        """Notes what `date_to` means; returns the response that is right then."""
        self.last_day.confirmed = True
        if self.last_day.included is not included:
            self.last_day.included = included
            includes = "includes" if included else "does not include"
            logger.info(f"{self.stream_name}: the API's date_to {includes} its day, as a response shows.")
        return aggregate

    @property
    def silent(self) -> bool:
        """Whether no day has been active in this sync yet."""
        return self._witness is None

    def confirm_last_day(self) -> None:
        """Asks about a day on which an earlier sync saw activity, to know that `date_to` has kept its meaning."""
        if self.cell_days > 1:
            with self.last_day.settling:
                if self.likely and not self.last_day.confirmed:
                    entity, last = self.likely
                    first = max(last.toordinal() - self.cell_days + 1, EARLIEST.toordinal())
                    self.search([entity], date.fromordinal(first), last)
                if not self.last_day.confirmed:
                    # The first figures that are not zero will show it.
                    self.last_day.included = None
            return
        if self.likely:
            entity, day = self.likely
            with suppress(Refused):
                aggregate = self.aggregate([entity], day, day)
                if aggregate.exact and self.last_day.confirmed:
                    self._kept[entity, day] = aggregate
        if not self.last_day.confirmed:
            self.last_day.included = None

    def check_lists(self, campaigns: Sequence[Entity]) -> bool:
        """Whether the actions of an active campaign show in an aggregate over a list with others; asked once.

        campaigns: those that are asked about.
        """
        witness = self._witness
        others = [one for one in campaigns if witness and one != witness.entity][: self.most_campaigns - 1]
        if witness is None or not witness.actions or not others or not self.first("lists"):
            return True
        # The last but one: it may be that the first ones count only, or the last.
        listed = [*others[:-1], witness.entity, *others[-1:]] if len(others) > 1 else [*others, witness.entity]
        try:
            without = self.aggregate(others, witness.first, witness.last)
        except Refused:
            return True
        if self._shows(listed, witness.first, witness.last, without.actions + 1):
            return True
        self.ask_one_by_one(witness.entity, witness.last)
        return False

    def ask_one_by_one(self, entity: Entity, day: date) -> None:
        """Gives up asking about several entities. The named one is missing where others are named too."""
        self.most_campaigns = 1
        incomplete = " sender_analytics may be incomplete: set campaign_ids to one campaign for its figures."
        logger.warning(
            f"{self.stream_name}: in requests about several {self.thing}s, Snov.io leaves some out. "
            f"{self.describe(entity)}, active on {day} or before, does not show. From now on each {self.thing} is "
            f"asked about alone, which takes longer.{incomplete if self.thing == 'campaign' else ''}"
        )

    def describe(self, entity: Entity) -> str:
        """Names an entity, as the beginning of a sentence."""
        named = f"{self.thing} {entity}".strip()
        return named[0].upper() + named[1:]

    def check_spans(self, days: int, today: date) -> bool:
        """Whether the actions of an active day show in an aggregate of as many `days`; asked once."""
        witness = self._witness
        if days <= BELIEVED_DAYS or witness is None or not witness.actions or not self.first("spans"):
            return True
        if self._covers(witness, days, today):
            return True
        for length in (*SHORTER_SPANS, 1):
            if length == 1 or self._covers(witness, length, today):
                self.ask_day_by_day(witness.entity, witness.last, length)
                return False
        return True

    def _covers(self, witness: Witness, days: int, today: date) -> bool:
        """Whether spans that end and that begin with the witness's days have its actions, beside those without them."""
        begin, end = witness.last - timedelta(days=days - 1), min(witness.first + timedelta(days=days - 1), today)
        for first, last, first_without, last_without in (
            (begin, witness.last, begin, witness.first - DAY),
            (witness.first, end, witness.last + DAY, end),
        ):
            if first_without > last_without:
                continue
            try:
                without = self.aggregate([witness.entity], first_without, last_without)
            except Refused:
                continue
            if not self._shows([witness.entity], first, last, without.actions + 1):
                return False
        return True

    def ask_day_by_day(self, entity: Entity, day: date, most_days: int = 1) -> None:
        """Gives up asking about more days than `most_days` at once. The named day is missing among many."""
        self.most_days = min(self.most_days, most_days)
        logger.warning(
            f"{self.stream_name}: in requests about many days, Snov.io leaves some out. {self.describe(entity)} was "
            f"active around {day}, which does not show. From now on at most {most_days} days are asked for at once, "
            "which takes longer. campaign_analytics and sender_analytics may be incomplete: set a later start_date."
        )

    def _shows(self, campaigns: Sequence[Entity], first: date, last: date, actions: int = 0) -> bool:
        """Whether at least this many actions happened, and anything at all. True if the request is refused."""
        try:
            aggregate = self.aggregate(campaigns, first, last)
        except Refused:
            return True
        return not aggregate.empty and aggregate.actions >= actions

    def search(self, campaigns: Sequence[Entity], first: date, last: date) -> None:
        """Looks for a day on which something happened, and asks for it alone: what that shows is learnt."""
        if first < last and not self._shows(campaigns, first, last):
            last = first
        while first < last:
            middle = first + (last - first) // 2
            if self._shows(campaigns, first, middle):
                last = middle
            else:
                first = middle + DAY
        self._shows(campaigns, first, first)

    def first(self, check: str) -> bool:
        """Whether this is the first call for a check, in whichever thread."""
        with self._lock:
            first = check not in self._done
            self._done.add(check)
        return first
