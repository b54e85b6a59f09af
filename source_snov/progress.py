"""How far a sync is: what it will take, a log line each minute, and the protocol's estimates.

At 60 requests a minute a sync may take long, and waits for the pace or after a 429 are silent in the CDK.
"""

import logging
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Lock, Thread
from typing import Any

from airbyte_cdk.models import (
    AirbyteEstimateTraceMessage,
    AirbyteMessage,
    AirbyteTraceMessage,
    EstimateType,
    TraceType,
    Type,
)

from source_snov.api.budget import SnovBudget
from source_snov.incremental.partitions import Campaigns
from source_snov.records.notices import Notices

logger = logging.getLogger("airbyte.snov")

REPORT_EVERY = 60.0
"""Seconds between two reports."""

LOOK_EVERY = 1.0
"""Seconds after which the reporter looks whether all streams are listed, to say how long the sync will take."""

PARTITIONS_OF_PRIOR = 5
"""The weight of the expectation, in partitions."""

MIN_OF_OLDER = 0.3
"""An older part of a history takes at least this share of its requests: campaigns quiet now were active once."""


@dataclass
class _Part:
    """The requests that a part's partitions are expected to take: those left and those done, and what these took."""

    left: float = 0.0
    done: float = 0.0
    made: int = 0

    def share(self, usual: float) -> float:
        """How many requests are made for one that is expected."""
        return (self.made + usual * PARTITIONS_OF_PRIOR) / (self.done + PARTITIONS_OF_PRIOR)


class StreamProgress:
    """The partitions of one stream: how many there are, how many are read, and what the others will take.

    field, parent: what a partition is about, such as `campaign_id`, and the stream that lists them; empty for a stream
    of one partition. one_row_each: whether each partition has one record. skipped, idle: how many of those done were
    missing, and about how many there was nothing to ask. ended: whether the stream failed or was given up, so that no
    more will follow.
    """

    def __init__(self, name: str, field: str, parent: str, one_row_each: bool) -> None:
        self.name = name
        self.field = field
        self.parent = parent
        self.things = parent.replace("_", " ")
        self.one_row_each = one_row_each
        self.total: int | None = None
        self.rows: int | None = None
        self.done = 0
        self.skipped = 0
        self.idle = 0
        self.ended = False
        self._requests_left: Callable[[], int] | None = None
        self._listing = self._reading = False
        self._lock = Lock()
        self._parts: dict[int, _Part] = defaultdict(_Part)

    def begin(self) -> None:
        """Notes that its partitions are being listed."""
        self._listing = True

    def expect(self, total: int, rows: int, requests_left: Callable[[], int]) -> None:
        """Notes what a stream that plans ahead knows: its partitions, its rows, about how many requests are left."""
        self.total, self.rows, self._requests_left = total, rows, requests_left

    def add(self, part: int, requests: float) -> None:
        """Notes a partition that probably takes this many requests. part: of a history, see `HistoryCursor.spans`."""
        with self._lock:
            self._parts[part].left += requests

    def begin_partition(self) -> None:
        self._reading = True

    def end_partition(self, part: int, expected: float, made: int) -> None:
        """Notes a partition that was expected to take some requests, and how many it took."""
        with self._lock:
            self._parts[part].left -= expected
            self._parts[part].done += expected
            self._parts[part].made += made

    @property
    def running(self) -> bool:
        return self._listing and not self.ended and self.done != self.total

    @property
    def is_listed(self) -> bool:
        """Whether all its partitions are known."""
        return self.ended or self.total is not None

    @property
    def requests_left(self) -> float:
        """About how many requests it still makes."""
        if self.ended or self.done == self.total:
            return 0.0
        if self._requests_left is not None:
            return self._requests_left()
        left, share = float(self.total is None), 1.0
        with self._lock:
            for _, part in sorted(self._parts.items()):
                share = part.share(share)
                left += part.left * share
                share = max(share, MIN_OF_OLDER)
        return left

    @property
    def waits(self) -> bool:
        """Whether its partitions are known, and none of them has had its turn."""
        return self.total is not None and not self._reading

    def describe(self) -> str:
        return f"{self.name} {'reads the lists it needs' if self.total is None else f'{self.done:,} of {self.total:,}'}"

    def estimate(self) -> AirbyteMessage:
        """The protocol's ESTIMATE: one row a partition, if the stream knows no better."""
        rows = self.total if self.rows is None else self.rows
        return AirbyteMessage(
            type=Type.TRACE,
            trace=AirbyteTraceMessage(
                type=TraceType.ESTIMATE,
                emitted_at=time.time() * 1000,
                estimate=AirbyteEstimateTraceMessage(name=self.name, type=EstimateType.STREAM, row_estimate=rows or 0),
            ),
        )


