"""Reports on analytics: a row for each entity (campaign, sender, owner, or the account) and period.

The plan of `plan` chooses the requests, and the manifest's streams make them.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from threading import Lock
from typing import Any

from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.partition_generator import PartitionGenerator
from airbyte_cdk.sources.types import Record, StreamSlice

from source_snov.api.assumptions import BELIEVED_DAYS, Aggregate, Assumptions, Entity, FilterCheck, LastDay, Refused
from source_snov.api.exceptions import EntityNotFound, nothing_there
from source_snov.incremental.analytics import Analytics
from source_snov.incremental.partitions import Histories, ToRead
from source_snov.incremental.periods import Period
from source_snov.incremental.plan import NothingFound, Plan, Settled, Unsettled, Window, cell_days
from source_snov.incremental.survey import Survey, Turns
from source_snov.records.figures import NARROWED
from source_snov.records.values import DAY

logger = logging.getLogger("airbyte.snov")

DAILY = "campaign_analytics_daily"

THINGS = {
    "": "account",
    "campaign_id": "campaign",
    "sender_email_id": "sender account",
    "sender_linkedin_id": "LinkedIn account",
    "campaign_owner": "campaign owner",
}
"""What a report is about, in words, by the field of its rows."""


def filter_check(stream_name: str, field: str) -> FilterCheck | None:
    """The check of a stream's figures by a field; None if they are of campaigns or the account."""
    return FilterCheck(stream_name, f"{THINGS[field]}s", field) if field in NARROWED else None


Expects = Callable[[int, int, Callable[[], int]], None]
"""Is told how many partitions and records there will be, and what returns the number of requests left."""


@dataclass(frozen=True)
class Report:
    """What one stream asks, and what its rows are called.

    entity_field: of a row, and of the slices that are asked about; empty for the account. most: how many of these
    entities one request can name. configured: the field of the configuration that names the entities, where no list of
    the API does.
    """

    stream_name: str
    entity_field: str
    period_field: str
    period: Period
    ask: Analytics
    most: Callable[[Collection[Entity]], int]
    configured: str = ""

    @property
    def thing(self) -> str:
        """What an entity is, in words."""
        return THINGS[self.entity_field]

    def row(self, entity: Entity, first: date, last: date, aggregate: Aggregate) -> Mapping[str, Any]:
        key: dict[str, Any] = {self.entity_field: entity} if self.entity_field else {}
        if not self.entity_field and self.period is Period.WHOLE:
            key["account"] = entity
        if self.period is not Period.WHOLE:
            key[self.period_field] = str(self.period.of(first)[0])
        if self.period is not Period.DAY:
            key |= {"date_from": str(first), "date_to": str(last)}
        # The key stands first, and is ours also if the API adds fields of these names.
        return {**key, **aggregate.values, **key}


class ReportPartitions(PartitionGenerator):
    """One partition per entity.

    Making them takes no request but those of the lists that entities are in, and those that look when campaigns began.
    """

    def __init__(
        self, report: Report, histories: Histories, expects: Expects, last_day: LastDay, survey: Survey | None
    ) -> None:
        self._report = report
        self._histories = histories
        self._expects = expects
        self._last_day = last_day
        self._survey = survey
        self._turns: Turns | None = None
        self._to_read: Sequence[ToRead] = ()
        self._lock = Lock()
        if survey:
            survey.ask_first(self._prepare)

    def generate(self) -> Iterable[Partition]:
        turns = self._prepare()
        for days in self._to_read:
            yield ReportPartition(self._report, days, turns, self._histories, self._last_day, self._survey)

    def _prepare(self) -> Turns:
        """Makes the plan on first use."""
        with self._lock:
            if self._turns is None:
                self._turns = self._plan()
            return self._turns

    def _plan(self) -> Turns:
        self._to_read = self._histories.begin()
        if not self._to_read and self._report.configured:
            logger.warning(
                f"{self._report.stream_name} has no records: name what it is to report on in "
                f"{self._report.configured}, or deselect the stream."
            )
        cursor, period = self._histories.cursor, self._report.period
        windows = [
            Window(
                days.entity,
                days.span.first,
                days.span.last,
                days.start.day,
                cursor.last_active(days.entity),
                days.part,
                period,
            )
            for days in self._to_read
            if days.start and days.span
        ]
        if windows:
            last = max(window.last for window in windows)
            first = min(window.first for window in windows)
            self._report.ask.look(max(first, last - (BELIEVED_DAYS - 1) * DAY), last)
        entities = {days.entity for days in self._to_read}
        assumptions = Assumptions(
            self._report.ask,
            self._last_day,
            self._report.most(entities),
            cursor.likely_active(entities),
            self._report.stream_name,
            self._report.thing,
            cell_days(windows),
            filter_check(self._report.stream_name, self._report.entity_field),
        )
        plan = Plan(windows, assumptions, self._last_day.today)
        before_start = sum(window.part_of(0, 1).last < window.began for window in windows)
        self._expects(len(self._to_read), plan.days_left - before_start, lambda: plan.requests_left)
        turns = Turns(plan, windows)
        if self._survey:
            self._survey.share(turns, all_campaigns=self._histories.has_all)
        return turns


