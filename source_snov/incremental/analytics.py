"""The API's aggregates, asked for through a declared stream's retriever."""

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import date
from functools import partial
from threading import Lock

from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import DeclarativePartitionFactory
from airbyte_cdk.sources.types import StreamSlice

from source_snov.api.assumptions import Aggregate, Entity, LastDay, OwnDay, Refused
from source_snov.api.exceptions import EntityNotFound, RequestNotAccepted, too_many_campaigns
from source_snov.records.analytics import actions, is_empty, shows_own_day

logger = logging.getLogger("airbyte.snov")


AskNamed = Callable[[str], Aggregate]
"""The aggregate of the campaigns that are named, for some days. Raises Refused."""

MOST_GONE = 3
"""Campaigns that may be deleted during one sync; of more, something else is at fault."""

MOST_TO_FIND = 40
"""Requests at most that find out which campaigns the API refuses."""


class AllCampaigns:
    """All campaigns that were started, which requests about senders, owners and the account name.

    A request that names none is answered for the active ones only (API reference), or for all (knowledge base). It is
    made where one request cannot name all, or where the API refuses them, with a warning.

    started: the campaigns and the first day of each. most: how many one request can name. chosen: whether they are
    some of the account's only, so that none may not stand for them.
    """

    def __init__(
        self, stream_name: str, started: Callable[[], Mapping[int, date]], most: Callable[[], int], chosen: bool
    ) -> None:
        self._chosen = chosen
        self._stream_name = stream_name
        self._started = started
        self._most = most
        self._lock = Lock()
        self._refused = False
        self._looked = False
        self._gone: set[str] = set()

    @property
    def names(self) -> str:
        """What `campaign_id` is to say."""
        campaigns = self._started()
        if len(campaigns) > self._most():
            reason = f"There are {len(campaigns)}."
            if self._chosen:
                raise too_many_campaigns(self._stream_name, reason)
            self.refuse(reason)
        return "" if self._refused else ",".join(str(one) for one in campaigns if str(one) not in self._gone)

    def look(self, names: str, before: Aggregate, ask: Callable[[str], Aggregate]) -> None:
        """Looks, once a sync, whether all named campaigns count: then their order makes no difference.

        Unless something happened between two requests, which a third one shows: figures only grow.
        """
        with self._lock:
            if self._looked or not before.actions or "," not in names:
                return
            self._looked = True
        try:
            reverse = after = ask(",".join(reversed(names.split(",")))).actions
            if reverse != before.actions:
                after = ask(names).actions
        except Refused:
            return
        if not before.actions <= reverse <= after:
            logger.warning(
                f"{self._stream_name}: asked for {names.count(',') + 1} campaigns at once, Snov.io leaves some out: in "
                "the reverse order, it counts otherwise. Set campaign_ids to one campaign for its figures, and report "
                "this to the connector's maintainers."
            )

    def without_refused(self, names: str, refusal: Refused, ask: AskNamed, ask_day: AskNamed) -> Aggregate:
        """The aggregate without the campaigns that are at fault: deleted since they were listed, most likely.

        If no few are, without naming any, if that is accepted. Raises Refused if it is about something else.

        ask_day: about one day only.
        """
        listed = names.split(",")
        gone = self._at_fault(listed, ask_day, [MOST_TO_FIND])
        if len(gone) <= MOST_GONE and len(gone) < len(listed):
            with suppress(Refused):
                # Where none is at fault, the refusal may have been a passing one.
                aggregate = ask(",".join(name for name in listed if name not in gone))
                self._leave_out(gone, str(refusal))
                return aggregate
        if self._chosen:
            raise refusal
        aggregate = ask("")
        self.refuse(str(refusal))
        return aggregate

    def _at_fault(self, names: Sequence[str], ask: AskNamed, left: list[int]) -> Sequence[str]:
        """Those that are refused alone, found by asking in halves. left: how many requests that may still take."""
        if not names or left[0] <= 0:
            return []
        left[0] -= 1
        if self._accepts(",".join(names), ask):
            return []
        middle = len(names) // 2
        if not middle:
            return names
        return [*self._at_fault(names[:middle], ask, left), *self._at_fault(names[middle:], ask, left)]

    def _accepts(self, names: str, ask: AskNamed) -> bool:
        try:
            ask(names)
        except Refused:
            return False
        return True

    def _leave_out(self, gone: Sequence[str], reason: str) -> None:
        with self._lock:
            new = [name for name in gone if name not in self._gone]
            self._gone.update(new)
        for name in new:
            logger.warning(f"{self._stream_name}: campaign {name} is left out, since Snov.io refuses it. {reason}")

    def refuse(self, reason: str) -> None:
        """Notes that they cannot be named, with a warning."""
        with self._lock:
            first, self._refused = not self._refused, True
        if first:
            logger.warning(
                f"{self._stream_name}: one request cannot name all campaigns. {reason} Snov.io is asked without naming "
                "any, and may leave out those that are paused or completed. Set campaign_ids to choose campaigns."
            )