class SyncProgress:
    """The streams of one sync."""

    def __init__(self, budget: SnovBudget) -> None:
        self._budget = budget
        self._streams: list[StreamProgress] = []
        self._began = time.monotonic()

    def of(self, declared: Mapping[str, Any]) -> StreamProgress:
        """The progress of one more stream, as it is declared in the manifest."""
        router = declared["retriever"].get("partition_router", {})
        [parent] = router.get("parent_stream_configs", [None])
        field = parent["partition_field"] if parent else router.get("cursor_field", "")
        progress = StreamProgress(
            declared["name"],
            field,
            parent["stream"]["name"] if parent else "",
            one_row_each=declared["primary_key"] == field,
        )
        self._streams.append(progress)
        return progress

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Logs how far the sync is every REPORT_EVERY seconds, from a thread of its own: also while all others wait."""
        stop = Event()
        reporter = Thread(target=self._report_until, args=[stop], name="progress", daemon=True)
        reporter.start()
        try:
            yield
        finally:
            stop.set()
            reporter.join()
            self._budget.shared(Notices).log(final=True)

    def with_estimates(self, messages: Iterable[AirbyteMessage]) -> Iterator[AirbyteMessage]:
        """The messages, with an ESTIMATE as soon as a stream's size is known and then every REPORT_EVERY seconds."""
        due: dict[str, float] = {}
        for message in messages:
            now = time.monotonic()
            for stream in self._streams:
                known = stream.things and stream.total and (stream.one_row_each or stream.rows is not None)
                if known and stream.running and now >= due.get(stream.name, now):
                    due[stream.name] = now + REPORT_EVERY
                    yield stream.estimate()
            yield message

    def _report_until(self, stop: Event) -> None:
        announced = False
        due = time.monotonic() + REPORT_EVERY
        while not stop.wait(min(REPORT_EVERY, LOOK_EVERY)):
            if not announced and self._streams and all(stream.is_listed for stream in self._streams):
                announced = True
                logger.info(self._announcement())
            if time.monotonic() < due:
                continue
            due += REPORT_EVERY
            self._budget.shared(Notices).log()
            if running := [stream for stream in self._streams if stream.running]:
                logger.info(f"{self._summary()} {_described(running)}.")

    def _announcement(self) -> str:
        left = self._left()
        return (
            f"{self._budget.shared(Campaigns).describe()}This sync takes about "
            f"{left + self._budget.requests_made:,} requests, {self._minutes(left)} at {self._budget.pace} a minute."
        )

    def _summary(self) -> str:
        left = self._left()
        return f"{self._budget.requests_made:,} requests made, about {left:,} left: {self._minutes(left)}."

    def _left(self) -> int:
        return math.ceil(sum(stream.requests_left for stream in self._streams))

    def _minutes(self, requests: int) -> str:
        """How long they take at the pace, or at that of the sync so far, where it is slower."""
        pace = float(self._budget.pace)
        elapsed = (time.monotonic() - self._began) / 60
        if elapsed >= 1:
            pace = min(pace, self._budget.requests_made / elapsed) or pace
        minutes = requests / pace
        return f"{minutes:,.0f} minutes" if minutes >= 1.5 else "about a minute" if minutes > 0.5 else "seconds"


def _described(streams: Sequence[StreamProgress]) -> str:
    said = [stream.describe() for stream in streams if not stream.waits]
    if waiting := ", ".join(stream.name for stream in streams if stream.waits):
        said.append(f"waiting for their turn: {waiting}")
    return "; ".join(said)
