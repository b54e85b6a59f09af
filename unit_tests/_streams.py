"""What the tests of the further streams have in common: their names, small accounts, and reading with a state."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from typing import Any

from airbyte_cdk.models import (
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    StreamDescriptor,
    SyncMode,
)
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput, discover
from jsonschema import Draft7Validator, FormatChecker

from sandbox import seeds
from sandbox.account import Account, Event
from sandbox.events import day_start
from sandbox.furnishing import furnish
from sandbox.people import OWNERS, make_recipients
from sandbox.running import Sandbox
from sandbox.settings import Settings
from source_snov import SourceSnov
from unit_tests._daily import DAILY, TODAY, ago
from unit_tests._helpers import STREAMS, config, records, sync

UNLIMITED = Settings(requests_per_minute=None)
FIRST, SECOND, THIRD = 910_001, 910_002, 910_003
TOKEN = "/v1/oauth/access_token"
CAMPAIGNS = "/v1/get-user-campaigns"
SCHEMAS = Path(__file__).parent.parent / "source_snov" / "schemas"

CORE = (*STREAMS, DAILY)
"""The streams without which a sync fails."""

EVENT_LISTS = {
    "emails_sent": "/v1/emails-sent",
    "email_opens": "/v1/get-emails-opened",
    "email_clicks": "/v1/get-emails-clicked",
    "email_replies": "/v1/get-emails-replies",
}
PER_CAMPAIGN = {
    "campaign_recipients_activity": "/recipients-activity",
    "campaign_replies": "/all-replies",
    **EVENT_LISTS,
    "finished_prospects": "/v1/prospect-finished",
    "campaign_settings": "/v2/campaigns/910",
}
"""Optional streams that ask about each campaign, with what their paths have in common."""

LISTS = {
    "sender_email_accounts": "/v2/sender-accounts/emails",
    "warm_ups": "/v2/warm-up",
    "prospect_lists": "/v1/get-user-lists",
    "prospect_custom_fields": "/v1/prospect-custom-fields",
    "sending_schedules": "/v2/campaigns/schedules",
    "do_not_email_lists": "/v2/blacklists",
    "pipelines": "/v2/pipelines",
    "account_balance": "/v1/get-balance",
    "webhooks": "/v2/webhooks",
}
"""Optional streams of one path."""

CHILDREN = {
    "sender_analytics": "sender_email_accounts",
    "warm_up_daily_statistics": "warm_ups",
    "list_prospects": "prospect_lists",
    "pipeline_stages": "pipelines",
}
"""Optional streams that ask about each record of another one."""

OPTIONAL = (*PER_CAMPAIGN, *LISTS, *CHILDREN)

INCREMENTAL = ("campaign_recipients_activity", *EVENT_LISTS, "warm_up_daily_statistics")
"""Incremental streams beside the daily one."""


def catalog() -> dict[str, Any]:
    """The streams as discovered, by name."""
    found = discover(SourceSnov(), config()).catalog.catalog
    assert found
    return {stream.name: stream for stream in found.streams}


def schema(stream: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SCHEMAS / f"{stream}.json").read_text())
    return found


def strict(stream: str) -> Draft7Validator:
    """The stream's schema with unknown fields forbidden, formats checked."""
    return Draft7Validator(_with_local_times(schema(stream)) | {"additionalProperties": False}, format_checker=FORMATS)


FORMATS = FormatChecker()
LOCAL_TIME = "local-date-time"


@FORMATS.checks(LOCAL_TIME, raises=ValueError)
def is_local_time(value: Any) -> bool:
    """Whether it is a date and a time without a zone, which is a format of Airbyte and none of JSON Schema."""
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
    """A campaign for each story, started when it begins unless `started` says otherwise; people 1 to 30."""
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
    """A full refresh without a failure."""
    output = sync(*streams, whole_config=sandbox.config(**overrides))
    assert not output.errors
    return output


def incremental(
    sandbox: Sandbox,
    stream: str,
    state: Mapping[str, Any] | None = None,
    mode: SyncMode = SyncMode.incremental,
    **overrides: Any,
) -> EntrypointOutput:
    """A sync of one stream with its state, as JSON would have it."""
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
    """The last state of each stream, as JSON."""
    return {
        message.state.stream.stream_descriptor.name: json.loads(
            json.dumps(message.state.stream.stream_state, default=vars)
        )
        for message in output.state_messages
    }


def last_statuses(output: EntrypointOutput) -> dict[str, str]:
    """What became of each stream."""
    names = {
        message.trace.stream_status.stream_descriptor.name for message in output.trace_messages if _status(message)
    }
    return {name: output.get_stream_statuses(name)[-1].value for name in names}


def _status(message: Any) -> bool:
    return message.trace.stream_status is not None


def asked(sandbox: Sandbox) -> Counter[str]:
    """How often each path was asked for."""
    return Counter(record.path for record in sandbox.requests)


def rows_of(output: EntrypointOutput, stream: str, *fields: str) -> Counter[tuple[Any, ...]]:
    """How often each combination of these fields was emitted; records do not have fields that are null."""
    return Counter(tuple(record.get(name) for name in fields) for record in records(output, stream))