@dataclass(frozen=True)
class Analytics:
    """The API's aggregate of entities over days.

    Where the API refuses a `date_to` after today, the day is left out, on which nothing can have happened yet.

    aside: counts the requests for no stream. field: of the slice, for the entities; empty for the account.
    """

    partitions: DeclarativePartitionFactory
    last_day: LastDay
    own_day: OwnDay
    aside: Callable[[], AbstractContextManager[None]]
    field: str = "campaign_id"
    campaigns: AllCampaigns | None = None

    def __call__(self, entities: Sequence[Entity], date_from: date, date_to: date) -> Aggregate:
        with self.aside():
            return self._ask(entities, date_from, date_to)

    def _ask(self, entities: Sequence[Entity], date_from: date, date_to: date) -> Aggregate:
        if date_to <= self.last_day.today:
            return self._read(entities, date_from, date_to)
        if self.last_day.future_refused is not True:
            try:
                answer = self._read(entities, date_from, date_to, only_as_named=self.last_day.future_refused is None)
            except Refused:
                if self.last_day.future_refused is False:
                    raise
            else:
                if not answer.empty or date_from > self.last_day.today:
                    self.last_day.future_refused = self.last_day.future_refused or False
                elif self.last_day.doubts_future:
                    without = self._read(entities, date_from, self.last_day.today)
                    if not without.empty:
                        self.last_day.future_refused = True
                        return without
                return answer
        named = self.campaigns and self.campaigns.names
        try:
            answer = self._read(entities, min(date_from, self.last_day.today), self.last_day.today)
        except Refused:
            # It is not about the day.
            self.last_day.future_refused = self.last_day.future_refused or False
            raise
        if self.campaigns and self.campaigns.names != named:
            # It was about the campaigns that were named.
            return self._ask(entities, date_from, date_to)
        self.last_day.future_refused = True
        return answer

    def _read(
        self, entities: Sequence[Entity], date_from: date, date_to: date, only_as_named: bool = False
    ) -> Aggregate:
        """only_as_named: whether a refusal is not to be met by naming other campaigns."""
        partition = {self.field: ",".join(map(str, entities))} if self.field else {}
        days = {"date_from": str(date_from), "date_to": str(date_to)}
        if self.campaigns is None:
            return self._aggregate(partition, days)

        ask = partial(self._named, partition, days)
        names = self.campaigns.names
        try:
            aggregate = ask(names)
        except Refused as refusal:
            timed_out = isinstance(refusal.cause, RequestNotAccepted) and refusal.cause.timed_out
            if not names or timed_out or only_as_named:
                raise
            first = {"date_from": str(date_from), "date_to": str(date_from)}
            return self.campaigns.without_refused(names, refusal, ask, partial(self._named, partition, first))
        self.campaigns.look(names, aggregate, ask)
        return aggregate

    def _named(self, partition: Mapping[str, str], days: Mapping[str, str], names: str) -> Aggregate:
        return self._aggregate({**partition, "campaign_id": names}, days)

    def _aggregate(self, partition: Mapping[str, str], days: Mapping[str, str]) -> Aggregate:
        try:
            [answer] = self.partitions.create(StreamSlice(partition=partition, cursor_slice=days)).read()
        except EntityNotFound as refusal:
            raise Refused(refusal, certain=True) from None
        except RequestNotAccepted as refusal:
            raise Refused(refusal, certain=False) from None
        self.own_day.proven = self.own_day.proven or shows_own_day(answer.data)
        return Aggregate(answer.data, is_empty(answer.data), actions(answer.data))
