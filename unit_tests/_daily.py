"""Syncs of the daily stream against the sandbox, and the expected rows."""

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

from sandbox.records import Record
from sandbox.running import Sandbox
from sandbox.settings import Settings
from sandbox.world.account import Account
from unit_tests._helpers import records, sync
from unit_tests._names import ANALYTICS_PATH, DAILY

TODAY = datetime.now(UTC).date()

Key = tuple[int, str]
Rows = dict[Key, dict[str, Any]]


FURTHEST_BEHIND = 12 * 3600
"""Seconds: no time zone is further behind UTC."""


def day_of(moment: int, behind: int = 0) -> date:
    """The day of Unix seconds, so many seconds behind UTC."""
    return datetime.fromtimestamp(moment - behind, UTC).date()


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def daily(
    sandbox: Sandbox, state: Any = None, mode: SyncMode = SyncMode.incremental, **overrides: Any
) -> EntrypointOutput:
    """A sync of this stream only. state: the stream's state, as parsed JSON."""
    return sync(DAILY, whole_config=sandbox.config(**overrides), mode=mode, state=state and [state_message(state)])


def state_message(state: Mapping[str, Any]) -> AirbyteStateMessage:
    return AirbyteStateMessage(
        type=AirbyteStateType.STREAM,
        stream=AirbyteStreamState(StreamDescriptor(name=DAILY), AirbyteStateBlob(dict(state))),
    )


def states(output: EntrypointOutput) -> list[dict[str, Any]]:
    """The printed states, as parsed JSON."""
    found = [message.state.stream.stream_state for message in output.state_messages]
    return [json.loads(json.dumps(state, default=vars)) for state in found]


def rows(output: EntrypointOutput) -> Rows:
    """The rows by primary key. Fails on duplicates."""
    found = records(output, DAILY)
    by_key = {(row["campaign_id"], row["date"]): row for row in found}
    assert len(by_key) == len(found)
    return by_key


def truth(
    account: Account, first: date | None = None, last: date | None = None, reading: Settings | None = None
) -> Rows:
    """The expected rows of each day of each started campaign: of the day before its start too, if that has figures.

    first, last: limit the days. reading: how the API counts days, if not as documented.
    """
    found: Rows = {}
    for campaign in account.campaigns.values():
        if campaign.started_at is None:
            continue
        began = day_of(campaign.started_at, FURTHEST_BEHIND)
        for day in days(max(began, first or began), min(account.today, last or account.today)):
            figures = account.analytics([campaign.id], day, day, reading=reading)
            values = {name: as_number(value) for name, value in figures.items()}
            if day >= day_of(campaign.started_at) or any(values.values()):
                found[campaign.id, str(day)] = {"campaign_id": campaign.id, "date": str(day), **values}
    return found


def days(first: date, last: date) -> Iterable[date]:
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def asked(requests: Sequence[Record]) -> list[tuple[list[int], str, str]]:
    """The campaigns, first and last day of each request of analytics."""
    return [
        (
            [int(campaign) for campaign in record.query["campaign_id"][0].split(",")],
            record.query["date_from"][0],
            record.query["date_to"][0],
        )
        for record in requests
        if record.path == ANALYTICS_PATH
    ]


def as_number(value: Any) -> Any:
    """A percentage such as "61%" as a number; anything else as it is."""
    return int(value.removesuffix("%")) if isinstance(value, str) and value.endswith("%") else value
