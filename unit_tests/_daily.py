"""The daily stream run against the sandbox, and the truth to compare its rows with."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from airbyte_cdk.models import (
    AirbyteStateBlob,
    AirbyteStateMessage,
    AirbyteStateType,
    AirbyteStreamState,
    StreamDescriptor,
    SyncMode,
)
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput

from sandbox.account import Account
from sandbox.records import Record
from sandbox.running import Sandbox
from unit_tests._helpers import records, sync

DAILY = "campaign_analytics_daily"
ANALYTICS_PATH = "/v2/statistics/campaign-analytics"
TODAY = datetime.now(UTC).date()

Key = tuple[int, str]
Rows = dict[Key, dict[str, Any]]


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def daily(
    sandbox: Sandbox, state: Any = None, mode: SyncMode = SyncMode.incremental, **overrides: Any
) -> EntrypointOutput:
    """A sync of the stream alone. `state`: the stream's state, as JSON would have it."""
    return sync(DAILY, whole_config=sandbox.config(**overrides), mode=mode, state=state and [state_message(state)])


def state_message(state: Mapping[str, Any]) -> AirbyteStateMessage:
    return AirbyteStateMessage(
        type=AirbyteStateType.STREAM,
        stream=AirbyteStreamState(StreamDescriptor(name=DAILY), AirbyteStateBlob(dict(state))),
    )


def states(output: EntrypointOutput) -> list[dict[str, Any]]:
    """The states printed, as JSON."""
    found = [message.state.stream.stream_state for message in output.state_messages]
    return [json.loads(json.dumps(state, default=vars)) for state in found]


def rows(output: EntrypointOutput) -> Rows:
    """The rows by primary key; fails when a sync has one twice."""
    found = records(output, DAILY)
    by_key = {(row["campaign_id"], row["date"]): row for row in found}
    assert len(by_key) == len(found)
    return by_key


def truth(account: Account, first: date | None = None, last: date | None = None) -> Rows:
    """What the account says of each day of each started campaign, in the record's types.

    `first`, `last`: only days from and up to these.
    """
    found: Rows = {}
    for campaign in account.campaigns.values():
        if campaign.started_at is None:
            continue
        began = datetime.fromtimestamp(campaign.started_at, UTC).date()
        for day in days(max(began, first or began), min(account.today, last or account.today)):
            found[campaign.id, str(day)] = {
                "campaign_id": campaign.id,
                "date": str(day),
                **{name: _number(value) for name, value in account.analytics([campaign.id], day, day).items()},
            }
    return found


def days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def asked(requests: Sequence[Record]) -> list[tuple[list[int], str, str]]:
    """What was asked of analytics: campaigns, first and last day."""
    return [
        (
            [int(campaign) for campaign in record.query["campaign_id"][0].split(",")],
            record.query["date_from"][0],
            record.query["date_to"][0],
        )
        for record in requests
        if record.path == ANALYTICS_PATH
    ]


def _number(value: int | str) -> int:
    return int(value.removesuffix("%")) if isinstance(value, str) else value
