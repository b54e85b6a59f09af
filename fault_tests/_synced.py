"""A small account, what a sync of each stream reads from it, and syncs that meet faults."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from datetime import date
from pathlib import Path
from typing import Any, Self

import pytest

from fault_tests._running import Said, assert_explained, read
from sandbox.running import Sandbox
from sandbox.settings import Settings
from sandbox.world.account import Account, Event
from sandbox.world.events import CLICK, FINISHED, FIRST_EMAIL, INVITE, INVITE_REPLY, LINKEDIN, OPEN, REPLY
from unit_tests._daily import ago
from unit_tests._helpers import Clock
from unit_tests._names import ANALYTICS_PATH, CAMPAIGNS_PATH, DAILY
from unit_tests._prepared import redefine
from unit_tests._streams import LISTS, PER_CAMPAIGN, account, at, parent_of, primary_keys

OWN_PATHS: Mapping[str, str] = {
    "campaigns": CAMPAIGNS_PATH,
    "campaign_analytics": ANALYTICS_PATH,
    "campaign_progress": "/progress",
    **PER_CAMPAIGN,
    **LISTS,
    "sender_analytics": ANALYTICS_PATH,
    DAILY: ANALYTICS_PATH,
    "warm_up_daily_statistics": "/v2/warm-up/statistics/",
    "list_prospects": "/v1/prospect-list",
    "pipeline_stages": "/stages",
}
"""What the paths of each stream's own requests have in common, by stream."""

LISTED = ("campaigns", *LISTS)
"""Streams that are lists or figures of the whole account."""

PARENTS: Mapping[str, str] = {name: parent_of(name) or "campaigns" for name in OWN_PATHS if name not in LISTED}
"""The parent of each other stream, whose list its requests follow."""

PAGE = 4
"""Rows per page of events."""

SLOW = ("hang", "drip", "delay")
"""Faults that a sync overcomes by a timeout."""

TIMEOUT, MAX_SECONDS = 0.25, 0.15
"""Seconds for each read and for a whole response while a slow fault is planted.

With others, the connector's own apply: on a busy machine, any response may take this long, and to meet the next of
several faults for it, too, is more than the connector promises to overcome.
"""

LAST_WEEK = ago(7)

Row = tuple[tuple[str, str], ...]
Key = tuple[Any, ...]
Table = dict[Key, dict[str, Any]]


def small_account() -> Account:
    """Three campaigns with several pages of events, two that were never started, and some of everything else."""
    kinds = (FIRST_EMAIL, OPEN, OPEN, CLICK, REPLY, FINISHED, INVITE, INVITE_REPLY)
    stories = [
        [
            Event(at(ago(days)) + 60 * number, kind, person, 66001 if kind in LINKEDIN else 55001)
            for days, person in days_and_people
            for number, kind in enumerate(kinds)
        ]
        for days_and_people in (((6, 1), (3, 2), (2, 3), (2, 4), (1, 5)), ((6, 6), (5, 7)), ((4, 8), (1, 9), (1, 10)))
    ]
    return account(*stories, [], [], started=[ago(6), ago(6), ago(4), None, None], furnished=True)


@contextmanager
def undisturbed(
    folder: Path, made: Callable[[], Account] = small_account, first: date = LAST_WEEK
) -> "Iterator[Synced]":
    """A sandbox and the expected records. Waits are simulated.

    made: makes the account. first: the configured start_date.
    """
    paging = "retriever__paginator__pagination_strategy"
    settings = Settings(requests_per_minute=None, event_page=PAGE, reply_page=PAGE, unknown_ids="not_found")
    with pytest.MonkeyPatch.context() as patch:
        redefine(
            patch,
            **{
                f"event_list__{paging}__full_page": PAGE,
                f"streams__campaign_recipients_activity__{paging}__page_size": PAGE,
            },
        )
        clock = Clock(patch)
        with Sandbox(made(), settings) as sandbox:
            yield Synced(sandbox, clock, folder, primary_keys(), first)


