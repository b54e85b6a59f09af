"""One small account, what a sync of each stream reads of it, and syncs that meet faults."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from pathlib import Path
from typing import Any, Self

import pytest

from fault_tests._prepared import prepare_once
from fault_tests._running import Said, assert_explained, read
from sandbox.account import Account, Event
from sandbox.events import CLICK, FINISHED, FIRST_EMAIL, INVITE, INVITE_REPLY, LINKEDIN, OPEN, REPLY
from sandbox.running import Sandbox
from sandbox.settings import Settings
from unit_tests._daily import ANALYTICS_PATH, DAILY, ago
from unit_tests._helpers import Clock
from unit_tests._streams import CAMPAIGNS, CHILDREN, LISTS, PER_CAMPAIGN, account, at, catalog

STREAMS: Mapping[str, str] = {
    "campaigns": CAMPAIGNS,
    "campaign_analytics": ANALYTICS_PATH,
    DAILY: ANALYTICS_PATH,
    "campaign_progress": "/progress",
    **PER_CAMPAIGN,
    **LISTS,
    "sender_analytics": ANALYTICS_PATH,
    "warm_up_daily_statistics": "/v2/warm-up/statistics/",
    "list_prospects": "/v1/prospect-list",
    "pipeline_stages": "/stages",
}
"""Each stream, and what the paths of its own requests have in common."""

LISTED = ("campaigns", *LISTS)
"""Streams that are lists of the account, or a figure of it."""

PARENTS: Mapping[str, str] = {name: CHILDREN.get(name, "campaigns") for name in STREAMS if name not in LISTED}
"""The stream whose list tells each other one what to ask about."""

PAGE = 4
"""Rows of a page of events."""

Row = tuple[tuple[str, str], ...]
Key = tuple[Any, ...]
Table = dict[Key, dict[str, Any]]


def small_account() -> Account:
    """Three campaigns with events in several pages, two that were never started, and some of everything else."""
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
def undisturbed(folder: Path) -> "Iterator[Synced]":
    """A sandbox and what there is to read of it; waits are simulated, and timeouts are a fraction of a second."""
    paging = "retriever__paginator__pagination_strategy__page_size"
    settings = Settings(requests_per_minute=None, event_page=PAGE, reply_page=PAGE, unknown_ids="not_found")
    with pytest.MonkeyPatch.context() as patch:
        prepare_once(
            patch,
            timeouts={"connect_timeout_in_seconds": 0.25, "read_timeout_in_seconds": 0.25},
            **{f"event_list__{paging}": PAGE, f"streams__campaign_recipients_activity__{paging}": PAGE},
        )
        patch.setattr("source_snov.slow_answers.LONGEST_ANSWER", 0.08)
        clock = Clock(patch)
        keys = {name: [field for [field] in stream.source_defined_primary_key] for name, stream in catalog().items()}
        with Sandbox(small_account(), settings) as sandbox:
            yield Synced(sandbox, clock, folder, keys)


class Synced:
    """A sandbox with a small account, and syncs of it in simulated time.

    What must not differ is compared without the fields that differ between two undisturbed syncs: the time of the sync,
    and ids of people that the API makes anew for each answer.
    """

    def __init__(self, sandbox: Sandbox, clock: Clock, folder: Path, keys: Mapping[str, list[str]]) -> None:
        self.sandbox = sandbox
        self.clock = clock
        self._folder = folder
        self._keys = keys
        self._undisturbed: dict[str, Said] = {}
        self._requests: dict[str, list[str]] = {}
        self._unstable: dict[str, frozenset[str]] = {}
        for stream in STREAMS:
            self._look_at(stream)

    def _look_at(self, stream: str) -> None:
        syncs = []
        for _ in range(2):
            self.sandbox.clear()
            syncs.append(self.sync(stream))
            assert not syncs[-1].errors
            assert syncs[-1].records(stream)
            paths = [record.path for record in self.sandbox.requests]
            # On a machine with much else to do, an answer may come too late, and is asked for again.
            self._requests[stream] = min(self._requests.get(stream, paths), paths, key=len)
        self._undisturbed[stream] = syncs[0]
        pairs = zip(*(said.records(stream) for said in syncs), strict=True)
        self._unstable[stream] = frozenset(
            name for one, other in pairs for name in one if name == "checked_at" or one[name] != other.get(name)
        )

    def of(self, sandbox: Sandbox) -> Self:
        """The same for another sandbox with such an account."""
        other = copy(self)
        other.sandbox = sandbox
        return other

    def sync(self, *streams: str, state: Any = None, **overrides: Any) -> Said:
        """A sync that goes on from a state, each stream in the mode that it supports."""
        self.clock.sleeps.clear()
        config = self.sandbox.config(start_date=str(ago(7)), num_workers=1) | overrides
        said = read(self._folder, config, *streams, state=state, mode="incremental")
        assert_explained(said)
        return said

    def requests(self, stream: str) -> list[str]:
        """The paths of an undisturbed sync of a stream, in order."""
        return self._requests[stream]

    def own(self, stream: str) -> int:
        """How many requests of an undisturbed sync are the stream's own."""
        return sum(STREAMS[stream] in path for path in self.requests(stream))

    def truth(self, stream: str) -> Table:
        """What an undisturbed sync of a stream reads, by primary key."""
        return self.table(stream, [self._undisturbed[stream]])

    def table(self, stream: str, syncs: Iterable[Said]) -> Table:
        """What a warehouse has after these syncs: the last record of each primary key."""
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
    """The state that Airbyte keeps of these syncs, as the file it gives to the next one; None without any."""
    states = {state["stream"]["stream_descriptor"]["name"]: state for said in syncs for state in said.of("STATE")}
    return list(states.values()) or None


def warnings(said: Said) -> list[str]:
    return [log["message"] for log in said.of("LOG") if log["level"] == "WARN"]
