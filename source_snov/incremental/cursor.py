"""The state of a history per campaign (or warm-up): how far each is known, and what an interrupted sync had settled."""

import json
import logging
import re
from collections.abc import Callable, Collection, Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from threading import Lock
from typing import Any

from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record

from source_snov.api.assumptions import Entity, LastDay, OwnDay
from source_snov.incremental.periods import Period
from source_snov.records.first_day import EARLIEST
from source_snov.records.values import DAY, plain_day

logger = logging.getLogger("airbyte.snov")

REQUESTS_PER_STATE = 10
"""Requests between two states: a killed sync repeats a fraction of a minute."""

BYTES_PER_REQUEST = 18_000
"""States are spaced so that they take no more output than this for each request: 1 MB a minute at 55 a minute."""

DATE_TO = ("included", "left out")
"""What the state says about the day of `date_to`."""

ASSUMED = "assumed to be included"
"""What it says while a state of a version before 0.5 is read on: that took the day for included."""

COUNTED_ON, OWN_DAY = "counted_on", "own day"
"""The state's field for the day on which analytics count opens, clicks and replies, and what it says if it is known."""

ASKED_TO, DAY_AFTER = "asked_to", "the day after"
"""The state's field for the last day that requests name, and what it says; versions before 0.5 named the day itself."""

CONTINUED = DAY
"""An interrupted sync is continued on its day and the next; after that, a usual incremental sync runs."""


@dataclass(frozen=True)
class EntityState:
    """What is known of one campaign or warm-up.

    since: the first day of its history. until: the last one. last_active: the last day on which something happened.
    next: while a sync is under way, the first day that it has not settled yet, of the newest days or, where it is
    before `since`, of older ones; `older` is the first of these then.
    """

    since: date
    until: date
    last_active: date | None = None
    next: date | None = None
    older: date | None = None

    @classmethod
    def read(cls, saved: Mapping[str, Any], today: date) -> "EntityState | None":
        """None if the saved state is invalid: the whole history is read then."""
        since, until, last_active, following, older = (
            plain_day(saved.get(name)) for name in ("since", "until", "last_active", "next", "older")
        )
        # The clock of another machine may be a little ahead.
        if since is None or until is None or not EARLIEST <= since <= until <= today + DAY:
            return None
        in_history = last_active is not None and since <= last_active <= until
        continues = following is not None and EARLIEST <= following <= until + DAY
        return cls(since, until, last_active if in_history else None, following if continues else None, older)

    def to_json(self) -> dict[str, str]:
        return {name: str(day) for name, day in vars(self).items() if day}

    def settled(self) -> "EntityState":
        """The state once no sync is under way any more."""
        return replace(self, next=None, older=None)


@dataclass(frozen=True)
class Span:
    """Days in a row of one history that a sync reads, both ends included.

    since: the first day of the history as soon as all of these are read. part: 0 for the newest days; spans of a higher
    part are of older ones, and read later.
    """

    first: date
    last: date
    since: date
    part: int = 0


@dataclass
class _Reading:
    """How far a span is read. next: the first day that is not settled yet."""

    span: Span
    next: date
    last_active: date | None = None

    @property
    def done(self) -> bool:
        return self.next > self.span.last

    def added_to(self, state: EntityState | None) -> EntityState:
        """The state with what is read of the span."""
        until = self.next - DAY
        if state is None:
            return EntityState(self.span.first, until, self.last_active, self.next)
        active = max(filter(None, [state.last_active, self.last_active]), default=None)
        if self.span.last >= state.since:
            if state.next and state.next < state.since:
                # An older part is under way; its progress is worth more than that of the newest days.
                read = replace(state, since=self.span.since, until=max(state.until, until), last_active=active)
                return read if self.done else state
            since = self.span.since if self.done else state.since
            return EntityState(since, max(state.until, until), active, self.next)
        if self.done:
            return EntityState(self.span.since, state.until, active, state.until + DAY)
        return replace(state, next=self.next, older=self.span.since)


