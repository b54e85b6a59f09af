"""Makes the primary keys that the API lacks (of events and contacts), and drops duplicate rows."""

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass
from threading import Lock
from typing import Any

from airbyte_cdk.sources.declarative.extractors.record_filter import RecordFilter
from airbyte_cdk.sources.declarative.transformations import RecordTransformation
from airbyte_cdk.sources.types import StreamSlice, StreamState

from source_snov.failures import system_error
from source_snov.records.listing import Listing
from source_snov.records.notices import Notices
from source_snov.records.shared import Shared
from source_snov.records.values import to_utc


@dataclass
class PartitionKey(RecordTransformation):
    """Adds the key of the partition, such as `campaign_id`, to each record.

    The CDK's AddFields evaluates an expression for every record, which would take longer than everything else.
    """

    def transform(
        self, record: dict[str, Any], *args: Any, stream_slice: StreamSlice | None = None, **kwargs: Any
    ) -> None:
        for name, value in stream_slice.partition.items() if stream_slice else ():
            if name != "parent_slice":
                record[name] = value


@dataclass
class Coalesce(RecordTransformation):
    """Adds `field` with the first non-empty value `among` other fields, or leaves it out."""

    field: str
    among: Sequence[str]

    def transform(self, record: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        if known := [record[name] for name in self.among if record.get(name)]:
            record[self.field] = known[0]


@dataclass
class EventId(RecordTransformation):
    """Adds `event_id`: the same for an event in every sync, different for exact twins.

    identity: the fields that tell events apart. Profile fields are not among them, because they change later.
    """

    identity: Sequence[str]
    parameters: InitVar[Mapping[str, Any]]
    api_budget: Shared

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self._listing = self.api_budget.shared(Listing)
        self._times = [place for place, name in enumerate(self.identity) if name.endswith("_time")]

    def transform(self, record: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        values = [record.get(name) for name in self.identity]
        for place in self._times:
            values[place] = _in_one_form(values[place])
        event = json.dumps(values)
        twin = self._listing.number(event)
        record["event_id"] = hashlib.sha256(f"{event}#{twin}".encode()).hexdigest()[:32]


@dataclass
class Contact(RecordTransformation):
    """Adds `contact`, a stable key of a person: the API's own ids change with every response.

    It is the e-mail address in lower case, else the URL of the profile, else `name:<name>#<number among equals>`.
    email, profile, name: dotted paths in the record, where `0` is the first item of a list. equals: fields that tell
    rows with the same name apart.
    """

    name: str
    parameters: InitVar[Mapping[str, Any]]
    api_budget: Shared
    email: str = ""
    profile: str = ""
    equals: Sequence[str] = ()

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        self._listing = self.api_budget.shared(Listing)

    def transform(self, record: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        email, profile, name = (_text(record, path) for path in (self.email, self.profile, self.name))
        known = email.lower() or profile
        number = self._listing.number(known or json.dumps([name, *map(record.get, self.equals)], default=str))
        record["contact"] = known or f"name:{name}#{number}"


MAX_KEYLESS = 3
"""Responses with a single record that has no key, and no other record of the stream with one, after which it fails."""


class _Keys:
    """How many records with and without their key there were, by stream."""

    def __init__(self) -> None:
        self.keyed = Counter[str]()
        self.keyless = Counter[str]()
        self._lock = Lock()

    def note(self, stream: str, keyed: int, keyless: int) -> None:
        with self._lock:
            self.keyed[stream] += keyed
            self.keyless[stream] += keyless


@dataclass(kw_only=True)
class DropDuplicates(RecordFilter):
    """Drops records without a key and duplicates, also when a page is read again.

    identity: the fields of the key. paged: whether the records come in pages. Raises AirbyteTracedException
    (system_error) if no record of a response has a key, unless there is only one and it lacks its time, which may be
    null (API reference 2.11, 2.12).
    """

    api_budget: Shared
    identity: Sequence[str] = ()
    paged: bool = False

    def __post_init__(self, parameters: Mapping[str, Any]) -> None:
        super().__post_init__(parameters)
        self._name = parameters.get("name", "")
        self._listing = self.api_budget.shared(Listing)
        self._notices = self.api_budget.shared(Notices)
        self._keys = self.api_budget.shared(_Keys)

    def filter_records(
        self,
        records: Iterable[Mapping[str, Any]],
        stream_state: StreamState,
        stream_slice: StreamSlice | None = None,
        next_page_token: Mapping[str, Any] | None = None,
    ) -> Iterable[Mapping[str, Any]]:
        passed = self._listing.keys if self.paged else set()
        is_first = not passed
        on_this_page: set[int] = set()
        keyed = keyless = 0
        unusable: set[str] = set()
        for record in records:
            values = [record.get(name) for name in self.identity]
            lacking = [name for name, value in zip(self.identity, values, strict=True) if value in (None, "")]
            keyless += bool(lacking)
            unusable.update(lacking)
            keyed += not lacking
            # One without its key, too, shows whether rows have moved.
            key = _digest(list(record.items()) if lacking else values)
            if key not in on_this_page:
                on_this_page.add(key)
                self._listing.note(key)
            if key in passed:
                continue
            passed.add(key)
            self._listing.new += 1
            if lacking:
                self._note(lacking, stream_slice)
            else:
                yield record
        self._keys.note(self._name, keyed, keyless)
        if keyless and not keyed and (keyless > 1 or (is_first and not self._may_be_null(unusable))):
            names = " and ".join(self.identity)
            raise system_error(
                f"No record that Snov.io gave for {self._name} has its {names}, so nothing can tell them "
                "apart. Sync again; if this goes on, report it to the connector's maintainers.",
                f"No record of {self._name} with {names}.",
            )

    def _may_be_null(self, unusable: Collection[str]) -> bool:
        """Whether a single record of a slice that lacks these fields says nothing about those of other slices."""
        if not all(name.endswith(("_at", "_time")) for name in unusable):
            return False
        return self._keys.keyed[self._name] > 0 or self._keys.keyless[self._name] < MAX_KEYLESS

    def _note(self, lacking: Sequence[str], stream_slice: StreamSlice | None) -> None:
        partition = stream_slice.partition if stream_slice else {}
        about = " ".join(f"{name[:-3]} {value}" for name, value in partition.items() if name.endswith("_id"))
        one = f", such as one of {about}," if about else ""
        self._notices.add(
            (self._name, "without its key"),
            f"{self._name}: records without a usable {' and '.join(lacking)}{one} are left out. Report this to the "
            "connector's maintainers.",
        )


def _digest(values: Sequence[Any]) -> int:
    text = json.dumps(values, default=str)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _text(record: Any, path: str) -> str:
    for part in filter(None, path.split(".")):
        if isinstance(record, list) and part.isdecimal():
            record = record[int(part)] if int(part) < len(record) else None
        else:
            record = record.get(part) if isinstance(record, Mapping) else None
    # A name may come as a number.
    return str(record).strip() if record and type(record) in (str, int, float) else ""


def _in_one_form(moment: Any) -> Any:
    """A time in one form, whichever the API sends; anything else unchanged."""
    try:
        return to_utc(moment)
    except ValueError:
        return moment