class Synced:
    """A sandbox with a small account, and syncs of it in simulated time.

    Comparisons leave out fields that differ between two undisturbed syncs: the time of the sync, and ids of people,
    which the API generates for each response.
    """

    def __init__(
        self, sandbox: Sandbox, clock: Clock, folder: Path, keys: Mapping[str, list[str]], first: date
    ) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self._folder = folder
        self._keys = keys
        self._first = first
        self._undisturbed: dict[str, Said] = {}
        self._requests: dict[str, list[str]] = {}
        self._unstable: dict[str, frozenset[str]] = {}
        for stream in OWN_PATHS:
            self._look_at(stream)

    def _look_at(self, stream: str) -> None:
        syncs = []
        for _ in range(2):
            self.sandbox.clear()
            syncs.append(self.sync(stream))
            assert not syncs[-1].errors
            assert syncs[-1].records(stream)
            self._requests[stream] = [record.path for record in self.sandbox.requests]
        self._undisturbed[stream] = syncs[0]
        pairs = zip(*(said.records(stream) for said in syncs), strict=True)
        self._unstable[stream] = frozenset(
            name for one, other in pairs for name in one if name == "checked_at" or one[name] != other.get(name)
        )

    def of(self, sandbox: Sandbox) -> Self:
        """The same for another sandbox with the same account."""
        other = copy(self)
        other.sandbox = sandbox
        return other

    def sync(self, *streams: str, state: Any = None, **overrides: Any) -> Said:
        """A sync that continues from a state, incremental where streams support it."""
        self.clock.sleeps.clear()
        owners = self.sandbox.account.owners()
        config = self.sandbox.config(start_date=str(self._first), num_workers=1, report_owners=owners) | overrides
        with self._timeouts():
            said = read(self._folder, config, *streams, state=state, mode="incremental")
        assert_explained(said)
        return said

    @contextmanager
    def _timeouts(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            if any(planted.fault.action in SLOW for planted in self.sandbox.faults):
                redefine(
                    patch,
                    timeouts={"connect_timeout_in_seconds": TIMEOUT, "read_timeout_in_seconds": TIMEOUT},
                )
                patch.setattr("source_snov.api.limits.MAX_SECONDS", MAX_SECONDS)
            yield

    def requests(self, stream: str) -> list[str]:
        """The paths of the requests of an undisturbed sync of a stream, in order."""
        return self._requests[stream]

    def own(self, stream: str) -> int:
        """The number of the stream's own requests in an undisturbed sync."""
        return sum(OWN_PATHS[stream] in path for path in self.requests(stream))

    def truth(self, stream: str) -> Table:
        """The records of an undisturbed sync of a stream, by primary key."""
        return self.table(stream, [self._undisturbed[stream]])

    def table(self, stream: str, syncs: Iterable[Said]) -> Table:
        """The table in a warehouse after these syncs: the last record of each primary key."""
        table: Table = {}
        for said in syncs:
            for record in said.records(stream):
                table[self.key(stream, record)] = self.stable(stream, record)
        return table

    def key(self, stream: str, record: Mapping[str, Any]) -> Key:
        return tuple(record[name] for name in self._keys[stream] if name not in self._unstable[stream])

    def stable(self, stream: str, record: Mapping[str, Any]) -> dict[str, Any]:
        unstable = self._unstable[stream]
        return {name: value for name, value in record.items() if name not in unstable}


def last_state(*syncs: Said) -> list[Any] | None:
    """The state that Airbyte keeps after these syncs, as the file for the next one; None if there is none."""
    states = {state["stream"]["stream_descriptor"]["name"]: state for said in syncs for state in said.of("STATE")}
    return list(states.values()) or None


def warnings(said: Said) -> list[str]:
    return [log["message"] for log in said.of("LOG") if log["level"] == "WARN"]
