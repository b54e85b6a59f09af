"""Which days of each campaign's (or warm-up's) history a sync reads, and the streams that read them day after day.

The CDK keeps such a state too, but prints it every ten minutes only, starts whatever appears later at the others'
cursor, and never forgets what was deleted.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import (
    DeclarativePartitionFactory,
    StreamSlicerPartitionGenerator,
)
from airbyte_cdk.sources.streams.concurrent.cursor import CursorField
from airbyte_cdk.sources.streams.concurrent.default_stream import DefaultStream
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.partition_generator import PartitionGenerator
from airbyte_cdk.sources.types import Record, StreamSlice

from source_snov.campaign_life import first_day
from source_snov.error_policy import EntityNotFound, StreamUnavailable
from source_snov.history_state import HistoryCursor

logger = logging.getLogger("airbyte.snov")

CAMPAIGNS, WARM_UPS = "campaigns", "warm_ups"

LOOKBACK_DAYS = 14
"""The default of `lookback_days`."""


@dataclass(frozen=True)
class ToRead:
    """The days of one history that a sync reads, both ends included.

    began: the first day of its life. bounded: whether what happened before `first` is to be left out.
    """

    entity: int
    began: date
    first: date
    last: date
    bounded: bool

    def windows(self, most_days: int | None) -> Iterator[tuple[date, date]]:
        """The days in windows of at most `most_days`; None for all of them in one."""
        first = self.first
        while first <= self.last:
            last = self.last if most_days is None else min(self.last, first + timedelta(days=most_days - 1))
            yield first, last
            first = last + timedelta(days=1)


@dataclass(frozen=True)
class History:
    """How a stream reads its histories.

    entities: CAMPAIGNS or WARM_UPS. most_days: of one request's window; None if the API takes any, or no dates at all.
    """

    entities: str
    cursor_field: str
    most_days: int | None = None


class Histories:
    """The histories of one stream: what the declared stream has a slice for, with the days to read of each."""

    def __init__(
        self,
        history: History,
        slices: StreamSlicerPartitionGenerator,
        config: Mapping[str, Any],
        today: date,
        cursor: HistoryCursor,
    ) -> None:
        self.history = history
        self.cursor = cursor
        self.partitions: DeclarativePartitionFactory = slices._partition_factory
        self._slices = slices
        self._wanted = config.get("campaign_ids") if history.entities == CAMPAIGNS else None
        self._start = start_date(config)
        self._last = min(date.fromisoformat(config["end_date"]), today)
        self._lookback = timedelta(days=config.get("lookback_days", LOOKBACK_DAYS))

    def begin(self) -> dict[int, ToRead | None]:
        """Lists them, None for one of which there is nothing to read, and begins the sync of the state."""
        # A campaign may be listed twice.
        listed = {_entity(part): part for part in self._listed()}
        to_read = {entity: self._to_read(entity, part) for entity, part in listed.items()}
        self.cursor.begin(
            {days.entity: (self._begins(days.began), days.last) for days in to_read.values() if days},
            gone=lambda entity: entity not in listed and (not self._wanted or entity in self._wanted),
        )
        return to_read

    def _listed(self) -> Iterable[StreamSlice]:
        for partition in self._slices.generate():
            listed = partition.to_slice()
            assert isinstance(listed, StreamSlice)
            yield listed

    def _to_read(self, entity: int, part: StreamSlice) -> ToRead | None:
        began = _first_day(part)
        if began is None:
            return None
        first = self.cursor.first_to_read(entity, self._begins(began), self._lookback)
        if first > self._last:
            return None
        bounded = self._start is not None or self.cursor.is_known(entity)
        return ToRead(entity, began, first, self._last, bounded)

    def _begins(self, began: date) -> date:
        return max(began, self._start or began)


def history_stream(declared: DefaultStream, histories: Histories) -> DefaultStream:
    """The declared stream, with the state and the windows of its histories."""
    return with_partitions(declared, HistoryPartitions(declared.name, histories), histories)


def with_partitions(declared: DefaultStream, partitions: PartitionGenerator, histories: Histories) -> DefaultStream:
    """The declared stream with other partitions, and the cursor of its histories."""
    return DefaultStream(
        partition_generator=partitions,
        name=declared.name,
        json_schema=declared.get_json_schema,
        primary_key=[name for [name] in declared.as_airbyte_stream().source_defined_primary_key or []],
        cursor_field=CursorField(histories.history.cursor_field),
        logger=logger,
        cursor=histories.cursor,
    )


def slices_of(declared: DefaultStream) -> StreamSlicerPartitionGenerator:
    """What makes the partitions of a declared stream; the CDK has no other way to make further ones."""
    slices = declared._stream_partition_generator
    assert isinstance(slices, StreamSlicerPartitionGenerator)
    return slices


@dataclass(frozen=True)
class HistoryPartitions(PartitionGenerator):
    """One partition per history."""

    stream_name: str
    histories: Histories

    def generate(self) -> Iterable[Partition]:
        for entity, to_read in self.histories.begin().items():
            yield HistoryPartition(self.stream_name, entity, to_read, self.histories)


class HistoryPartition(Partition):
    """One history, window after window."""

    def __init__(self, stream_name: str, entity: int, to_read: ToRead | None, histories: Histories) -> None:
        self._stream_name = stream_name
        self._entity = entity
        self._to_read = to_read
        self._histories = histories
        self._history = histories.history

    @property
    def nothing_to_read(self) -> bool:
        return self._to_read is None

    def read(self) -> Iterable[Record]:
        if self._to_read is None:
            return
        try:
            for first, last in self._to_read.windows(self._history.most_days):
                window = StreamSlice(
                    partition=self._key(), cursor_slice={"date_from": str(first), "date_to": str(last)}
                )
                for record in self._histories.partitions.create(window).read():
                    if self._is_new(record):
                        yield record
                self._histories.cursor.settle(self._entity, last)
        except (EntityNotFound, StreamUnavailable):
            self._histories.cursor.skip(self._entity)
            raise

    def to_slice(self) -> StreamSlice:
        return StreamSlice(partition=self._key(), cursor_slice={})

    def stream_name(self) -> str:
        return self._stream_name

    def __hash__(self) -> int:
        return hash((self._stream_name, self._entity))

    def _key(self) -> dict[str, int]:
        return {f"{self._history.entities.removesuffix('s')}_id": self._entity}

    def _is_new(self, record: Record) -> bool:
        """Whether a record is of the days to read; one whose time cannot be read is."""
        assert self._to_read is not None
        try:
            day = date.fromisoformat(str(record.data.get(self._history.cursor_field))[:10])
        except ValueError:
            return True
        return day <= self._to_read.last and (day >= self._to_read.first or not self._to_read.bounded)


def start_date(config: Mapping[str, Any]) -> date | None:
    """The configured first day, if there is one."""
    return date.fromisoformat(config["start_date"]) if config.get("start_date") else None


def _entity(part: StreamSlice) -> int:
    [entity] = [value for name, value in part.partition.items() if name != "parent_slice"]
    return int(entity)


def _first_day(part: StreamSlice) -> date | None:
    """The first day of a campaign's or a warm-up's life; None if it has not begun."""
    if "start_date" in part.extra_fields:
        started_at = created_at = part.extra_fields["start_date"]
    else:
        started_at, created_at = (part.extra_fields.get(name) for name in ("started_at", "created_at"))
    try:
        return first_day(started_at, created_at)
    except ValueError:
        logger.warning(
            f"The history of {_entity(part)} is left out, because its first day cannot be read "
            f"({str(started_at)[:40]!r}). Report this to the connector's maintainers."
        )
        return None