class StateEmitter:
    """Emits the states of one stream, spaced by the requests made between them.

    saved: the state that the sync began with. own_day: read from the states of campaigns, and written back to them;
    None for others.
    """

    def __init__(
        self,
        stream_name: str,
        manager: ConnectorStateManager,
        repository: MessageRepository,
        requests_made: Callable[[], int],
        own_day: OwnDay | None,
    ) -> None:
        self.stream_name = stream_name
        self._own_day = own_day
        self.saved = manager.get_stream_state(stream_name, None)
        if own_day and self.saved.get(COUNTED_ON) == OWN_DAY:
            own_day.proven = True
        self._manager = manager
        self._repository = repository
        self._requests_made = requests_made
        self._requests_at_state = 0
        self._requests_between = REQUESTS_PER_STATE

    def is_due(self) -> bool:
        """Whether a state is to be emitted now; the caller holds the lock of what it is made of."""
        made = self._requests_made()
        due = made - self._requests_at_state >= self._requests_between
        if due:
            self._requests_at_state = made
        return due

    def emit(self, state: MutableMapping[str, Any]) -> None:
        if self._own_day and self._own_day.proven:
            state = {**state, COUNTED_ON: OWN_DAY}
        self._requests_between = max(REQUESTS_PER_STATE, len(json.dumps(state)) // BYTES_PER_REQUEST)
        self._manager.update_state_for_stream(self.stream_name, None, state)
        self._repository.emit_message(self._manager.create_state_message(self.stream_name, None))


class EmittingCursor(Cursor):
    """A cursor whose partitions call its `settle` for what they have read; the CDK's calls say nothing of it."""

    def __init__(self, emitter: StateEmitter) -> None:
        self._emitter = emitter
        self._lock = Lock()

    def observe(self, record: Record) -> None:
        pass

    def close_partition(self, partition: Partition) -> None:
        pass

    def ensure_at_least_one_state_emitted(self) -> None:
        self._emitter.emit(self.state)

    def should_be_synced(self, record: Record) -> bool:
        return True


class HistoryCursor(EmittingCursor):
    """Keeps the state of one stream and emits it every REQUESTS_PER_STATE requests.

    State: `{"campaigns": {"<id>": {"since", "until", "last_active"}}}`, all of them days. While a sync is under way, it
    also has `unfinished: {"day", "start_date", "mode"}`, with the day on which it began, and `next`, perhaps `older`,
    for each campaign that it has begun with. In place of `campaigns`, others have what their histories are of:
    `warm_ups`, `account`. States of reports also have `filters`, a digest, and `date_to`, one of DATE_TO, as soon as it
    is known; those of dated records `asked_to`. States of campaigns have `counted_on` as soon as that is known.
    """

    def __init__(
        self,
        entities: str,
        emitter: StateEmitter,
        today: date,
        start_date: date | None,
        full_refresh: bool,
        filters: str | None = None,
        last_day: LastDay | None = None,
        by_name: bool = False,
        dated: bool = False,
    ) -> None:
        """`entities`: the state's key. `full_refresh`: only the state of an interrupted sync counts.

        filters: a digest of the configured filters, if the stream has any; with other filters everything is read again.
        last_day: read from the state, and written back to it. by_name: whether an entity is identified by a
        name instead of an ID. dated: whether requests name the days of records.
        """
        super().__init__(emitter)
        self._entities = entities
        mode = "full_refresh" if full_refresh else "incremental"
        self._under_way = {"day": str(today), "start_date": str(start_date or ""), "mode": mode}
        self._saved = saved = emitter.saved
        self._filters, self._last_day, self._dated = filters, last_day, dated
        self._today = today
        if last_day and saved.get("date_to") in DATE_TO:
            last_day.included = saved["date_to"] == DATE_TO[0]
        same = saved.get("filters", filters) == filters
        if not same and not full_refresh:
            logger.info(
                f"{emitter.stream_name}: the filters of the configuration have changed since the last sync, so "
                "everything is read again."
            )
        if dated and saved.get(entities) and saved.get(ASKED_TO) != DAY_AFTER:
            same = False
            if not full_refresh:
                logger.info(
                    f"{emitter.stream_name}: versions before 0.5 missed the last day of each request if Snov.io leaves "
                    "it out, so everything is read again."
                )
        self._begins_anew = bool(saved) and not same
        self._continues = same and self._is_continued(saved.get("unfinished"), today)
        forgotten = not same or (full_refresh and not self._continues)
        known: Mapping[str, Any] = {} if forgotten else mapping_of(saved.get(entities))
        states = {entity: EntityState.read(mapping_of(state), today) for entity, state in known.items()}
        self._known: dict[Entity, EntityState] = {
            entity if by_name else int(entity): state
            for entity, state in states.items()
            if state and (by_name or re.fullmatch(r"[0-9]{1,19}", entity))
        }
        if not self._continues:
            self._known = {entity: state.settled() for entity, state in self._known.items()}
        self._before = dict(self._known)
        # Versions before 0.5 kept no digest, and took `date_to` to include its day: rows of zeros seemed right.
        is_old = "filters" not in saved or saved.get("date_to") == ASSUMED
        self._may_be_zeros = bool(self._known) and last_day is not None and is_old
        self._warned = False
        self._reading: dict[Entity, list[_Reading]] | None = None

    def last_active(self, entity: Entity) -> date | None:
        """The last day on which an earlier sync saw activity; EARLIEST if it saw none, None if there was none."""
        state = self._before.get(entity)
        return None if state is None else state.last_active or EARLIEST

    def since(self, entity: Entity) -> date | None:
        """The first day that earlier syncs have read; None if they have read none."""
        state = self._before.get(entity)
        return state.since if state else None

    def until(self, entity: Entity) -> date | None:
        """The last day that earlier syncs have read, which was not over then; None if they have read none."""
        state = self._before.get(entity)
        return state.until if state else None

    def is_known(self, entity: Entity) -> bool:
        """Whether an earlier sync has read some of the history."""
        return entity in self._before

    def spans(
        self,
        entity: Entity,
        life_begins: date,
        last: date,
        lookback: timedelta,
        parts: Sequence[int] | None,
        period: Period = Period.DAY,
    ) -> Sequence[Span]:
        """The days that this sync has to read, the newest first.

        parts: days, counted back from `last`, after which an older part begins; None where one request takes any days,
        so that they are one span. period: what is never read in part; parts do not divide it.
        """
        if period is Period.WHOLE:
            return [Span(life_begins, last, life_begins)]
        state = self._forget_outside(entity, life_begins, last, period)
        if state and life_begins < state.since != period.of(state.since)[0]:
            state = None  # a later start cut its first period
        if state is None or state.since > last + DAY:
            return in_parts(life_begins, last, last, parts or ())
        if parts is None and not state.next and life_begins < state.since:
            return [Span(life_begins, last, life_begins)]
        first = state.until - lookback
        if state.next:
            first = state.next if state.next > state.since else last + DAY
            interrupted = date.fromisoformat(self._under_way["day"])
            if interrupted < self._today:
                # That day was not over when it was read.
                first = min(first, interrupted)
        first = max(period.of(first)[0] if first <= last else first, life_begins)
        is_cut = first == life_begins != period.of(first)[0]
        since = first if is_cut else min(state.since, first)
        newest = [Span(first, last, since)] if first <= last else []
        older = in_parts(life_begins, since - DAY, last, parts or (), newest_part=1)
        if older and state.next and state.older and state.older <= older[0].first <= state.next <= older[0].last:
            older = [replace(older[0], first=state.next), *older[1:]]
        return [*newest, *older]

    def _forget_outside(self, entity: Entity, first: date, last: date, period: Period) -> EntityState | None:
        """The state before this sync, without days that the configuration leaves out now: they are read again later.

        Those before the first day may not have been over when they were read; a period that is cut at the last day is
        read as far as that.
        """
        state = self._before.get(entity)
        if state is None:
            return None
        until = last if last < min(state.until, period.of(last)[1]) else state.until
        if max(state.since, first) > until:
            self._known.pop(entity, None)
            return None
        state = replace(state, since=max(state.since, first), until=until)
        if state.next and state.next > until + DAY:
            state = state.settled()
        self._known[entity] = state
        return state

    def was_read(self, entity: Entity, day: date) -> bool:
        """Whether an earlier sync has read a day, and the one after it."""
        state = self._before.get(entity)
        return state is not None and state.since <= day <= state.until - DAY

    def likely_active(self, entities: Collection[Entity]) -> tuple[Entity, date] | None:
        """Which of these an earlier sync saw active last, and on which day."""
        days = [(state.last_active, entity) for entity, state in self._before.items() if state.last_active]
        last = max((each for each in days if each[1] in entities), default=None)
        return (last[1], last[0]) if last else None

    def begin(self, to_read: Mapping[Entity, Sequence[Span]], gone: Callable[[Entity], bool]) -> None:
        """Begins a sync, and forgets what is gone. to_read: per entity, the days to read, as `spans` gives them."""
        with self._lock:
            # A state is of days without a gap.
            self._known = {
                entity: state
                for entity, state in self._known.items()
                if not gone(entity) and all(_touches(state, span) for span in to_read.get(entity, ())[:1])
            }
            self._reading = {
                entity: [_Reading(span, span.first) for span in spans] for entity, spans in to_read.items() if spans
            }
        if self._begins_anew:
            # Before any record: one that is read now must not be taken for one of the state that is left behind.
            self._emitter.emit(self.state)

    def saw_nothing(self, entity: Entity) -> bool:
        """Whether this sync has read all of a history that no earlier one knew, and nothing happened in it."""
        with self._lock:
            state = self._known.get(entity)
            is_read = entity not in (self._reading or {}) and entity not in self._before
            return is_read and state is not None and state.last_active is None

    def is_read(self, entity: Entity) -> bool:
        """Whether this sync reads an entity: not if it was skipped."""
        with self._lock:
            return entity in (self._reading or {})

    def skip(self, entity: Entity) -> None:
        """Stops reading an entity, and keeps what was settled."""
        with self._lock:
            assert self._reading is not None
            if parts := self._reading.pop(entity, None):
                self._add(entity, parts)

    def settle(self, entity: Entity, day: date, last_active: date | None = None) -> None:
        """Notes that a span is read up to a day, once its records are on their way to the output.

        last_active: the last day of these on which something happened, if it did.
        """
        with self._lock:
            assert self._reading is not None
            if entity not in self._reading:
                return  # skipped by the thread that read another part of it
            [part] = [each for each in self._reading[entity] if each.span.first <= day <= each.span.last]
            part.next = day + DAY
            part.last_active = max(filter(None, [part.last_active, last_active]), default=None)
            if all(each.done for each in self._reading[entity]):
                self._add(entity, self._reading.pop(entity))
            due = self._emitter.is_due()
        # Without the lock: the queue may be full, and the thread that empties it may need the lock.
        if due:
            self._emitter.emit(self.state)

    @property
    def state(self) -> MutableMapping[str, Any]:
        with self._lock:
            if self._reading is None:
                return self._saved  # nothing has begun
            finished = not self._reading
            known = dict(self._known)
            for entity, parts in self._reading.items():
                if state_now := _read_of(known.get(entity), parts):
                    known[entity] = state_now
            states = {
                str(entity): (state.settled() if finished else state).to_json()
                for entity, state in sorted(known.items())
            }
            state: dict[str, Any] = {self._entities: {} if self._has_zeros() else states}
            if self._filters is not None:
                state["filters"] = self._filters
            if self._dated:
                state[ASKED_TO] = DAY_AFTER
            if self._last_day and self._last_day.included is not None:
                state["date_to"] = DATE_TO[0 if self._last_day.included else 1]
            elif self._may_be_zeros:
                state["date_to"] = ASSUMED
            return state if finished else state | {"unfinished": self._under_way}

    def _has_zeros(self) -> bool:
        """Whether an earlier version may have read zeros, so that the next sync has to read everything."""
        if not self._may_be_zeros or self._last_day is None or self._last_day.included is not False:
            return False
        if not self._warned:
            self._warned = True
            logger.warning(
                f"{self._emitter.stream_name}: Snov.io leaves the last day of a period out, which versions before 0.5 "
                "did not know: older rows may be zeros. The next sync reads everything again."
            )
        return True

    def _add(self, entity: Entity, parts: Iterable[_Reading]) -> None:
        if state := _read_of(self._known.get(entity), parts):
            self._known[entity] = state

    def _is_continued(self, unfinished: Any, today: date) -> bool:
        """Whether the state is that of an interrupted sync like this one, which then goes on as of its first day."""
        unfinished = mapping_of(unfinished)
        day = plain_day(unfinished.get("day"))
        if (
            day is None
            or not timedelta(0) <= today - day <= CONTINUED
            or unfinished != self._under_way | {"day": str(day)}
        ):
            return False
        self._under_way["day"] = str(day)
        return True


def in_parts(first: date, last: date, today: date, parts: Sequence[int], newest_part: int = 0) -> list[Span]:
    """The days in spans, the newest first. parts: as of `HistoryCursor.spans`, counted back from `today`."""
    spans = []
    for part, begin in enumerate([*(today - (days - 1) * DAY for days in parts), first]):
        begin = max(begin, first)
        if begin <= last and (part >= newest_part or part == len(parts)):
            spans.append(Span(begin, last, begin, max(part, newest_part)))
            last = begin - DAY
    return spans


def _touches(state: EntityState, span: Span) -> bool:
    return span.first <= state.until + DAY and span.last >= state.since - DAY


def _read_of(state: EntityState | None, parts: Iterable[_Reading]) -> EntityState | None:
    """The state with what is read: an older part only counts when all newer ones are read."""
    for part in parts:
        if part.next > part.span.first:
            state = part.added_to(state)
        if not part.done:
            break
    return state


def mapping_of(value: Any) -> Mapping[str, Any]:
    """An object of the state, of whichever class the CDK made it; an empty one for anything else."""
    if isinstance(value, Mapping):
        return value
    return getattr(value, "__dict__", {})