class ReportPartition(Partition):
    """The cells of one entity, or a part of them: of the next one in turn."""

    def __init__(
        self,
        report: Report,
        to_read: ToRead,
        turns: Turns,
        histories: Histories,
        last_day: LastDay,
        survey: Survey | None,
    ) -> None:
        self.part = to_read.part
        self._report = report
        self._entity = to_read.entity
        self._hash = hash((report.stream_name, self._entity, self.part))
        self._turns = turns if to_read.span else None
        self._cursor = histories.cursor
        self._notices = histories.notices
        self._last_day = last_day
        self._survey = survey

    def read(self) -> Iterable[Record]:
        if self._turns is None:
            return
        refusal = None
        try:
            part = self._turns.take()
            if part is None:
                return
            self._entity = part.window.entity
            try:
                yield from self._rows(part)
            except Refused as refused:
                self._cursor.skip(self._entity)
                refusal = refused
            for window, aggregate in self._turns.plan.corrections():
                yield self._record(window, aggregate)
        except NothingFound as nothing:
            raise nothing_there(self.stream_name(), f"{self._report.thing}s", str(nothing)) from None
        if refusal:
            reason = str(getattr(refusal.cause, "message" if refusal.certain else "internal_message", refusal.cause))
            raise EntityNotFound(message=reason, internal_message=reason)

    def _rows(self, part: Settled | Unsettled) -> Iterable[Record]:
        assert self._turns is not None
        for cell, aggregate in self._turns.plan.cells(part):
            # Figures of the day before the start are those of a time zone behind UTC.
            is_row = cell.last >= cell.began or aggregate.actions
            if is_row and self._last_day.covers(cell.first):
                yield self._record(cell, aggregate)
            self._cursor.settle(self._entity, cell.last, last_active=None if aggregate.empty else cell.last)
            if self._survey and aggregate.empty:
                self._survey.note_quiet(self._entity, cell.first)
        if self._report.configured and self._cursor.saw_nothing(self._entity):
            named = f"{self._report.thing} {self._entity}"
            self._notices.add(
                (self.stream_name(), named),
                f"{self.stream_name()}: Snov.io counts nothing at all for {named}. Check the spelling in "
                f"{self._report.configured}, and whether the API user may see that person's campaigns.",
            )

    def to_slice(self) -> StreamSlice:
        field = self._report.entity_field
        return StreamSlice(partition={field: self._entity} if field else {}, cursor_slice={})

    def stream_name(self) -> str:
        return self._report.stream_name

    def __hash__(self) -> int:
        return self._hash

    def _record(self, cell: Window, aggregate: Aggregate) -> Record:
        last = cell.last if self._last_day.covers(cell.last) else cell.last - DAY
        return Record(
            data=self._report.row(cell.entity, cell.first, last, aggregate),
            stream_name=self.stream_name(),
            associated_slice=self.to_slice(),
        )
