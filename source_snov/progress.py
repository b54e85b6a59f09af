"""How far a sync is: a log line per running stream each minute, and the protocol's estimates.

At 60 requests a minute a sync may take long, and waits for the pace or after a 429 are silent in the CDK.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Lock, Thread
from typing import Any

from airbyte_cdk.models import (
    AirbyteEstimateTraceMessage,
    AirbyteMessage,
    AirbyteStream,
    AirbyteTraceMessage,
    EstimateType,
    FailureType,
    TraceType,
    Type,
)
from airbyte_cdk.sources.streams.concurrent.abstract_stream import AbstractStream
from airbyte_cdk.sources.streams.concurrent.availability_strategy import StreamAvailability
from airbyte_cdk.sources.streams.concurrent.cursor import Cursor
from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.types import Record, StreamSlice
from airbyte_cdk.utils import AirbyteTracedException

from source_snov.error_policy import EntityNotFound, StreamUnavailable

logger = logging.getLogger("airbyte.snov")

REPORT_EVERY = 60.0
"""Seconds between two reports."""

MOST_SKIPPED = 10
"""When so many things in a row are missing from an optional stream and none was there, the stream is."""

ONE_ROW_EACH = (["campaign_id"], ["sender_email_id"])
"""Primary keys of streams with one record per partition."""

THINGS = {
    "campaign_id": "campaigns",
    "sender_email_id": "sender accounts",
    "warm_up_id": "warm-ups",
    "list_id": "prospect lists",
    "pipeline_id": "pipelines",
}
"""What the partitions of a stream are about, by the partition's field."""


class StreamProgress:
    """The partitions of one stream: how many there are, how many are read, whether reading failed.

    one_row_each: whether each partition has one record.
    """

    def __init__(self, name: str, one_row_each: bool) -> None:
        self.name = name
        self.one_row_each = one_row_each
        self.things: str | None = None
        self.total: int | None = None
        self.done = 0
        self.skipped = 0
        self.idle = 0
        self.rows: int | None = None
        self._optional = False
        self._held: list[tuple[str, str]] = []
        self._requests_left: Callable[[], int] | None = None
        self.failed = False
        self.unavailable = False
        self._began: float | None = None
        self._lock = Lock()

    def begin(self) -> None:
        with self._lock:
            self._began = self._began or time.monotonic()

    def count_done(self) -> None:
        """Notes that a partition was read: what is missing is missing by itself, and not the stream."""
        with self._lock:
            self.done += 1
            held, self._held = self._held, []
        self._warn(held)
        self._settle()

    def count_idle(self) -> None:
        """Notes a partition about which there was nothing to ask, which says nothing about the others."""
        with self._lock:
            self.done += 1
            self.idle += 1
        self._settle()

    def expect(self, total: int, rows: int, requests_left: Callable[[], int]) -> None:
        """Notes what a stream that plans ahead knows: its partitions, its rows, about how many requests are left."""
        self.total, self.rows, self._requests_left = total, rows, requests_left

    def fail(self) -> bool:
        """Notes a failure; whether it is the stream's first."""
        with self._lock:
            first, self.failed = not self.failed, True
        return first

    def give_up(self, reason: str | None) -> None:
        """Notes that an optional stream is not to be had, with one warning."""
        with self._lock:
            first, self.unavailable = not self.unavailable, True
            self._held = []
        if first:
            logger.warning(
                f"{self.name} is skipped: the account's plan does not include it, or the API does not know it. "
                f"{reason} Ask the account's owner for access, or deselect the stream."
            )

    def skip(self, about: str, reason: EntityNotFound | StreamUnavailable) -> None:
        """Notes that something cannot be read, with a warning; that all of an optional stream cannot, if nothing could.

        A missing path and a missing campaign look the same: what is missing is only named once something was there.
        """
        with self._lock:
            self.done += 1
            self.skipped += 1
            self._optional = reason.optional
            some_read = self.done > self.skipped + self.idle
            given_up = not some_read and (isinstance(reason, StreamUnavailable) or self.skipped >= MOST_SKIPPED)
            hold = reason.optional and not some_read
            if hold:
                self._held.append((about, str(reason.message)))
        if reason.optional and given_up:
            self.give_up(reason.message)
        elif not hold:
            self._warn([(about, str(reason.message))])
        self._settle()

    def finish(self, total: int) -> None:
        """Notes that all partitions are known."""
        self.total = total
        self._settle()

    def _warn(self, skipped: Iterable[tuple[str, str]]) -> None:
        for about, reason in skipped:
            logger.warning(
                f"{self.name}: {about} is skipped: it was deleted, or this API user may not see it. {reason}"
            )

    def _settle(self) -> None:
        """When all partitions asked about were skipped: gives an optional stream up, and fails another one."""
        if self.total is None or not self.skipped or self.skipped + self.idle < self.total:
            return
        with self._lock:
            held, self._held = self._held, []
        if self.skipped > 1 and held:
            self.give_up(held[-1][1])
        elif self.skipped > 1 and not self._optional and self.fail():
            # An empty table would replace a full one.
            raise AirbyteTracedException(
                message=f"Snov.io says of each of the {self.skipped} {self.things} that there is nothing to read for "
                f"{self.name}. The account's plan may not cover it, or the API has changed: check the plan, then "
                "report this to the connector's maintainers.",
                internal_message=f"All {self.skipped} partitions of {self.name} were skipped.",
                failure_type=FailureType.system_error,
            )
        else:
            self._warn(held)

    @property
    def running(self) -> bool:
        return self._began is not None and not self.failed and not self.unavailable and self.done != self.total

    def describe(self, requests_made: int) -> str:
        if self.total is None or not self.things:
            return f"{self.name}: reading the lists it needs; {requests_made} requests made in this sync."
        done = (
            f"{self.name}: {self.done} of {self.total} {self.things} done, {requests_made} requests made in this sync"
        )
        if self._requests_left is not None:
            return f"{done}; about {self._requests_left():,} more for this stream."
        rest = self._minutes_left()
        left = "the rest cannot be foreseen yet" if rest is None else f"about {rest:.1f} minutes left at this pace"
        return f"{done}; {left}."

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

    def _minutes_left(self) -> float | None:
        if not self.done or self._began is None or self.total is None:
            return None
        return (time.monotonic() - self._began) / self.done * (self.total - self.done) / 60


