"""Skips missing entities, gives up optional streams that are unavailable, and fails other streams."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from threading import Condition
from typing import Any

from airbyte_cdk.sources.streams.concurrent.partitions.partition import Partition
from airbyte_cdk.sources.streams.concurrent.partitions.partition_generator import PartitionGenerator
from airbyte_cdk.sources.types import Record, StreamSlice
from airbyte_cdk.utils import AirbyteTracedException

from source_snov.api.exceptions import (
    MAX_MISSING,
    MAX_REFUSED,
    EntityNotFound,
    StreamUnavailable,
    again,
    nothing_there,
    out_of_memory,
)
from source_snov.api.limits import LargeResponses
from source_snov.incremental.starts import warn_of_missing
from source_snov.progress import StreamProgress
from source_snov.records.extractors import StillComputing
from source_snov.records.notices import Notices

logger = logging.getLogger("airbyte.snov")

Missing = EntityNotFound | StreamUnavailable


class Skipping:
    """What of one stream is missing, and whether the stream goes on.

    A missing path and a missing campaign look the same. So what is missing from an optional stream is only named once
    something was there; until then it is held back. Before the stream is given up, what is already under way ends: a
    refusal comes sooner than a first record.
    """

    def __init__(self, progress: StreamProgress, notices: Notices) -> None:
        self.name = progress.name
        self._progress = progress
        self._notices = notices
        self._optional = False
        self.has_records = False
        """Whether something was there, even if what it belongs to is not read to its end."""
        self.is_known = False
        """Whether an earlier sync has read some of it. Then only what that one has read can show that all is gone."""
        self._held: list[tuple[str, Missing]] = []
        self._missing = 0
        self._skipped: set[str] = set()
        self._under_way = 0
        self._doubt: Missing | None = None
        self._lock = Condition()

    @property
    def ended(self) -> bool:
        """Whether the stream failed or was given up: what is left is not read, since each would cost a request."""
        return self._progress.ended

    def begin(self) -> None:
        """Before a partition is read: waits while those under way may show that the stream is there."""
        with self._lock:
            self._lock.wait_for(lambda: self._doubt is None or not self._under_way or self._some_read or self.ended)
            self._under_way += 1

    def found(self) -> None:
        """Notes the first record."""
        with self._lock:
            self.has_records = True
            self._lock.notify_all()

    def end(self) -> None:
        """After a partition was read, skipped, or failed."""
        with self._lock:
            self._under_way -= 1
            if self._doubt and not self._under_way and not self._some_read:
                self.give_up(self._doubt.message)
            self._lock.notify_all()

    @property
    def _some_read(self) -> bool:
        progress = self._progress
        return self.has_records or progress.done > progress.skipped + progress.idle

    def failure(self, error: Exception, when: str) -> Exception | None:
        """Fails the stream: what to raise, or None if it had ended before.

        when: such as "while it read email_opens".
        """
        if not self._end():
            return None
        if isinstance(error, MemoryError):
            return out_of_memory(when)
        # Without the places it came through, which say nothing that its message does not.
        return again(error) if isinstance(error, AirbyteTracedException) else error

    def give_up(self, reason: str | None) -> None:
        """Ends an optional stream that is unavailable, with one warning."""
        self._held = []
        asked = self._progress.skipped
        each = f" So it is with each of the {asked} {self._progress.things} asked about." if asked > 1 else ""
        if self._end():
            logger.warning(
                f"{self.name} is skipped: the account's plan does not include it, or the API does not know it. "
                f"{reason}{each} Ask the account's owner for access, or deselect the stream."
            )

    def subject_of(self, partition: Partition) -> Any:
        """The campaign or other thing that a partition is about; empty for one about the whole account."""
        partition_slice = partition.to_slice()
        keys = partition_slice.partition if isinstance(partition_slice, StreamSlice) else {}
        return keys.get(self._progress.field, "")

    def skip(self, partition: Partition, reason: Missing) -> None:
        """Notes that a partition cannot be read, with a warning, or that nothing of an optional stream can."""
        progress = self._progress
        about = f"{progress.field.removesuffix('_id').replace('_', ' ')} {self.subject_of(partition)}"
        with self._lock:
            known = about in self._skipped
            self._skipped.add(about)
        if known:
            self.count(idle=True)
            return
        with self._lock:
            progress.done += 1
            progress.skipped += 1
            self._optional = reason.optional
            proves = not self.is_known or is_known(partition)
            self._missing += proves
            hold = reason.optional and proves and not self._some_read
            if hold:
                self._held.append((about, reason))
                if _refused(self._held) >= MAX_REFUSED or len(self._held) >= MAX_MISSING:
                    self._doubt = reason
        if not hold:
            self._warn([(about, reason)])
        self._settle()

    def count(self, idle: bool) -> None:
        """Notes that a partition was read. idle: that there was nothing to ask, which says nothing about the others."""
        with self._lock:
            self._progress.done += 1
            self._progress.idle += idle
            held: list[tuple[str, Missing]] = []
            if not idle:
                # The entity is missing, not the stream.
                held, self._held = self._held, []
        self._warn(held)
        self._settle()

    def postpone(self, partition: Partition, partial: bool) -> None:
        """Notes that the API is still computing what there is. partial: whether some of it was read."""
        about = self._progress.parent.removesuffix("s").replace("_", "-")
        self._notices.add(
            (self.name, "still computing"),
            f"{self.name}: Snov.io is still computing the figures of {about} {self.subject_of(partition)}. The next "
            "sync reads all of them again.",
            level=logging.WARNING if partial else logging.INFO,
        )
        self.count(idle=False)

    def finish(self, total: int) -> None:
        """Notes that all partitions are known."""
        self._progress.total = total
        self._settle()

    def _end(self) -> bool:
        """Ends the stream; whether it had not ended before."""
        with self._lock:
            first, self._progress.ended = not self._progress.ended, True
        return first

    def _warn(self, skipped: Iterable[tuple[str, Missing]]) -> None:
        for about, reason in skipped:
            logger.warning(f"{self.name}: {about} is skipped: {reason.why} {reason.message}")

    def _settle(self) -> None:
        """When all partitions asked about were skipped: gives an optional stream up, and fails another one."""
        skipped, total = self._progress.skipped, self._progress.total
        if total is None or not skipped or skipped + self._progress.idle < total:
            return
        with self._lock:
            held, self._held = self._held, []
        if held and not self.has_records and (len(held) > 1 or _refused(held)):
            self.give_up(held[-1][1].message)
        elif self._missing > 1 and not self._optional and not self.has_records and self._end():
            raise nothing_there(self.name, f"{skipped} {self._progress.things}", "All were skipped.")
        else:
            self._warn(held)


def _refused(held: Iterable[tuple[str, Missing]]) -> int:
    return sum(isinstance(reason, StreamUnavailable) for _, reason in held)


class TrackedPartitions(PartitionGenerator):
    """A stream's partitions, counted, one per campaign also when the API lists a campaign twice.

    A partition whose entity is gone is skipped with one warning, and so is an optional stream that is not there.

    wanted: the configured campaign ids; none for all.
    """

    def __init__(
        self,
        partitions: PartitionGenerator,
        progress: StreamProgress,
        wanted: Collection[int],
        large: LargeResponses,
        notices: Notices,
        made_here: Callable[[], int],
        optional: bool,
    ) -> None:
        """made_here: the requests made by the calling thread. optional: whether the stream may be given up."""
        self._partitions = partitions
        self._optional = optional
        self._made_here = made_here
        self._progress = progress
        self._skipping = Skipping(progress, notices)
        self._wanted = wanted
        self._large = large

    def generate(self) -> Iterable[Partition]:
        self._progress.begin()
        seen: set[tuple[Any, int]] = set()
        try:
            partitions: Sequence[Partition] = [*self._partitions.generate()]
            self._skipping.is_known = any(map(is_known, partitions))
            for partition in telling_first(partitions) if self._optional else partitions:
                if self._skipping.ended:
                    return
                # A history may come in parts.
                subject = self._skipping.subject_of(partition), getattr(partition, "part", 0)
                if subject not in seen:
                    seen.add(subject)
                    tracked = TrackedPartition(partition, self._skipping, self._progress, self._large, self._made_here)
                    self._progress.add(tracked.part, tracked.expected_requests)
                    yield tracked
        except StreamUnavailable as reason:
            self._skipping.give_up(reason.message)
        except Exception as error:
            if failure := self._skipping.failure(error, f"while it listed what {self._progress.name} is about"):
                raise failure from None
        else:
            self._skipping.finish(len(seen))
            if self._progress.field == "campaign_id":
                warn_of_missing(self._progress.name, set(self._wanted) - {subject for subject, _ in seen})


def is_known(partition: Partition) -> bool:
    """Whether an earlier sync has read some of it, as its state says."""
    return getattr(partition, "is_known", False)


def telling_first(partitions: Sequence[Partition]) -> Sequence[Partition]:
    """The same, with those first that tell whether an optional stream is there.

    These are the ones that an earlier sync has read, then some that are spread over all others, ends included: a list
    may begin with its oldest, of which many are gone, or with one channel's, which the plan may not include.
    """
    others = [each for each in partitions if not is_known(each) and not getattr(each, "part", 0)]
    last = len(others) - 1
    shares = (0.0, 1.0, *(part / 2**depth for depth in range(1, MAX_MISSING) for part in range(1, 2**depth, 2)))
    places = dict.fromkeys(round(last * share) for share in shares) if last >= MAX_REFUSED else {}
    ranks = {id(others[place]): rank for rank, place in enumerate([*places][:MAX_MISSING])}
    return sorted(partitions, key=lambda each: -1 if is_known(each) else ranks.get(id(each), MAX_MISSING))


class TrackedPartition(Partition):
    def __init__(
        self,
        partition: Partition,
        skipping: Skipping,
        progress: StreamProgress,
        large: LargeResponses,
        made_here: Callable[[], int],
    ) -> None:
        self._partition = partition
        self._skipping = skipping
        self._progress = progress
        self._large = large
        self._made_here = made_here
        self.part: int = getattr(partition, "part", 0)
        self.is_known = is_known(partition)
        self.expected_requests: float = getattr(partition, "expected_requests", 1.0)

    def read(self) -> Iterable[Record]:
        self._skipping.begin()
        before = self._made_here()
        self._progress.begin_partition()
        try:
            if self._skipping.ended:
                return
            with self._large.of_partition():
                for record in self._partition.read():
                    if not self._skipping.has_records:
                        self._skipping.found()
                    yield record
        except (EntityNotFound, StreamUnavailable) as reason:
            self._skipping.skip(self, reason)
        except StillComputing as reason:
            self._skipping.postpone(self, reason.partial)
        except Exception as error:
            if failure := self._skipping.failure(error, f"while it read {self.stream_name()}"):
                raise failure from None
        else:
            self._skipping.count(idle=getattr(self._partition, "nothing_to_read", False))
        finally:
            self._progress.end_partition(self.part, self.expected_requests, self._made_here() - before)
            self._skipping.end()

    def to_slice(self) -> Mapping[str, Any] | None:
        return self._partition.to_slice()

    def stream_name(self) -> str:
        return self._partition.stream_name()

    def __hash__(self) -> int:
        return hash(self._partition)
