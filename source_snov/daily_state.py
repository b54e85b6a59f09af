"""The state of the daily history: how far each campaign is known, and what an interrupted sync had settled."""

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
"""An interrupted sync is continued today and tomorrow; later its look-back is read again as always."""


@dataclass(frozen=True)
class CampaignState:
    """What is known of one campaign.

    since: the first day of its history. until: the last one. last_active: the last day on which something happened.
    next: while a sync is under way, the first day that it has not settled yet.
    """

    since: date
    until: date
    last_active: date | None = None
    next: date | None = None

    @classmethod
    def read(cls, saved: Any) -> "CampaignState | None":
        """None for what is not a campaign's state: its history is then read as a whole."""
        days = {name: _day(saved.get(name)) for name in cls.__annotations__} if isinstance(saved, Mapping) else {}
        if not days.get("since") or not days.get("until"):
            return None
        return cls(**days)  # type: ignore[arg-type]  # the two that must not be None are not

    def to_json(self) -> dict[str, str]:
        return {name: str(day) for name in type(self).__annotations__ if (day := getattr(self, name))}


class DailyCursor(Cursor):
    """Keeps the state of `campaign_analytics_daily` and prints it every REQUESTS_PER_STATE requests.

    State: `{"campaigns": {"<id>": {"since", "until", "last_active"}}}`, all of them days. While a sync is under way, it
    also has `unfinished: {"day", "start_date"}`, and `next` for each campaign that the sync has begun with.
    """

    def __init__(
        self,
        stream_name: str,
        manager: ConnectorStateManager,
        repository: MessageRepository,
        today: date,
        start_date: date | None,
        full_refresh: bool,
    ) -> None:
        """`full_refresh`: only the state of an interrupted sync counts."""
        self._stream_name = stream_name
        self._manager = manager
        self._repository = repository
        self._under_way = {"day": str(today), "start_date": str(start_date or "")}
        saved = manager.get_stream_state(stream_name, None)
        self._continues = self._is_continued(saved.get("unfinished"), today)
        known: Mapping[str, Any] = {} if full_refresh and not self._continues else _plain(saved.get("campaigns"))
        states = {campaign: CampaignState.read(_plain(state)) for campaign, state in known.items()}
        self._campaigns = {int(campaign): state for campaign, state in states.items() if state and campaign.isdecimal()}
        if not self._continues:
            self._campaigns = {campaign: replace(state, next=None) for campaign, state in self._campaigns.items()}
        self._before = dict(self._campaigns)
        self._pending: dict[int, tuple[date, date]] | None = None
        self._requests: Callable[[], int] = lambda: 0
        self._requests_at_state = 0
        self._lock = Lock()

    def last_active(self, campaign: int) -> date | None:
        """The last day on which an earlier sync saw activity, or the day before its history; None if it is unknown."""
        state = self._before.get(campaign)
        return None if state is None else state.last_active or state.since - timedelta(days=366)

    def first_to_read(self, campaign: int, life_begins: date, lookback: timedelta) -> date:
        """The first day that this sync has to read of a campaign."""
        state = self._before.get(campaign)
        if state is None:
            return life_begins
        if state.next:
            return max(state.next, life_begins)
        if state.since > life_begins:
            return life_begins
        return max(state.until - lookback, life_begins)

    def begin(
        self, to_read: Mapping[int, tuple[date, date]], gone: Callable[[int], bool], requests: Callable[[], int]
    ) -> None:
        """Begins a sync: forgets the campaigns that are gone, and counts requests from now on.

        to_read: for each campaign that has days to read, the first day of its life and the last day to read.
        """
        with self._lock:
            self._campaigns = {campaign: state for campaign, state in self._campaigns.items() if not gone(campaign)}
            self._pending = dict(to_read)
            self._requests = requests

    def skip(self, campaign: int) -> None:
        """Notes that a campaign will not be read; its state stays as it was."""
        with self._lock:
            assert self._pending is not None
            self._pending.pop(campaign, None)

    def observe(self, record: Record) -> None:
        """Settles the day of a record that is on its way to the output."""
        assert record.associated_slice is not None
        campaign, day = record.data["campaign_id"], date.fromisoformat(record.data["date"])
        active: bool = record.associated_slice.extra_fields["active"]
        with self._lock:
            assert self._pending is not None
            life_begins, last = self._pending[campaign]
            state = self._campaigns.get(campaign, CampaignState(since=life_begins, until=day))
            self._campaigns[campaign] = CampaignState(
                # A history that now begins earlier does so when all of it is read.
                since=min(life_begins, state.since) if day >= state.until else state.since,
                until=max(state.until, day),
                last_active=max(filter(None, [state.last_active, day if active else None]), default=None),
                next=day + timedelta(days=1),
            )
            if day == last:
                del self._pending[campaign]
            due = self._requests() - self._requests_at_state >= REQUESTS_PER_STATE
            if due:
                self._requests_at_state = self._requests()
        # Without the lock: the queue may be full, and who empties it may need the lock.
        if due:
            self._print()

    def close_partition(self, partition: Partition) -> None:
        """Nothing: its records said all."""

    def ensure_at_least_one_state_emitted(self) -> None:
        self._print()

    def should_be_synced(self, record: Record) -> bool:
        return True

    @property
    def state(self) -> MutableMapping[str, Any]:
        with self._lock:
            finished = self._pending is not None and not self._pending
            states = {
                str(campaign): (replace(state, next=None) if finished else state).to_json()
                for campaign, state in sorted(self._campaigns.items())
            }
            return {"campaigns": states} | ({} if finished else {"unfinished": self._under_way})

    def _print(self) -> None:
        self._manager.update_state_for_stream(self._stream_name, None, self.state)
        self._repository.emit_message(self._manager.create_state_message(self._stream_name, None))

    def _is_continued(self, unfinished: Any, today: date) -> bool:
        unfinished = _plain(unfinished)
        day = _day(unfinished.get("day"))
        same_start = unfinished.get("start_date") == self._under_way["start_date"]
        return day is not None and same_start and timedelta(0) <= today - day <= CONTINUED


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
