"""Long histories are read from the newest days backwards, across all campaigns and streams."""

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from source_snov.incremental import partitions
from source_snov.records.figures import digest_of_filters
from unit_tests._daily import TODAY, ago
from unit_tests._daily import truth as true_days
from unit_tests._helpers import Clock, logs, records
from unit_tests._names import ACTIVITY, DAILY
from unit_tests._states import earlier
from unit_tests._streams import FIRST, HISTORIES, account, last_states, stable_rows, story, together

STREAMS = (DAILY, ACTIVITY)

AGES = ((200, 150, 125, 119, 90, 33, 32, 31, 30, 29, 3), (160, 122, 121, 120, 31, 30, 1), (70, 45, 10), (20, 2), (180,))
"""Ages in days of the events of each campaign, each of which also has one on the day after."""

Key = tuple[int, str]
DAYS_WITH_EVENTS = {
    (FIRST + number, str(ago(age))) for number, ages in enumerate(AGES) for age in (*ages, ages[-1] - 1)
}


@pytest.fixture(autouse=True)
def always_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partitions, "FEW_REQUESTS", 0)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(account(*(story(*ages) for ages in AGES)), UNLIMITED) as running:
        yield running


def key_of(stream: str, row: dict[str, Any]) -> Key:
    return row["campaign_id"], row[HISTORIES[stream]["cursor_field"]][:10]


def found(stream: str, *outputs: EntrypointOutput) -> set[Key]:
    """The campaigns and days of the records."""
    return {key_of(stream, row) for output in outputs for row in records(output, stream)}


def assert_complete(sandbox: Sandbox, *outputs: EntrypointOutput) -> None:
    """Whether syncs one after another leave the true rows."""
    days = {key_of(DAILY, row): row for output in outputs for row in records(output, DAILY)}
    assert days == true_days(sandbox.account)
    assert found(ACTIVITY, *outputs) == DAYS_WITH_EVENTS


def part_of(stream: str, day: str) -> int:
    """The part of a history that a day belongs to, as the manifest says."""
    return sum((TODAY - date.fromisoformat(day)).days >= age for age in HISTORIES[stream]["parts"])


@pytest.mark.parametrize("workers", [1, 4])
def test_newer_days_of_all_campaigns_and_streams_come_before_older_ones(sandbox: Sandbox, workers: int) -> None:
    output = together(sandbox, STREAMS, num_workers=workers)
    assert_complete(sandbox, output)
    keys = ((each.record.stream, *key_of(each.record.stream, each.record.data)) for each in output.records)
    parts = list(dict.fromkeys((part_of(stream, day), stream, campaign) for stream, campaign, day in keys))
    assert len(parts) > 20
    # A worker may be done with all that is there before the second stream is listed.
    early = sum(any(later[0] < part[0] for later in parts[number:]) for number, part in enumerate(parts))
    assert early <= workers


@pytest.mark.long
@pytest.mark.parametrize("later", [0, 1, 3])
@pytest.mark.parametrize("after", range(4, 130, 14))
def test_a_sync_that_stops_anywhere_goes_on_where_it_was(
    sandbox: Sandbox, clock: Clock, after: int, later: int
) -> None:
    """later: days until the next sync; an interrupted one is continued on its day and the next."""
    sandbox.add_fault(faults.server_error(path="statistics|recipients-activity", skip=after, times=None))
    stopped = together(sandbox, STREAMS)
    sandbox.clear_faults()
    sandbox.clear()
    states = {name: earlier(state, later) for name, state in last_states(stopped).items()}
    resumed = together(sandbox, STREAMS, states)
    assert not resumed.errors
    assert_complete(sandbox, stopped, resumed)
    if not later:
        twice = found(DAILY, stopped) & found(DAILY, resumed)
        # What was read after the last state, of which there is one at the end of a stream that fails.
        assert len(twice) <= 15 * len(AGES)


@pytest.mark.parametrize("began", [ago(34), None])
def test_days_before_an_older_part_that_was_interrupted_are_read(sandbox: Sandbox, began: date | None) -> None:
    """Such as days that were left out then. States of earlier builds do not say where the part began."""
    known = {"since": str(ago(9)), "until": str(TODAY), "next": str(ago(20))}
    older = {"older": str(began)} if began else {}
    unfinished = {"day": str(TODAY), "start_date": "", "mode": "incremental"}
    for stream, name in ((DAILY, {"filters": digest_of_filters({})}), (ACTIVITY, {"asked_to": "the day after"})):
        state = {"campaigns": {str(FIRST): known | older}, "unfinished": unfinished, **name}
        output = together(sandbox, [stream], {stream: state}, campaign_ids=[FIRST])
        expected = {day for one, day in true_days(sandbox.account) if one == FIRST}
        if stream == ACTIVITY:
            expected = {day for one, day in DAYS_WITH_EVENTS if one == FIRST}
        assert {day for _, day in found(stream, output)} == {day for day in expected if day < str(ago(9))}


