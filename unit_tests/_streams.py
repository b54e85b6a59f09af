"""Helpers for tests of all streams: names, small accounts, and syncs with a state."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import yaml
from airbyte_cdk.models import (
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    StreamDescriptor,
    SyncMode,
)
from airbyte_cdk.sources.declarative.parsers.manifest_reference_resolver import ManifestReferenceResolver
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput, discover
from jsonschema import Draft7Validator, FormatChecker

from sandbox.running import Sandbox
from sandbox.world import seeds
from sandbox.world.account import Account, Event
from sandbox.world.events import CLICK, FIRST_EMAIL, OPEN, REPLY, day_start
from sandbox.world.furnishing import furnish
from sandbox.world.people import OWNERS, make_recipients
from source_snov import SourceSnov
from unit_tests._daily import TODAY, ago
from unit_tests._helpers import config, records, sync
from unit_tests._names import CORE, DAILY
from unit_tests._paths import PACKAGE, SCHEMAS

FIRST, SECOND, THIRD = 910_001, 910_002, 910_003

MANIFEST = yaml.safe_load((PACKAGE / "manifest.yaml").read_text())
DECLARED: Mapping[str, Mapping[str, Any]] = {
    stream["name"]: stream for stream in ManifestReferenceResolver().preprocess_manifest(MANIFEST)["streams"]
}
"""The streams as the manifest declares them."""


def path_of(stream: str) -> str:
    """The path of a stream's requests, with `{}` for the ID of a campaign or another parent."""
    path = DECLARED[stream]["retriever"]["requester"]["url"].removeprefix("{{ config['api_url'] }}")
    path = path.replace("{{ parameters['endpoint'] }}", DECLARED[stream]["$parameters"].get("endpoint", ""))
    return re.sub(r"{{ stream_(partition|slice\.extra_fields)\['\w+_id'\] }}", "{}", path)


def key_of(stream: str) -> list[str]:
    declared = DECLARED[stream]["primary_key"]
    return declared if isinstance(declared, list) else [declared]


def parent_of(stream: str) -> str | None:
    """The parent stream whose records this stream makes requests for, None for a list of the account."""
    router = DECLARED[stream]["retriever"].get("partition_router", {})
    return router["parent_stream_configs"][0]["stream"]["name"] if "parent_stream_configs" in router else None


HISTORIES: Mapping[str, Mapping[str, Any]] = {
    name: stream["$parameters"]["history"] for name, stream in DECLARED.items() if "history" in stream["$parameters"]
}
"""The streams with a history, with its parameters."""

SNAPSHOTS = tuple(name for name, stream in DECLARED.items() if "snapshot" in stream["$parameters"])
"""The streams of current states, incremental too."""

EVENT_LISTS = {name: path_of(name) for name, history in HISTORIES.items() if history["cursor_field"] == "occurred_at"}

REPORTS = tuple(name for name, history in HISTORIES.items() if "period" in history)
"""The streams with a row for each entity and period."""

_PARENTS = {name: parent_of(name) for name in DECLARED if name not in (*CORE, *REPORTS)}


def _common(path: str) -> str:
    after_ids = [part for part in path.split("{}")[1:] if part]
    return after_ids[-1] if after_ids else path.format("910")


PER_CAMPAIGN = {name: _common(path_of(name)) for name, parent in _PARENTS.items() if parent == "campaigns"}
"""Optional streams with requests per campaign, with the common part of their paths."""

LISTS = {name: path_of(name) for name, parent in _PARENTS.items() if parent is None}
"""Optional streams with a single path."""

CHILDREN = {name: parent for name, parent in _PARENTS.items() if parent not in (None, "campaigns")}
"""Optional streams with requests per record of a parent stream."""

OPTIONAL = (*PER_CAMPAIGN, *LISTS, *CHILDREN)

INCREMENTAL = tuple(name for name in HISTORIES if name not in REPORTS)
"""Streams with a history of records that the API gives, rather than of aggregates."""


def catalog() -> dict[str, Any]:
    """The discovered streams, by name."""
    found = discover(SourceSnov(), config()).catalog.catalog
    assert found
    return {stream.name: stream for stream in found.streams}


def primary_keys() -> dict[str, list[str]]:
    """The fields of each stream's primary key."""
    return {name: [field for [field] in stream.source_defined_primary_key] for name, stream in catalog().items()}


