"""Snapshot streams, whose records say how something stands: an incremental sync reads only what may have changed.

A campaign (or sender) is read again when it is new, when its row in the list has changed, when it was active since,
when it may change without activity, or when it was read `refresh_after_days` ago.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

from airbyte_cdk.sources.declarative.stream_slicers.declarative_partition_generator import (
    DeclarativePartition,
    StreamSlicerPartitionGenerator,
)
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.partition_generator import PartitionGenerator
from airbyte_cdk.sources.types import Record, StreamSlice

from source_snov.api.assumptions import Aggregate, Entity
from source_snov.api.exceptions import EntityNotFound, NothingToAsk, StreamUnavailable
from source_snov.incremental.cursor import EmittingCursor, StateEmitter, mapping_of
from source_snov.incremental.partitions import CAMPAIGNS, LOOKBACK_DAYS, Campaigns
from source_snov.incremental.plan import Window
from source_snov.incremental.starts import StartedCampaigns, creation_of, entity_of, slice_of, start_of
from source_snov.incremental.survey import Survey, together
from source_snov.incremental.totals import Totals
from source_snov.records.first_day import EARLIEST
from source_snov.records.values import DAY, plain_day

CURSOR_FIELD = "checked_at"

REFRESH_AFTER_DAYS = 7
"""The default of `refresh_after_days`."""

OFTEN_ACTIVE = 0.1
"""About how many campaigns, of those that only activity changes, have changed since they were read."""

CONTINUED = timedelta(hours=6)
"""How long what an interrupted sync has read is not read again. A later one, such as the next morning's, reads what may
have changed since."""

AT_WORK = "active"

AT_REST = frozenset(("completed", "archived", "draft"))
"""Statuses of campaigns in which nobody moves on (API reference 2.1, 2.7)."""


@dataclass(frozen=True)
class Snapshot:
    """How the snapshots of a stream age, as the manifest says.

    entities: the stream that lists what they are of. quiet: what a campaign without any activity has: `nothing`,
    `zeros` (the row of an aggregate) or, by default, whatever the API says; `started` is nothing only if it was never
    started, since prospects go through steps that no figure counts. moves: whether it may change
    without activity until the campaign is at rest. activity: whether what happens in a campaign changes it. filtered:
    whether the configuration's filters and period narrow it. totals: whether its rows are those of `Totals`.
    """

    entities: str
    quiet: str = "asked"
    moves: bool = False
    activity: bool = True
    filtered: bool = False
    totals: bool = False


@dataclass(frozen=True)
class Checked:
    """What the state says of one campaign or sender.

    at: when it was read. until: the last day up to which nothing happened since. row: a digest of its row in the list.
    """

    at: datetime
    until: date
    row: str

    @classmethod
    def read(cls, saved: Mapping[str, Any], now: datetime) -> "Checked | None":
        """None if the saved state is invalid: it is read again then."""
        until, at, row = plain_day(saved.get("until")), _moment(saved.get(CURSOR_FIELD)), saved.get("row")
        if until is None or at is None or not isinstance(row, str) or not EARLIEST <= at.date() <= until:
            return None
        return cls(at, until, row) if until <= now.date() + DAY else None

    def to_json(self) -> dict[str, str]:
        return {CURSOR_FIELD: _text(self.at), "until": str(self.until), "row": self.row}


class SnapshotCursor(EmittingCursor):
    """When each campaign (or sender) was read.

    State: `{"campaigns": {"<id>": {"checked_at", "until", "row"}}}`; for senders, it has
    `sender_email_accounts` in place of `campaigns`, and where filters narrow what is read, `filters`, a digest. While a
    sync is under way, it also has `unfinished`, the time at which it began: what was read since is not read again by a
    sync that continues it.
    """

    def __init__(self, entities: str, emitter: StateEmitter, filters: str | None, now: datetime) -> None:
        super().__init__(emitter)
        self._entities = entities
        self._saved = saved = emitter.saved
        self._filters = filters
        known = mapping_of(saved.get(entities)) if saved.get("filters") == filters else {}
        states = {entity: Checked.read(mapping_of(state), now) for entity, state in known.items()}
        self._known: dict[Entity, Checked] = {
            int(entity): state for entity, state in states.items() if state and entity.isdecimal()
        }
        unfinished = _moment(saved.get("unfinished"))
        self.began = min(unfinished or now, now)
        self._now = now
        self._unfinished: set[Entity] | None = None

    def of(self, entity: Entity) -> Checked | None:
        return self._known.get(entity)

    def is_settled(self, entity: Entity) -> bool:
        """Whether the interrupted sync that this one continues has read it, a short time ago."""
        known = self._known.get(entity)
        return known is not None and known.at >= max(self.began, self._now - CONTINUED)

    def begin(self, entities: Iterable[Entity], listed: bool) -> None:
        """Begins a sync about these. listed: whether they are all campaigns, so that others are forgotten."""
        with self._lock:
            self._unfinished = set(entities)
            if listed:
                self._known = {each: state for each, state in self._known.items() if each in self._unfinished}
        if self._saved and self._saved.get("filters") != self._filters:
            # Before any record: one that is read now must not be taken for one of the state that is left behind.
            self._emitter.emit(self.state)

    def settle(self, entity: Entity, checked: Checked | None) -> None:
        """Notes that one is done, once its records are on their way to the output. checked: None if it was not read."""
        with self._lock:
            assert self._unfinished is not None
            self._unfinished.discard(entity)
            if checked:
                self._known[entity] = checked
            due = self._emitter.is_due()
        # Without the lock: the queue may be full, and the thread that empties it may need the lock.
        if due:
            self._emitter.emit(self.state)

    @property
    def state(self) -> MutableMapping[str, Any]:
        with self._lock:
            if self._unfinished is None:
                return self._saved  # nothing has begun
            states = {str(entity): state.to_json() for entity, state in sorted(self._known.items())}
            state: dict[str, Any] = {self._entities: states}
            if self._filters is not None:
                state["filters"] = self._filters
            return state | {"unfinished": _text(self.began)} if self._unfinished else state


@dataclass(frozen=True)
class Snapshots:
    """What the partitions of one stream share.

    cursor: None in a full refresh, which reads all. totals: asks for the rows, where the declared retriever does not.
    ranks: the place of each campaign (or sender) among all, by id.
    """

    snapshot: Snapshot
    slices: StreamSlicerPartitionGenerator
    config: Mapping[str, Any]
    today: date
    survey: Survey
    cursor: SnapshotCursor | None
    campaigns: Campaigns
    started: StartedCampaigns
    totals: Totals | None = None
    ranks: dict[Entity, int] = field(default_factory=dict)

    @property
    def of_campaigns(self) -> bool:
        return self.snapshot.entities == CAMPAIGNS

    def is_settled(self, entity: Entity, part: StreamSlice) -> bool:
        """Whether an interrupted sync that is continued has read it."""
        return self.cursor is not None and not self._changed(part) and self.cursor.is_settled(entity)

    def unchanged_since(self, entity: Entity, part: StreamSlice) -> Checked | None:
        """When it was read, if only activity would be a reason to read it again."""
        known = self.cursor.of(entity) if self.cursor else None
        if known is None or self._changed(part) or self._is_old(entity, known) or self._moves(part):
            return None
        return known

    def window_since(self, entity: Entity, part: StreamSlice, known: Checked) -> Window:
        """The days in which what happens may change what was read."""
        start = self.started.start_of(part) if self.of_campaigns else None
        first = known.until - max(timedelta(self.config.get("lookback_days", LOOKBACK_DAYS)), DAY)
        # When it was active last is not known here; of most that are not at work, it is long ago.
        active = self.today if str(part.extra_fields.get("status")).lower() == AT_WORK else EARLIEST
        if start is None:
            return Window(entity, first, self.today, first, active)
        return Window(entity, max(first, start.earliest), self.today, start.day, active)

    def life_of(self, entity: Entity, part: StreamSlice) -> Window:
        """All days of a campaign up to today: from its creation on, if it was never started."""
        if start := self.started.start_of(part):
            return Window(entity, min(start.earliest, self.today), self.today, start.day)
        creation = creation_of(part)
        created = creation.earliest if creation else EARLIEST
        # Little ever happens in a campaign that was never started.
        return Window(entity, min(created, self.today), self.today, created, last_active=EARLIEST)

    def row_of(self, part: StreamSlice) -> str:
        listed = json.dumps(part.extra_fields, sort_keys=True, default=str)
        return hashlib.sha256(listed.encode()).hexdigest()[:12]

    def _changed(self, part: StreamSlice) -> bool:
        known = self.cursor.of(entity_of(part)) if self.cursor else None
        return known is None or known.row != self.row_of(part)

    def _moves(self, part: StreamSlice) -> bool:
        return self.snapshot.moves and str(part.extra_fields.get("status")).lower() not in AT_REST

    def _is_old(self, entity: Entity, known: Checked) -> bool:
        """Whether it is due for a refresh. Refreshes are spread evenly over the days."""
        days = int(self.config.get("refresh_after_days", REFRESH_AFTER_DAYS))
        its_turn = (self.today.toordinal() + self.ranks[entity]) % days == 0
        return (its_turn and known.at.date() < self.today) or (self.today - known.at.date()).days >= days


@dataclass(frozen=True)
class SnapshotPartitions(PartitionGenerator):
    """One partition for each campaign (or sender)."""

    stream_name: str
    snapshots: Snapshots

    def generate(self) -> Iterable[Partition]:
        shared = self.snapshots
        listed = {entity_of(slice_of(each)): each for each in shared.slices.generate()}
        shared.ranks.update((entity, rank) for rank, entity in enumerate(sorted(listed)))
        if shared.cursor:
            shared.cursor.begin(listed, listed=not (shared.of_campaigns and shared.config.get("campaign_ids")))
        if shared.of_campaigns:
            parts = {entity: slice_of(each) for entity, each in listed.items()}
            shared.campaigns.note(map(start_of, parts.values()))
            self._survey(parts)
        for entity, declared in listed.items():
            assert isinstance(declared, DeclarativePartition)
            yield SnapshotPartition(entity, declared, shared)

    def _survey(self, campaigns: Mapping[Entity, StreamSlice]) -> None:
        """Has the days looked at whose activity decides whether a campaign is asked about."""
        shared = self.snapshots
        since, lives, unborn = [], [], []
        for entity, part in campaigns.items():
            if known := shared.unchanged_since(entity, part):
                if shared.snapshot.activity:
                    since.append(shared.window_since(entity, part, known))
            elif shared.is_settled(entity, part):
                continue
            elif start_of(part) is None:
                unborn.append(shared.life_of(entity, part))
            elif shared.snapshot.quiet == "nothing":
                lives.append(shared.life_of(entity, part))
        shared.survey.expect(since)
        shared.survey.expect(together(lives))
        if shared.snapshot.quiet == "zeros":
            shared.survey.expect(together(unborn), doubt=False)


class SnapshotPartition(Partition):
    """What there is of one campaign (or sender)."""

    def __init__(self, entity: Entity, declared: DeclarativePartition, snapshots: Snapshots) -> None:
        self._entity = entity
        self._declared = declared
        self._snapshots = snapshots
        self._part = slice_of(declared)
        self.is_known = snapshots.cursor is not None and snapshots.cursor.of(entity) is not None
        self.nothing_to_read = True

    @property
    def expected_requests(self) -> float:
        shared = self._snapshots
        if shared.is_settled(self._entity, self._part):
            return 0.0
        if shared.unchanged_since(self._entity, self._part):
            return OFTEN_ACTIVE if shared.snapshot.activity else 0.0
        return 1.0

    def read(self) -> Iterable[Record]:
        shared, cursor = self._snapshots, self._snapshots.cursor
        if cursor and shared.is_settled(self._entity, self._part):
            cursor.settle(self._entity, None)
            return
        known = shared.unchanged_since(self._entity, self._part)
        if cursor and known and self._is_unchanged(known):
            cursor.settle(self._entity, replace(known, until=shared.today))
            return
        now = datetime.now(timezone.utc).replace(microsecond=0)
        try:
            yield from self._records()
        except (EntityNotFound, StreamUnavailable):
            if cursor:
                cursor.settle(self._entity, None)
            raise
        if cursor:
            until = max(shared.today, now.date())
            cursor.settle(self._entity, Checked(now, until, shared.row_of(self._part)))

    def _is_unchanged(self, known: Checked) -> bool:
        shared = self._snapshots
        if not shared.snapshot.activity:
            return shared.survey.skips
        return self._is_quiet(shared.window_since(self._entity, self._part, known))

    def _is_quiet(self, window: Window) -> bool:
        survey = self._snapshots.survey
        if self._snapshots.of_campaigns:
            return survey.is_quiet(window)
        return survey.are_all_quiet(window.first, window.last)

    def _records(self) -> Iterable[Record]:
        quiet = self._snapshots.snapshot.quiet
        if quiet in ("nothing", "started") and self._was_never_active():
            return
        if totals := self._snapshots.totals:
            zeros = self._zeros() if quiet == "zeros" else None
            row = totals.row(self._entity, self._part.extra_fields.get("created_at"), zeros)
            self.nothing_to_read = zeros is not None
            data = {**row, CURSOR_FIELD: _text(datetime.now(timezone.utc))}
            yield Record(data=data, stream_name=self.stream_name(), associated_slice=self._part)
            return
        try:
            yield from self._declared.read()
            self.nothing_to_read = False
        except NothingToAsk:
            pass

    def _was_never_active(self) -> bool:
        if start_of(self._part) is None:
            return self._snapshots.survey.skips
        life = self._snapshots.life_of(self._entity, self._part)
        return self._snapshots.snapshot.quiet == "nothing" and self._is_quiet(life)

    def _zeros(self) -> Aggregate | None:
        """An aggregate of zeros that has the campaign's whole life."""
        life = self._snapshots.life_of(self._entity, self._part)
        # Of one that was never started, the list says the same.
        doubt = start_of(self._part) is not None
        return self._snapshots.survey.empty(life, doubt)

    def to_slice(self) -> Mapping[str, Any] | None:
        return self._part

    def stream_name(self) -> str:
        return self._declared.stream_name()

    def __hash__(self) -> int:
        return hash(self._declared)


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
