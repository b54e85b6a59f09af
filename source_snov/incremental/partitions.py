"""Which days of each campaign's (or warm-up's) history a sync reads, and the streams that read them day after day.

The CDK keeps such a state too, but prints it every ten minutes only, starts a new campaign at the cursor of the
others, and never forgets a deleted one.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import (
    DeclarativePartitionFactory,
    StreamSlicerPartitionGenerator,
)
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor, CursorField
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.partition_generator import PartitionGenerator
from airbyte_cdk.sources.types import Record, StreamSlice

from source_snov.api.assumptions import Entity, FutureDays
from source_snov.api.exceptions import EntityNotFound, RequestNotAccepted, StreamUnavailable
from source_snov.incremental.cursor import HistoryCursor, Span
from source_snov.incremental.periods import Period
from source_snov.incremental.plan import Window
from source_snov.incremental.starts import Start, StartedCampaigns, entity_of, slice_of, start_of
from source_snov.incremental.survey import Survey, together
from source_snov.records.extractors import StillComputing
from source_snov.records.notices import Notices
from source_snov.records.values import DAY, plain_day

logger = logging.getLogger("airbyte.snov")

CAMPAIGNS = "campaigns"

LOOKBACK_DAYS = 14
"""The default of `lookback_days`."""

FEW_REQUESTS = 600
"""Requests up to which histories are read in one part, which saves a few: about ten minutes."""

MANY = 10
"""Entities from which on reports on weeks or months are read period after period."""


@dataclass(frozen=True)
class ToRead:
    """What a sync reads of one history.

    start: of its life; None if that has not begun. span: the days; None for none. bounded: whether what happened before
    them is to be left out.
    """

    entity: Entity
    start: Start | None
    span: Span | None
    bounded: bool

    @property
    def part(self) -> int:
        return self.span.part if self.span else 0

    def windows(self, most_days: int | None) -> Iterator[tuple[date, date]]:
        """The days in windows of at most `most_days`; None for all of them in one."""
        first, end = (self.span.first, self.span.last) if self.span else (date.max, date.min)
        while first <= end:
            last = end if most_days is None else min(end, first + (most_days - 1) * DAY)
            yield first, last
            first = last + DAY


@dataclass(frozen=True)
class History:
    """How a stream reads its histories.

    entities: the stream that lists what the histories are of. dated: whether the stream's own requests name the days to
    read. most_days: of one request's window; None if the API takes any. parts: days, counted back from the last one,
    after which an older part begins, which is read when the newer ones of all streams are; None where one request takes
    any days. limited_by: the field of the configuration with the most days that it has. period: of a report's rows;
    None for other streams. by_name: whether an entity is identified by a name instead of an ID. chosen_by: the field
    of the configuration that names the entities, in place of the list of all.
    """

    entities: str
    cursor_field: str
    dated: bool = False
    most_days: int | None = None
    parts: Sequence[int] | None = None
    limited_by: str = ""
    period: Period | None = None
    by_name: bool = False
    chosen_by: str = ""


@dataclass
class Campaigns:
    """What the campaign list says, for the log; shared by a sync. total: None until the list is read."""

    total: int | None = None
    started: int = 0

    def note(self, starts: Iterable[object | None]) -> None:
        """starts: of each campaign; None of one that was never started."""
        each = list(starts)
        self.total, self.started = len(each), len(each) - each.count(None)

    def describe(self) -> str:
        if self.total is None:
            return ""
        return f"{self.total:,} campaign{'s' * (self.total != 1)}, {self.started:,} of them started. "


class Histories:
    """The histories of one stream: what the declared stream has a slice for, with the days to read of each."""

    def __init__(
        self,
        history: History,
        slices: StreamSlicerPartitionGenerator,
        config: Mapping[str, Any],
        today: date,
        cursor: HistoryCursor,
        notices: Notices,
        future_days: FutureDays,
        campaigns: Campaigns,
        started: StartedCampaigns,
        survey: Survey | None = None,
        start: Callable[[], Start | None] | None = None,
    ) -> None:
        """survey: skips quiet campaigns; None where histories are not of campaigns, or are the survey's own.

        start: of each history, where what it is of does not say so itself; None if it has not begun.
        """
        self._common_start = start
        self.history = history
        self._survey = survey
        self.future_days = future_days
        self.cursor = cursor
        self.notices = notices
        self._campaigns = campaigns
        self._started = started
        self.partitions: DeclarativePartitionFactory = slices._partition_factory
        self._slices = slices
        self.today = today
        self._wanted = config.get("campaign_ids") if history.entities == CAMPAIGNS else None
        self._chosen: Sequence[Entity] = config.get(history.chosen_by, ())
        self._start = start_date(config)
        self._last = min(date.fromisoformat(config["end_date"]), today)
        most_days = config.get(history.limited_by)
        self._first_of_all = self._last - (most_days - 1) * DAY if most_days else date.min
        self._lookback = timedelta(days=config.get("lookback_days", LOOKBACK_DAYS))

    @property
    def has_all(self) -> bool:
        """Whether the configuration does not choose some of the campaigns."""
        return not self._wanted

    def begin(self) -> Sequence[ToRead]:
        """Returns what to read, newer parts first, and at least one entry per entity; starts the cursor."""
        # A campaign may be listed twice.
        starts: dict[Entity, Start | None]
        if self._chosen and self._common_start:
            starts = dict.fromkeys(self._chosen, self._common_start())
        elif self._common_start:
            starts = dict.fromkeys(map(entity_of, self._listed()), self._common_start())
        else:
            of_campaigns = self.history.entities == CAMPAIGNS
            of_part = self._started.start_of if of_campaigns else start_of
            starts = {entity_of(part): of_part(part) for part in self._listed()}
            starts = {entity: start for entity, start in starts.items() if not self._chosen or entity in self._chosen}
        if self.history.entities == CAMPAIGNS and not self._chosen:
            self._campaigns.note(starts.values())
        starts = {entity: start and self._known_start(entity, start) for entity, start in starts.items()}
        begins = {entity: self._begins(entity, start) for entity, start in starts.items() if start}
        spans = self._spans(begins, self._parts(begins))
        self.cursor.begin(
            spans, gone=lambda entity: entity not in starts and (not self._wanted or entity in self._wanted)
        )
        nothing: Sequence[Span | None] = [None]
        to_read = (
            ToRead(entity, start, span, self._start is not None or self.cursor.is_known(entity))
            for entity, start in starts.items()
            for span in spans.get(entity) or nothing
        )
        return sorted(to_read, key=lambda days: days.part)

    def _listed(self) -> Iterator[StreamSlice]:
        return map(slice_of, self._slices.generate())

    def survey(self, to_read: Iterable[ToRead]) -> None:
        """Has the days to read looked at for activity, several campaigns at once."""
        if self._survey:
            windows = [self._window(days, days.span.first, days.span.last) for days in to_read if days.span]
            likely = self.cursor.likely_active([window.entity for window in windows])
            self._survey.expect([window for window in windows if window.last_active], likely)
            self._survey.expect(together([window for window in windows if not window.last_active]))

    def is_quiet(self, days: ToRead, first: date, last: date) -> bool:
        """Whether nothing happened in a window of these days, so that it need not be read."""
        if not self._survey:
            return False
        return self._survey.is_quiet(self._window(days, first, last))

    def compare(self, stream_name: str, entity: Entity, days: Collection[date]) -> None:
        """Warns if analytics showed nothing on a day with events: campaigns are skipped on such figures."""
        if self._survey and (day := self._survey.contradicted(entity, days)):
            self.notices.add(
                (stream_name, "contradicted"),
                f"{stream_name}: campaign {entity} has events on {day}, for which Snov.io's analytics show nothing. "
                "Events of campaigns that were skipped as quiet may be missing: set skip_quiet_campaigns to false, "
                "refresh this stream, and report this to the connector's maintainers.",
                about=entity,
            )

    def _window(self, days: ToRead, first: date, last: date) -> Window:
        """The days whose analytics cover all events of a window, whatever the time zone of their days.

        What an earlier sync read needs no day before.
        """
        assert days.start
        begin = first if self.cursor.was_read(days.entity, first) else max(first - DAY, days.start.earliest)
        end = min(last + DAY, self.today)
        return Window(days.entity, begin, end, days.start.day, self.cursor.last_active(days.entity), days.part)

    def _spans(self, begins: Mapping[Entity, date], parts: Sequence[int] | None) -> dict[Entity, Sequence[Span]]:
        """The days to read per entity whose life began; none of those whose life begins after the last day."""
        period = self.history.period or Period.DAY
        spans: dict[Entity, Sequence[Span]] = {
            entity: self.cursor.spans(entity, first, self._last, self._lookback, parts, period)
            for entity, first in begins.items()
            if first <= self._last
        }
        days = sum((span.last - span.first).days + 1 for each in spans.values() for span in each)
        if parts and period is Period.DAY and days / (self.history.most_days or 1) <= FEW_REQUESTS:
            return self._spans(begins, ())
        return spans

    def _parts(self, begins: Mapping[Entity, date]) -> Sequence[int] | None:
        """Each period is a part of its own where it pays to ask about many entities together, period after period."""
        period = self.history.period or Period.DAY
        if period is Period.DAY:
            return self.history.parts
        if len(begins) < MANY:
            return ()
        first, last = period.number(min(begins.values())), period.number(self._last)
        return [(self._last - period.begins(number)).days + 1 for number in range(last, first, -1)]

    def _known_start(self, entity: Entity, start: Start) -> Start:
        """Never later than what an earlier sync has read: what is known of starts may change."""
        since = self.cursor.since(entity)
        return Start(since, since) if since and since < start.earliest else start

    def _begins(self, entity: Entity, start: Start) -> date:
        # Events are in UTC, where requests do not name their days.
        first = start.earliest if self.history.dated or self.history.period else start.day
        # However few days the history has, none stays as it was in the middle of that day.
        limit = min(self._first_of_all, self.cursor.until(entity) or self._first_of_all)
        return max(first, self._start or first, limit)


def with_partitions(
    declared: DefaultStream, partitions: PartitionGenerator, cursor_field: str, cursor: Cursor
) -> DefaultStream:
    """The declared stream with other partitions and another cursor."""
    return DefaultStream(
        partition_generator=partitions,
        name=declared.name,
        json_schema=declared.get_json_schema,
        primary_key=[name for [name] in declared.as_airbyte_stream().source_defined_primary_key or []],
        cursor_field=CursorField(cursor_field),
        logger=logger,
        cursor=cursor,
    )


@dataclass(frozen=True)
class HistoryPartitions(PartitionGenerator):
    """One partition per history."""

    stream_name: str
    histories: Histories

    def generate(self) -> Iterable[Partition]:
        to_read = self.histories.begin()
        for _, part in groupby(to_read, key=lambda days: days.part):
            self.histories.survey(part)
        for days in to_read:
            yield HistoryPartition(self.stream_name, days, self.histories)


class HistoryPartition(Partition):
    """One history, or a part of it, window after window."""

    def __init__(self, stream_name: str, to_read: ToRead, histories: Histories) -> None:
        self._stream_name = stream_name
        self._to_read = to_read
        self._entity = to_read.entity
        self.part = to_read.part
        self.is_known = histories.cursor.is_known(to_read.entity)
        self._histories = histories
        self._history = histories.history
        self._asked = False

    @property
    def expected_requests(self) -> float:
        return sum(1 for _ in self._to_read.windows(self._history.most_days))

    @property
    def nothing_to_read(self) -> bool:
        """Whether nothing was asked about it."""
        return not self._asked

    def read(self) -> Iterable[Record]:
        if not self._histories.cursor.is_read(self._entity):
            return
        try:
            for first, last in self._to_read.windows(self._history.most_days):
                days: set[date] = set()
                if not self._histories.is_quiet(self._to_read, first, last):
                    self._asked = True
                    for record in self._window(first, last):
                        day = self._day(record)
                        if day is None or self._is_within(day, first, last):
                            days.update([day] if day else [])
                            yield record
                self._histories.compare(self._stream_name, self._entity, days)
                self._histories.cursor.settle(self._entity, last, max(days, default=None))
        except (EntityNotFound, StreamUnavailable, StillComputing):
            self._histories.cursor.skip(self._entity)
            raise

    def _window(self, first: date, last: date) -> Iterator[Record]:
        """What the API gives for these days, asked for with one day more.

        A client of the API found that the last day of a window is left out (API reference 2.10). Where the API refuses
        a day after today, on which nothing can have happened yet, it is left out.
        """
        further = last + DAY if self._history.dated else last
        refused = self._histories.future_days.refused
        if further <= self._histories.today or refused.get(self._stream_name):
            yield from self._read(first, min(further, self._histories.today))
            return
        records = self._read(first, further)
        try:
            record = next(records, None)
            if record is not None:
                refused[self._stream_name] = False
            elif refused.get(self._stream_name) is not False:
                # A wrong filter gives nothing rather than an error, as Snov.io's knowledge base says. Another thread
                # may have found it out meanwhile.
                records = self._read(first, min(last, self._histories.today))
                record = next(records, None)
                refused.update({self._stream_name: True} if record is not None else {})
        except RequestNotAccepted:
            # Only if the same without that day is accepted was it about the day. Until then nothing is concluded: what
            # other threads have asked is about to be answered in the same way.
            records = self._read(first, min(last, self._histories.today))
            record = next(records, None)
            refused[self._stream_name] = True
        if record is not None:
            yield record
            yield from records

    def _read(self, first: date, last: date) -> Iterator[Record]:
        asked = StreamSlice(partition=self._key(), cursor_slice={"date_from": str(first), "date_to": str(last)})
        yield from self._histories.partitions.create(asked).read()

    def to_slice(self) -> StreamSlice:
        return StreamSlice(partition=self._key(), cursor_slice={})

    def stream_name(self) -> str:
        return self._stream_name

    def __hash__(self) -> int:
        return hash((self._stream_name, self._entity, self.part))

    def _key(self) -> dict[str, Entity]:
        return {f"{self._history.entities.removesuffix('s')}_id": self._entity}

    def _day(self, record: Record) -> date | None:
        """The day of a record; None if it cannot be read, and the record is kept whichever days are asked for."""
        return plain_day(str(record.data.get(self._history.cursor_field))[:10])

    def _is_within(self, day: date, first: date, last: date) -> bool:
        """Whether a record of this day is one of those asked for."""
        if not self._history.dated:
            return day <= last and (day >= first or not self._to_read.bounded)
        if not first <= day <= last + DAY:
            self._histories.notices.add(
                (self._stream_name, "outside the window"),
                f"{self._stream_name}: asked for {first} to {last}, Snov.io also sends records of other days, such as "
                f"{day}. Each record is kept only where its own days are asked for. Report this to the connector's "
                "maintainers.",
            )
        return first <= day <= last


def start_date(config: Mapping[str, Any]) -> date | None:
    """The configured first day, if there is one."""
    return date.fromisoformat(config["start_date"]) if config.get("start_date") else None