class SyncProgress:
    """The streams of one sync."""

    def __init__(self, requests_made: Callable[[], int]) -> None:
        self._requests_made = requests_made
        self._streams: list[StreamProgress] = []

    def of(self, stream: AbstractStream) -> StreamProgress:
        """The progress of one more stream."""
        key = stream.as_airbyte_stream().source_defined_primary_key or []
        progress = StreamProgress(stream.name, one_row_each=[name for [name] in key] in ONE_ROW_EACH)
        self._streams.append(progress)
        return progress

    @contextmanager
    def reported(self) -> Iterator[None]:
        """Logs each running stream every REPORT_EVERY seconds, from a thread of its own: also while all others wait."""
        stop = Event()
        reporter = Thread(target=self._report_until, args=[stop], name="progress", daemon=True)
        reporter.start()
        try:
            yield
        finally:
            stop.set()
            reporter.join()

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
        while not stop.wait(REPORT_EVERY):
            for stream in self._streams:
                if stream.running:
                    logger.info(stream.describe(self._requests_made()))


class WatchedStream(AbstractStream):
    """A stream whose partitions are counted, one per campaign also when the API lists a campaign twice.

    A partition whose entity is gone is skipped with one warning, and so is an optional stream that is not there. After
    a failure the partitions that are left are not read, since the stream has failed and each would cost a request; of
    those under way, the first to fail says why.

    wanted: the configured campaign ids; none for all.
    """

    def __init__(self, stream: AbstractStream, progress: StreamProgress, wanted: Collection[int]) -> None:
        self._stream = stream
        self._progress = progress
        self._wanted = wanted

    def generate_partitions(self) -> Iterable[Partition]:
        self._progress.begin()
        seen: set[Any] = set()
        try:
            for partition in self._stream.generate_partitions():
                if self._progress.failed or self._progress.unavailable:
                    return
                field, subject = subject_of(partition)
                self._progress.things = THINGS.get(field)
                if subject not in seen:
                    seen.add(subject)
                    yield WatchedPartition(partition, self._progress)
        except StreamUnavailable as reason:
            self._progress.give_up(reason.message)
            return
        except Exception:
            if self._progress.fail():
                raise
            return
        self._progress.finish(len(seen))
        if self._progress.things == THINGS["campaign_id"] and (missing := sorted(set(self._wanted) - seen)):
            logger.warning(
                f"{self.name}: the campaign_ids {', '.join(map(str, missing))} are not in the campaign list any more. "
                "Remove them from the source's configuration, or give the API user access to these campaigns."
            )

    @property
    def name(self) -> str:
        return self._stream.name

    @property
    def cursor_field(self) -> str | None:
        return self._stream.cursor_field

    @property
    def cursor(self) -> Cursor:
        return self._stream.cursor

    def get_json_schema(self) -> Mapping[str, Any]:
        return self._stream.get_json_schema()

    def as_airbyte_stream(self) -> AirbyteStream:
        return self._stream.as_airbyte_stream()

    def log_stream_sync_configuration(self) -> None:
        self._stream.log_stream_sync_configuration()

    def check_availability(self) -> StreamAvailability:
        return self._stream.check_availability()


class WatchedPartition(Partition):
    def __init__(self, partition: Partition, progress: StreamProgress) -> None:
        self._partition = partition
        self._progress = progress

    def read(self) -> Iterable[Record]:
        if self._progress.failed or self._progress.unavailable:
            return
        try:
            yield from self._partition.read()
        except (EntityNotFound, StreamUnavailable) as reason:
            field, subject = subject_of(self)
            self._progress.skip(f"{field.removesuffix('_id').replace('_', ' ')} {subject}", reason)
            return
        except Exception:
            if self._progress.fail():
                raise
            return
        if getattr(self._partition, "nothing_to_read", False):
            self._progress.count_idle()
        else:
            self._progress.count_done()

    def to_slice(self) -> Mapping[str, Any] | None:
        return self._partition.to_slice()

    def stream_name(self) -> str:
        return self._partition.stream_name()

    def __hash__(self) -> int:
        return hash(self._partition)


def subject_of(partition: Partition) -> tuple[str, Any]:
    """What a partition is about, as its field and value; two empty texts for one about the whole account."""
    partition_slice = partition.to_slice()
    keys = partition_slice.partition if isinstance(partition_slice, StreamSlice) else {}
    return next(((name, value) for name, value in keys.items() if name in THINGS), ("", ""))
