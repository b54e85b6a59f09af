"""When the life of a campaign or warm-up begins."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from threading import Lock
from typing import Any, NamedTuple

from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import (
    StreamSlicerPartitionGenerator,
)
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import StreamSlice

from source_snov.api.assumptions import ACCOUNT, Ask, Entity
from source_snov.records.first_day import day_of, earliest_day_of
from source_snov.records.values import DAY

logger = logging.getLogger("airbyte.snov")

LONG_BEFORE = (30, 7, 0)
"""Days of a campaign before its start: those with the most are looked at first."""

MAX_STARTS = 5
"""Maximum requests that look whether something happened before campaigns were started."""


class Start(NamedTuple):
    """When a life begins. day: in UTC. earliest: the first day whose figures may be of it, in whichever time zone."""

    day: date
    earliest: date


class StartedCampaigns:
    """The campaigns that were started, of the configured ones if there are any.

    slices: per campaign. ask: the API, about several campaigns. most: how many of them one request can name.
    """

    def __init__(
        self, slices: StreamSlicerPartitionGenerator | None, ask: Ask | None, most: Callable[[Collection[Entity]], int]
    ) -> None:
        self._slices = slices
        self._ask = ask
        self._most = most
        self._starts: Mapping[int, Start] | None = None
        self._created: Mapping[int, Start] = {}
        self._starts_move: bool | None = None
        self._asked = 0
        self._listed: set[int] = set()
        self._lock = Lock()
        self._asking = Lock()

    def start_of(self, part: StreamSlice) -> Start | None:
        """The start of a campaign: its creation if `started_at` may be a later one than the first.

        No document says whether a campaign that is started again keeps it (API reference 2.1).
        """
        started, created = start_of(part), creation_of(part)
        return created if started and created and created.day < started.day and self.starts_move() else started

    def starts_move(self) -> bool:
        """Whether something happened before `started_at`, in campaigns that were created long before: asked once."""
        started = self.days()
        with self._asking:
            if self._starts_move is None:
                self._starts_move = self._did_something_before(started)
        return self._starts_move

    def _did_something_before(self, started: Mapping[int, date]) -> bool:
        # Two days earlier: one for the day of the start, and one for unknown time zones.
        before = {one: (self._created[one].day, day - 2 * DAY) for one, day in started.items() if one in self._created}
        unseen = {one: days for one, days in before.items() if days[0] <= days[1]}
        for least in LONG_BEFORE:
            for _ in range(MAX_STARTS - self._asked):
                longest = [(end, one) for one, (created, end) in unseen.items() if (end - created).days >= least]
                if not longest:
                    break
                # The earliest end is a day before their start for the most campaigns, which share the request.
                end, campaign = min(longest)
                others = [one for one, (created, last) in before.items() if created <= end <= last and one != campaign]
                named = [campaign, *others][: self._most([campaign, *others])]
                if self._was_active(named, min(before[one][0] for one in named), end):
                    return True
                unseen = {one: days for one, days in unseen.items() if one not in named}
        return False

    def _was_active(self, campaigns: Sequence[int], first: date, last: date) -> bool:
        self._asked += 1
        try:
            before = self._ask(campaigns, first, last) if self._ask else None
        except Exception:
            # What fails here is asked for by others too, or does not matter to them.
            return False
        if before is None or not before.actions:
            return False
        logger.warning(
            f"Snov.io counts something before the started_at of campaign {campaigns[0]}, or of others asked about with "
            f"it, until {last}: it seems to be the time of the last start. All campaigns are read from the day of "
            "their creation on. Report this to the connector's maintainers."
        )
        return True

    def warn_of_missing(self, stream_name: str, chosen: Collection[int]) -> None:
        """Names those of the chosen ones that are not in the list."""
        self.days()
        warn_of_missing(stream_name, set(chosen) - self._listed)

    def days(self, chosen: Collection[int] = ()) -> Mapping[int, date]:
        """The day on which each was started. chosen: those to be named; all if none are."""
        return {campaign: start.day for campaign, start in self._of(chosen).items()}

    def _of(self, chosen: Collection[int] = ()) -> Mapping[int, Start]:
        with self._lock:
            if self._starts is None:
                listed = map(slice_of, self._slices.generate() if self._slices else ())
                parts = {int(entity_of(part)): part for part in listed}
                began = {campaign: start_of(part) for campaign, part in parts.items()}
                created = {campaign: creation_of(part) for campaign, part in parts.items()}
                self._created = {campaign: start for campaign, start in created.items() if start}
                self._listed = set(began)
                self._starts = {campaign: start for campaign, start in began.items() if start}
        return {campaign: start for campaign, start in self._starts.items() if not chosen or campaign in chosen}

    def first_created(self) -> date | None:
        """The earliest day that may be that of a creation; None if that of any cannot be read."""
        starts = [self._created.get(campaign) for campaign in self.days()]
        return None if None in starts else min((start.earliest for start in starts if start), default=None)

    def first(self, chosen: Collection[int] = ()) -> Start | None:
        """The start of all of them together; None if none was started."""
        starts = self._of(chosen)
        if starts and self.starts_move():
            starts = {one: min(self._created.get(one, start), start) for one, start in starts.items()}
        days, earliest = [start.day for start in starts.values()], [start.earliest for start in starts.values()]
        return Start(min(days), min(earliest)) if days else None


def slice_of(partition: Partition) -> StreamSlice:
    part = partition.to_slice()
    assert isinstance(part, StreamSlice)
    return part


def entity_of(part: StreamSlice) -> Entity:
    """What a slice is about: the account if it says nothing."""
    [entity] = [value for name, value in part.partition.items() if name != "parent_slice"] or [ACCOUNT]
    return entity if isinstance(entity, str) and not entity.isdecimal() else int(entity)


def warn_of_missing(stream_name: str, campaigns: Collection[int]) -> None:
    """campaigns: configured ones that the list lacks."""
    if campaigns:
        logger.warning(
            f"{stream_name}: the campaign_ids {', '.join(map(str, sorted(campaigns)))} are not in the campaign list "
            "any more. Remove them from the source's configuration, or give the API user access to these campaigns."
        )


def start_of(part: StreamSlice) -> Start | None:
    """The start of a campaign or warm-up, as `FirstDay` leaves it; None if it has not begun."""
    if "start_date" in part.extra_fields:
        day = day_of(part.extra_fields["start_date"])
        return Start(day, day) if day else None
    return _start(part.extra_fields["started_at"])


def creation_of(part: StreamSlice) -> Start | None:
    """When a campaign was created; None if that cannot be read."""
    return _start(part.extra_fields.get("created_at"))


def _start(moment: Any) -> Start | None:
    day, earliest = day_of(moment), earliest_day_of(moment)
    return Start(day, earliest or day) if day else None
