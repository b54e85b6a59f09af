"""The state of a history per campaign (or warm-up): how far each is known, and what an interrupted sync had settled."""

import re
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from threading import Lock
from typing import Any

from airbyte_cdk.sources.connector_state_manager import ConnectorStateManager
from airbyte_cdk.sources.message import MessageRepository
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record

REQUESTS_PER_STATE = 10
"""A state is printed after so many requests: what a killed sync repeats is a fraction of a minute."""

CONTINUED = timedelta(days=1)
"""An interrupted sync is continued on its day and the next; later its look-back is read again as always."""

EARLIEST = date(2000, 1, 1)
"""Older than any campaign."""


@dataclass(frozen=True)
class EntityState:
    """What is known of one campaign or warm-up.

    since: the first day of its history. until: the last one. last_active: the last day on which something happened.
    next: while a sync is under way, the first day that it has not settled yet.
    """

    since: date
    until: date
    last_active: date | None = None
    next: date | None = None

    @classmethod
    def read(cls, saved: Mapping[str, Any], today: date) -> "EntityState | None":
        """None for what is no state that a sync can have left: the history is then read as a whole."""
        since, until, last_active, following = (
            _day(saved.get(name)) for name in ("since", "until", "last_active", "next")
        )
        # The clock of another machine may be a little ahead.
        if since is None or until is None or not EARLIEST <= since <= until <= today + timedelta(days=1):
            return None
        in_history = last_active is not None and since <= last_active <= until
        continues = following is not None and since <= following <= until + timedelta(days=1)
        return cls(since, until, last_active if in_history else None, following if continues else None)

    def to_json(self) -> dict[str, str]:
        days = {"since": self.since, "until": self.until, "last_active": self.last_active, "next": self.next}
        return {name: str(day) for name, day in days.items() if day}


class HistoryCursor(Cursor):
    """Keeps the state of one stream and prints it every REQUESTS_PER_STATE requests.

    State: `{"campaigns": {"<id>": {"since", "until", "last_active"}}}`, all of them days. While a sync is under way, it
    also has `unfinished: {"day", "start_date", "mode"}`, with the day on which it began, and `next` for each campaign
    that it has begun with. In place of `campaigns`, the state of warm-ups has `warm_ups`.
    """

    def __init__(
        self,
        stream_name: str,
        entities: str,
        manager: ConnectorStateManager,
        repository: MessageRepository,
        requests_made: Callable[[], int],
        today: date,
        start_date: date | None,
        full_refresh: bool,
    ) -> None:
        """`entities`: the state's key. `full_refresh`: only the state of an interrupted sync counts."""
        self._stream_name = stream_name
        self._entities = entities
        self._requests_made = requests_made
        self._manager = manager
        self._repository = repository
        mode = "full_refresh" if full_refresh else "incremental"
        self._under_way = {"day": str(today), "start_date": str(start_date or ""), "mode": mode}
        self._saved = saved = manager.get_stream_state(stream_name, None)
        self._continues = self._is_continued(saved.get("unfinished"), today)
        known: Mapping[str, Any] = {} if full_refresh and not self._continues else _plain(saved.get(entities))
        states = {entity: EntityState.read(_plain(state), today) for entity, state in known.items()}
        self._known = {
            int(entity): state for entity, state in states.items() if state and re.fullmatch(r"\d{1,18}", entity)
        }
        if not self._continues:
            self._known = {entity: replace(state, next=None) for entity, state in self._known.items()}
        self._before = dict(self._known)
        self._pending: dict[int, tuple[date, date]] | None = None
        self._requests_at_state = 0
        self._lock = Lock()

    def last_active(self, entity: int) -> date | None:
        """The last day on which an earlier sync saw activity; EARLIEST if it saw none, None if there was none."""
        state = self._before.get(entity)
        return None if state is None else state.last_active or EARLIEST

    def is_known(self, entity: int) -> bool:
        """Whether an earlier sync has read some of the history."""
        return entity in self._before

    def first_to_read(self, entity: int, life_begins: date, lookback: timedelta) -> date:
        """The first day that this sync has to read."""
        state = self._before.get(entity)
        if state is None:
            return life_begins
        if state.next:
            return max(state.next, life_begins)
        if state.since > life_begins:
            return life_begins
        return max(state.until - lookback, life_begins)

    def begin(self, to_read: Mapping[int, tuple[date, date]], gone: Callable[[int], bool]) -> None:
        """Begins a sync, and forgets what is gone.

        to_read: for whatever has days to read, the first day of its life and the last day to read.
        """
        with self._lock:
            self._known = {entity: state for entity, state in self._known.items() if not gone(entity)}
            self._pending = dict(to_read)

    def skip(self, entity: int) -> None:
        """Notes that something will not be read; its state stays as it was."""
        with self._lock:
            assert self._pending is not None
            self._pending.pop(entity, None)

    def settle(self, entity: int, day: date, active: bool = False) -> None:
        """Notes that all is read up to a day, once its records are on their way to the output."""
        with self._lock:
            assert self._pending is not None
            life_begins, last = self._pending[entity]
            state = self._known.get(entity, EntityState(since=life_begins, until=day))
            self._known[entity] = EntityState(
                # A history that now begins earlier does so when all of it is read.
                since=min(life_begins, state.since) if day >= state.until else state.since,
                until=max(state.until, day),
                last_active=max(filter(None, [state.last_active, day if active else None]), default=None),
                next=day + timedelta(days=1),
            )
            if day >= last:
                del self._pending[entity]
            made = self._requests_made()
            due = made - self._requests_at_state >= REQUESTS_PER_STATE
            if due:
                self._requests_at_state = made
        # Without the lock: the queue may be full, and who empties it may need the lock.
        if due:
            self._print()

    def observe(self, record: Record) -> None:
        """Nothing: whoever makes the records settles their days."""

    def close_partition(self, partition: Partition) -> None:
        """Nothing, likewise."""

    def ensure_at_least_one_state_emitted(self) -> None:
        self._print()

    def should_be_synced(self, record: Record) -> bool:
        return True

    @property
    def state(self) -> MutableMapping[str, Any]:
        with self._lock:
            if self._pending is None:
                return self._saved  # nothing has begun
            finished = not self._pending
            states = {
                str(entity): (replace(state, next=None) if finished else state).to_json()
                for entity, state in sorted(self._known.items())
            }
            return {self._entities: states} | ({} if finished else {"unfinished": self._under_way})

    def _print(self) -> None:
        self._manager.update_state_for_stream(self._stream_name, None, self.state)
        self._repository.emit_message(self._manager.create_state_message(self._stream_name, None))

    def _is_continued(self, unfinished: Any, today: date) -> bool:
        """Whether the state is that of an interrupted sync like this one, which then goes on as of its first day."""
        unfinished = _plain(unfinished)
        day = _day(unfinished.get("day"))
        if (
            day is None
            or not timedelta(0) <= today - day <= CONTINUED
            or unfinished != self._under_way | {"day": str(day)}
        ):
            return False
        self._under_way["day"] = str(day)
        return True


def _plain(value: Any) -> Mapping[str, Any]:
    """An object of the state, of whichever class the CDK made it; an empty one for anything else."""
    if isinstance(value, Mapping):
        return value
    return getattr(value, "__dict__", {})


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None
