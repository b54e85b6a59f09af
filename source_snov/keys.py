"""Primary keys that the API does not give, of an event and of a contact, and rows that it gives twice."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from json.encoder import encode_basestring_ascii
from threading import local
from typing import Any

from airbyte_cdk.models import FailureType
from airbyte_cdk.sources.declarative.extractors.record_filter import RecordFilter
from airbyte_cdk.sources.declarative.transformations import RecordTransformation
from airbyte_cdk.sources.types import Config, StreamSlice, StreamState
from airbyte_cdk.utils import AirbyteTracedException

from source_snov.record_types import to_utc

REMEMBERED = 10_000
"""Equals further apart than so many different rows of a slice are taken for one; the API sends them side by side."""


class Occurrences:
    """Numbers equals from 1 on, within each slice. A thread reads one slice at a time, and another slice in another."""

    def __init__(self) -> None:
        self._counts = _Counts()

    def number(self, stream_slice: StreamSlice | None, equal: str) -> int:
        """Which of the equals in its slice this is."""
        if self._counts.stream_slice is not stream_slice:
            self._counts.stream_slice, self._counts.of_equals = stream_slice, OrderedDict()
        of_equals = self._counts.of_equals
        number = of_equals.pop(equal, 0) + 1
        of_equals[equal] = number
        if number == 1 and len(of_equals) > REMEMBERED:
            of_equals.popitem(last=False)
        return number


class _Counts(local):
    """What a thread has counted in the slice that it reads; those seen last stand at the end."""

    stream_slice: StreamSlice | None = None

    def __init__(self) -> None:
        self.of_equals: OrderedDict[str, int] = OrderedDict()


@dataclass
class PartitionKey(RecordTransformation):
    """Adds what the partition is about, such as `campaign_id`, under the partition's own name.

    The CDK's AddFields would parse the outcome of an expression for every record: that takes longer than all else, and
    in several threads it fails now and then on Python 3.11 (python/cpython#106905).
    """

    def transform(
        self,
        record: dict[str, Any],
        config: Config | None = None,
        stream_state: StreamState | None = None,
        stream_slice: StreamSlice | None = None,
    ) -> None:
        for name, value in stream_slice.partition.items() if stream_slice else ():
            if name != "parent_slice":
                record[name] = value


@dataclass
class AskedFor(RecordTransformation):
    """Adds what the partition is about as the record's own `id`.

    Raises AirbyteTracedException (system_error) if the record is about something else.
    """

    def transform(
        self,
        record: dict[str, Any],
        config: Config | None = None,
        stream_state: StreamState | None = None,
        stream_slice: StreamSlice | None = None,
    ) -> None:
        [asked] = [
            value for name, value in (stream_slice.partition if stream_slice else {}).items() if name != "parent_slice"
        ]
        answered = record.get("id")
        if isinstance(answered, int | str) and str(answered) != str(asked):
            raise AirbyteTracedException(
                message=f"Snov.io was asked about {asked} and answered about {str(answered)[:40]}. Sync again; if this "
                "goes on, report it to the connector's maintainers.",
                internal_message=f"Asked about {asked}, answered about {str(answered)[:40]}.",
                failure_type=FailureType.system_error,
            )
        record["id"] = asked


@dataclass
class FirstKnown(RecordTransformation):
    """Adds the field `field` with the first value that is there `among` others; with none, it is left out."""

    field: str
    among: Sequence[str]

    def transform(
        self,
        record: dict[str, Any],
        config: Config | None = None,
        stream_state: StreamState | None = None,
        stream_slice: StreamSlice | None = None,
    ) -> None:
        if known := [record[name] for name in self.among if record.get(name)]:
            record[self.field] = known[0]


@dataclass
class EventId(RecordTransformation):
    """Adds `event_id`: the same for the same event in every sync, and another for each of exact twins.

    identity: the fields that tell events apart. A profile's fields are not among them: they change afterwards.
    """

    identity: Sequence[str]
    parameters: InitVar[Mapping[str, Any]]

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self._occurrences = Occurrences()
        self._times = [place for place, name in enumerate(self.identity) if name.endswith("_time")]

    def transform(
        self,
        record: dict[str, Any],
        config: Config | None = None,
        stream_state: StreamState | None = None,
        stream_slice: StreamSlice | None = None,
    ) -> None:
        values = [record.get(name) for name in self.identity]
        for place in self._times:
            values[place] = _in_one_form(values[place])
        event = f"[{', '.join(map(_as_json, values))}]"
        twin = self._occurrences.number(stream_slice, event)
        record["event_id"] = hashlib.sha256(f"{event}#{twin}".encode()).hexdigest()[:32]


@dataclass
class Contact(RecordTransformation):
    """Adds `contact`: who a row is about, though the API's own ids of people change with every read.

    That is the e-mail address in lower case, else the profile's URL, else `name:`, the name, `#` and its number among
    equals. email, profile, name: dotted paths of these in the record; `0` is the first of a list. equals: fields that
    tell rows of the same name apart.
    """

    name: str
    parameters: InitVar[Mapping[str, Any]]
    email: str = ""
    profile: str = ""
    equals: Sequence[str] = ()

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self._occurrences = Occurrences()

    def transform(
        self,
        record: dict[str, Any],
        config: Config | None = None,
        stream_state: StreamState | None = None,
        stream_slice: StreamSlice | None = None,
    ) -> None:
        email, profile, name = (_text(record, path) for path in (self.email, self.profile, self.name))
        if not email and not profile:
            number = self._occurrences.number(
                stream_slice, json.dumps([name, *map(record.get, self.equals)], default=str)
            )
        record["contact"] = email.lower() or profile or f"name:{name}#{number}"


@dataclass
class FirstOfEquals(RecordFilter):
    """Lets the first of equal records pass: rows move to the next page while pages are read.

    identity: the fields of which equals have the same.
    """

    identity: Sequence[str] = ()

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        super().__post_init__(parameters)
        self._occurrences = Occurrences()

    def filter_records(
        self,
        records: Iterable[Mapping[str, Any]],
        stream_state: StreamState,
        stream_slice: StreamSlice | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        for record in records:
            equal = json.dumps([record.get(name) for name in self.identity], default=str)
            if self._occurrences.number(stream_slice, equal) == 1:
                yield record


def _text(record: Any, path: str) -> str:
    for part in filter(None, path.split(".")):
        if isinstance(record, list) and part.isdecimal():
            record = record[int(part)] if int(part) < len(record) else None
        else:
            record = record.get(part) if isinstance(record, Mapping) else None
    return record.strip() if isinstance(record, str) else ""


def _in_one_form(moment: Any) -> Any:
    """A time in the same form, whichever the API sends; what is none stays as it is."""
    try:
        return to_utc(moment)
    except (ValueError, OverflowError, OSError):
        return moment


def _as_json(value: Any) -> str:
    """What json.dumps gives, which takes longer to begin than to write such a value."""
    kind = type(value)
    return encode_basestring_ascii(value) if kind is str else str(value) if kind is int else json.dumps(value)
