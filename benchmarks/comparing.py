"""Whether two programs read the same: a benchmark of something wrong is worth nothing."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.alternatives.figures import COUNTS

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Content:
    """What some records come to, in whatever order: for each stream their number, and a sum over keys and figures."""

    records: Mapping[str, int]
    sums: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.records.values())


def content_of(records: Iterable[tuple[str, Record]]) -> Content:
    """What these records, each with the name of its stream, come to. A stream that is not known raises KeyError."""
    number, sums = Counter[str](), Counter[str]()
    for stream, record in records:
        compared = repr(tuple(read(record) for read in COMPARED[stream])).encode()
        number[stream] += 1
        # Two checksums of 32 bits, so that a chance agreement of two sums is out of question.
        sums[stream] += zlib.crc32(compared) << 32 | zlib.adler32(compared)
    return Content(dict(number), dict(sums))


def _as_is(*names: str) -> tuple[Callable[[Record], object], ...]:
    return tuple(lambda record, name=name: record[name] for name in names)


def _percent(record: Record) -> int:
    return int(str(record["progress"]).removesuffix("%"))


def _moment(record: Record) -> str:
    return str(record["event_time"])[:19].replace("T", " ")


def _missing_or_none(*names: str) -> tuple[Callable[[Record], object], ...]:
    """A field of which some programs leave out null."""
    return tuple(lambda record, name=name: record.get(name) for name in names)


COMPARED: Final[Mapping[str, tuple[Callable[[Record], object], ...]]] = {
    "campaigns": _as_is("id", "campaign", "list_id", "status", "hash"),
    "campaign_analytics": _as_is("campaign_id", *COUNTS),
    "campaign_analytics_daily": _as_is("campaign_id", "date", *COUNTS),
    "campaign_progress": (*_as_is("campaign_id", "status", "unfinished"), _percent),
    "campaign_recipients_activity": (
        *_as_is("campaign_id", "event_type", "recipient_email", "recipient_name"),
        *_missing_or_none("sender_email", "email_subject", "phone", "company"),
        _moment,
    ),
}
"""Keys and figures of each stream; texts and times in one form."""