def schema(stream: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{stream}.json").read_text())
    return found


def strict(stream: str) -> Draft7Validator:
    """A validator of the stream's schema that forbids unknown fields and checks formats."""
    return Draft7Validator(_with_local_times(schema(stream)) | {"additionalProperties": False}, format_checker=FORMATS)


FORMATS = FormatChecker()
LOCAL_TIME = "local-date-time"


@FORMATS.checks(LOCAL_TIME, raises=ValueError)
def is_local_time(value: Any) -> bool:
    """Whether it is a date and time without a zone, which JSON Schema has no format for."""
    return not isinstance(value, str) or (datetime.fromisoformat(value).tzinfo is None and "T" in value)


def _with_local_times(document: Any) -> Any:
    if isinstance(document, list):
        return [_with_local_times(each) for each in document]
    if not isinstance(document, dict):
        return document
    local = document.get("airbyte_type") == "timestamp_without_timezone"
    return {name: _with_local_times(each) for name, each in document.items()} | (
        {"format": LOCAL_TIME} if local else {}
    )


def at(day: date, hour: int = 9, minute: int = 0, second: int = 0) -> int:
    return day_start(day) + 3600 * hour + 60 * minute + second


def utc(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def account(*stories: Iterable[Event], started: Sequence[date | None] = (), furnished: bool = False) -> Account:
    """A campaign for each story, started with its first event unless `started` has a day; people 1 to 30."""
    made = seeds.empty_account(TODAY)
    made.recipients = make_recipients(Random(1), 30)
    for number, story in enumerate(stories):
        events = sorted(story, key=lambda event: event.at)
        began = started[number] if number < len(started) else datetime.fromtimestamp(events[0].at, UTC).date()
        campaign = seeds.make_campaign(Random(number), number, OWNERS[0], began or ago(50), began)
        campaign.recipients = tuple(sorted({event.recipient for event in events}))
        made.add_campaign(campaign, events)
    if furnished:
        furnish(made, 7)
    return made


def synced(sandbox: Sandbox, *streams: str, **overrides: Any) -> EntrypointOutput:
    """A full refresh that must not fail."""
    output = sync(*streams, whole_config=sandbox.config(**overrides))
    assert not output.errors, [error.trace.error.message for error in output.errors]
    return output


def incremental(
    sandbox: Sandbox,
    stream: str,
    state: Mapping[str, Any] | None = None,
    mode: SyncMode = SyncMode.incremental,
    **overrides: Any,
) -> EntrypointOutput:
    """A sync of one stream with its state, as parsed JSON."""
    return together(sandbox, [stream], {stream: state} if state else {}, mode, **overrides)


def together(
    sandbox: Sandbox,
    streams: Sequence[str],
    states: Mapping[str, Mapping[str, Any]] | None = None,
    mode: SyncMode = SyncMode.incremental,
    **overrides: Any,
) -> EntrypointOutput:
    """A sync of several streams, each with its own state."""
    messages = [
        AirbyteStateMessage(
            type=AirbyteStateType.STREAM,
            stream=AirbyteStreamState(StreamDescriptor(name=name), AirbyteStateBlob(dict(state))),
        )
        for name, state in (states or {}).items()
    ]
    return sync(*streams, whole_config=sandbox.config(**overrides), mode=mode, state=messages or None)


def last_states(output: EntrypointOutput) -> dict[str, dict[str, Any]]:
    """The last state of each stream, as parsed JSON."""
    return {
        message.state.stream.stream_descriptor.name: json.loads(
            json.dumps(message.state.stream.stream_state, default=vars)
        )
        for message in output.state_messages
    }


def last_statuses(output: EntrypointOutput) -> dict[str, str]:
    """The last status of each stream."""
    names = {
        message.trace.stream_status.stream_descriptor.name for message in output.trace_messages if _status(message)
    }
    return {name: output.get_stream_statuses(name)[-1].value for name in names}


def _status(message: Any) -> bool:
    return message.trace.stream_status is not None


def requests_by_path(sandbox: Sandbox) -> Counter[str]:
    """The number of requests per path."""
    return Counter(record.path for record in sandbox.requests)


def rows_of(output: EntrypointOutput, stream: str, *fields: str) -> Counter[tuple[Any, ...]]:
    """Counts of the combinations of these fields in the records; missing fields are None."""
    return Counter(tuple(record.get(name) for name in fields) for record in records(output, stream))


def story(*ages: int) -> list[Event]:
    """One event of each kind on each of these days, given as days ago, and an opening on the day after the last."""
    return [
        *(
            Event(at(ago(age), minute), kind, person, 55001)
            for person, age in enumerate(ages, 1)
            for minute, kind in enumerate((FIRST_EMAIL, OPEN, CLICK, REPLY))
        ),
        Event(at(ago(ages[-1] - 1)), OPEN, 1, 55001),
    ]


def stable_rows(output: EntrypointOutput, stream: str) -> list[tuple[Any, ...]]:
    """The rows left in a warehouse, in a fixed order, without the values that differ in every sync."""
    assert not output.errors
    volatile = ("checked_at", "prospect_id")
    rows = records(output, stream)
    if stream == DAILY:
        # Days given as empty may be corrected later in the sync.
        rows = list({(row["campaign_id"], row["date"]): row for row in rows}.values())
    return sorted(
        tuple(sorted((name, str(value)) for name, value in row.items() if name not in volatile)) for row in rows
    )