def test_an_older_part_keeps_its_progress_over_midnight(sandbox: Sandbox, clock: Clock) -> None:
    """The day of the interruption is read again, and then the older part does not come further."""
    known = {"since": str(ago(31)), "until": str(ago(1)), "next": str(ago(100)), "older": str(ago(122))}
    unfinished = {"day": str(ago(1)), "start_date": "", "mode": "incremental"}
    older = "|".join(str(ago(days)) for days in range(33, 400))
    sandbox.add_fault(faults.server_error(path=f"date_from=({older})", times=None))
    state = {"campaigns": {str(FIRST): known}, "unfinished": unfinished}
    output = together(sandbox, [DAILY], {DAILY: state}, campaign_ids=[FIRST])
    assert {day for _, day in found(DAILY, output)} == {str(ago(1)), str(TODAY)}
    left = last_states(output)[DAILY]["campaigns"][str(FIRST)]
    assert {name: left[name] for name in known} == known | {"until": str(TODAY)}


@pytest.mark.long
@pytest.mark.parametrize(
    "reading",
    [
        {"first_id_only": True},
        {"several_ids_empty": True},
        {"last_day_left_out": frozenset({"analytics", "activity"})},
        {"future_days_refused": True},
        {"future_days_empty": True},
        {"most_days": 31},
        {"too_large": 60, "too_large_status": 413},
        {"on_the_day_of_the_mail": True},
        {"day_offset_hours": 9},
        {"day_offset_hours": -8},
    ],
    ids=lambda reading: "-".join(sorted(reading)) + str(reading.get("day_offset_hours", "")),
)
def test_under_every_reading_parts_have_the_rows_of_a_history_in_one_piece(
    reading: dict[str, Any], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(account(*(story(*ages) for ages in AGES)), replace(UNLIMITED, **reading)) as sandbox:
        in_parts = together(sandbox, STREAMS)
        monkeypatch.setattr(partitions, "FEW_REQUESTS", math.inf)
        whole = together(sandbox, STREAMS, skip_quiet_campaigns=False)
    for stream in STREAMS:
        assert stable_rows(in_parts, stream) == stable_rows(whole, stream) != []
    assert found(ACTIVITY, in_parts) == DAYS_WITH_EVENTS


def test_an_earlier_start_brings_the_look_back_and_what_is_missing_before(sandbox: Sandbox) -> None:
    first = together(sandbox, STREAMS, start_date=str(ago(60)))
    second = together(sandbox, STREAMS, last_states(first))
    assert_complete(sandbox, first, second)
    known = {str(ago(age)) for age in range(15, 61)}
    assert not {day for _, day in found(DAILY, second) | found(ACTIVITY, second)} & known


def test_a_state_never_says_more_than_was_read(sandbox: Sandbox) -> None:
    # The newest days of one campaign take long, while older ones of others are read.
    sandbox.add_fault(faults.delay(0.2, path=f"campaign_id={FIRST}&", times=20))
    output = together(sandbox, STREAMS, num_workers=4)
    expected = {DAILY: set(true_days(sandbox.account)), ACTIVITY: DAYS_WITH_EVENTS}
    seen: dict[str, set[Key]] = {name: set() for name in STREAMS}
    states = 0
    for message in output.get_message_iterator():
        if message.record:
            seen[message.record.stream].add(key_of(message.record.stream, message.record.data))
        elif message.state:
            stream = message.state.stream.stream_descriptor.name
            states += 1
            assert set(_said(message.state.stream.stream_state, expected[stream])) <= seen[stream]
    assert states > 4
    assert seen == expected


def _said(stream_state: Any, expected: Iterable[Key]) -> Iterator[Key]:
    """What a state says is read, of what there is."""
    state = json.loads(json.dumps(stream_state, default=vars))
    for campaign, known in state["campaigns"].items():
        yield from (key for key in expected if key[0] == int(campaign) and known["since"] <= key[1] <= known["until"])


def test_events_are_not_requested_for_days_that_the_daily_history_knows_as_quiet(sandbox: Sandbox) -> None:
    # In one thread, the daily history of each part is read before the events.
    assert_complete(sandbox, together(sandbox, STREAMS, num_workers=1))
    long_silent = FIRST + len(AGES) - 1
    asked = [
        each.query["dateFrom"] for each in sandbox.requests if each.path.endswith(f"/{long_silent}/recipients-activity")
    ]
    assert asked == [[str(ago(181))]]


@pytest.mark.parametrize("after", [6, 10, 40, 70])
def test_a_campaign_that_is_deleted_meanwhile_is_skipped_once_and_the_others_are_complete(
    sandbox: Sandbox, after: int
) -> None:
    sandbox.add_fault(faults.campaign_deleted(FIRST, skip=after, times=None))
    output = together(sandbox, STREAMS, num_workers=4)
    assert not output.errors
    skipped = [text for text in logs(output, "WARN") if f"campaign {FIRST} is skipped" in text]
    assert len(skipped) == len({text.split(":")[0] for text in skipped})
    # The analytics of several campaigns may say that nothing happened in it, before a request about it alone is made.
    assert bool(skipped) == any(each.status in (404, 422) for each in sandbox.requests)
    for stream, every in ((DAILY, set(true_days(sandbox.account))), (ACTIVITY, DAYS_WITH_EVENTS)):
        assert {key for key in found(stream, output) if key[0] != FIRST} == {key for key in every if key[0] != FIRST}
        state = last_states(output)[stream]
        # Of the deleted one, the analytics of several campaigns may already say that nothing happened.
        assert {key for key in _said(state, every) if key[0] != FIRST} <= found(stream, output)
        assert "unfinished" not in state
