"""The API's aggregates, asked for through a declared stream's retriever."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from datetime import date
from functools import partial

from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import DeclarativePartitionFactory
from airbyte_cdk.sources.types import StreamSlice

from source_snov.api.all_campaigns import AllCampaigns
from source_snov.api.assumptions import Aggregate, Entity, LastDay, OwnDay, Refused
from source_snov.api.exceptions import EntityNotFound, RequestNotAccepted
from source_snov.records.figures import actions, is_empty, shows_own_day


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

    def look(self, first: date, last: date) -> None:
        """Finds out whether requests that name several campaigns count all of them, before any figure is used.

        It asks about all entities at once, of which a single one may have nothing to show.
        """
        if self.campaigns and "," in self.campaigns.names:
            with suppress(Refused):
                self([], first, last)

    def _ask(self, entities: Sequence[Entity], date_from: date, date_to: date) -> Aggregate:
        if date_to <= self.last_day.today:
            return self._read(entities, date_from, date_to)
        if self.last_day.future_refused is not True:
            try:
                aggregate = self._read(entities, date_from, date_to, only_as_named=self.last_day.future_refused is None)
            except Refused:
                if self.last_day.future_refused is False:
                    raise
            else:
                if not aggregate.empty or date_from > self.last_day.today:
                    self.last_day.future_refused = self.last_day.future_refused or False
                elif self.last_day.doubts_future:
                    without = self._read(entities, date_from, self.last_day.today)
                    if not without.empty:
                        self.last_day.future_refused = True
                        return without
                return aggregate
        named = self.campaigns and self.campaigns.names
        try:
            aggregate = self._read(entities, min(date_from, self.last_day.today), self.last_day.today)
        except Refused:
            # The refusal is not about the day.
            self.last_day.future_refused = self.last_day.future_refused or False
            raise
        if self.campaigns and self.campaigns.names != named:
            # The refusal was about the campaigns, not the day.
            return self._ask(entities, date_from, date_to)
        self.last_day.future_refused = True
        return aggregate

    def _read(
        self, entities: Sequence[Entity], date_from: date, date_to: date, only_as_named: bool = False
    ) -> Aggregate:
        """only_as_named: raises a refusal at once, instead of trying other campaigns."""
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
            if self.campaigns.blameless:
                # What a single one leads to says what the refusal is about.
                ask(names.partition(",")[0])
                self.campaigns.blameless = False
            first = {"date_from": str(date_from), "date_to": str(date_from)}
            try:
                return self.campaigns.without_refused(names, refusal, ask, partial(self._named, partition, first))
            except Refused:
                self.campaigns.blameless = self.campaigns.blameless or not entities
                raise
        # An empty single day proves nothing.
        if (aggregate.actions or date_from < date_to) and not self.campaigns.all_count(names, ask, aggregate):
            return ask(self.campaigns.names)
        return aggregate

    def _named(self, partition: Mapping[str, str], days: Mapping[str, str], names: str) -> Aggregate:
        return self._aggregate({**partition, "campaign_id": names}, days)

    def _aggregate(self, partition: Mapping[str, str], days: Mapping[str, str]) -> Aggregate:
        try:
            [record] = self.partitions.create(StreamSlice(partition=partition, cursor_slice=days)).read()
        except EntityNotFound as refusal:
            raise Refused(refusal, certain=True) from None
        except RequestNotAccepted as refusal:
            raise Refused(refusal, certain=False) from None
        self.own_day.proven = self.own_day.proven or shows_own_day(record.data)
        return Aggregate(record.data, is_empty(record.data), actions(record.data))
