"""The incremental streams of events and warm-ups: what a second sync reads, and what limits a first one."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from airbyte_cdk.models import SyncMode
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world.account import Account, Event
from sandbox.world.belongings import WarmUp
from sandbox.world.events import CLICK, FIRST_EMAIL, FOLLOW_UP, OPEN, REPLY
from unit_tests._daily import TODAY, ago, days, states
from unit_tests._helpers import Clock, failure, records
from unit_tests._streams import FIRST, INCREMENTAL, SECOND, THIRD, account, at, incremental, last_states, together

ACTIVITY, WARM_UP = "campaign_recipients_activity", "warm_up_daily_statistics"
ENTITY = {WARM_UP: "warm_up_id"}
CURSOR = {ACTIVITY: "event_time", WARM_UP: "date"}

AGES = {FIRST: (100, 70, 69, 40, 15, 14, 13, 0), SECOND: (40, 5, 1)}
"""Ages in days of each campaign's events, one of each kind per day. Warm-ups with the same ids send every day since."""


def story(ages: tuple[int, ...]) -> list[Event]:
    return [
        Event(at(ago(age), minute), kind, person, 55001)
        for person, age in enumerate(ages, 1)
        for minute, kind in enumerate((FIRST_EMAIL, OPEN, CLICK, REPLY))
    ]


def warm_up(number: int, age: int) -> WarmUp:
    return WarmUp(number, "active", 55001, ago(age))


def two(**others: Any) -> Account:
    """Two campaigns with events and one that never started; two warm-ups and a future one."""
    made = account(*(story(ages) for ages in AGES.values()), [], started=[ago(100), ago(40), None], **others)
    made.belongings.warm_ups = [warm_up(FIRST, 100), warm_up(SECOND, 40), warm_up(THIRD, -3)]
    return made


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(two(), UNLIMITED) as running:
        yield running


def found(output: EntrypointOutput, stream: str) -> set[tuple[int, str]]:
    """The campaign or warm-up and the day of each record."""
    assert not output.errors
    return {
        (row[ENTITY.get(stream, "campaign_id")], row[CURSOR.get(stream, "occurred_at")][:10])
        for row in records(output, stream)
    }


def truth(stream: str, first: date | None = None, last: date | None = None, **ages: Any) -> set[tuple[int, str]]:
    every = {
        (entity, day)
        for entity, known in (ages.get("ages") or AGES).items()
        for day in (days(ago(known[0]), TODAY) if stream == WARM_UP else map(ago, known))
    }
    return {(entity, str(day)) for entity, day in every if (first or day) <= day <= (last or day)}


def dates(sandbox: Sandbox) -> list[tuple[date, date]]:
    """The requested windows of all endpoints that take dates."""
    names = (("dateFrom", "dateTo"), ("date_from", "date_to"))
    return [
        (date.fromisoformat(record.query[first][0]), date.fromisoformat(record.query[last][0]))
        for record in sandbox.requests
        for first, last in names
        if first in record.query
    ]


def test_a_second_sync_emits_the_look_back_and_what_is_new_as_a_whole(sandbox: Sandbox) -> None:
    first = together(sandbox, INCREMENTAL)
    before = last_states(first)
    for stream in INCREMENTAL:
        assert found(first, stream) == truth(stream)
        entities = "warm_ups" if stream == WARM_UP else "campaigns"
        said = {"asked_to": "the day after"} if stream in (ACTIVITY, WARM_UP) else {}
        # Its requests name days, whose time zone is undocumented.
        before_start = int(stream == ACTIVITY)
        assert before[stream] == said | {
            entities: {
                str(one): {"since": str(ago(ages[0] + before_start)), "until": str(TODAY), "last_active": max(days)}
                for one, ages in AGES.items()
                for days in [[key[1][:10] for key in truth(stream) if key[0] == one]]
            }
        }

    sandbox.clear()
    sandbox.account.add_campaign(*_later())
    sandbox.account.belongings.warm_ups.append(warm_up(920_001, 60))
    second = together(sandbox, INCREMENTAL, before)
    for stream in INCREMENTAL:
        expected = truth(stream, ago(14)) | truth(stream, ages={920_001: (60, 30, 0)})
        assert found(second, stream) == expected
        assert len(records(second, stream)) == len(expected) * (4 if stream == ACTIVITY else 1)
    assert min(first for first, _ in dates(sandbox)) == ago(61)


def _later() -> tuple[Any, list[Event]]:
    """A campaign that is listed only from now on."""
    other = account(story((60, 30, 0)))
    [campaign] = other.campaigns.values()
    campaign.id = 920_001
    return campaign, list(other.events(FIRST))


def test_a_full_refresh_ignores_the_state(sandbox: Sandbox) -> None:
    before = last_states(together(sandbox, INCREMENTAL))
    output = together(sandbox, INCREMENTAL, before, mode=SyncMode.full_refresh)
    for stream in INCREMENTAL:
        assert found(output, stream) == truth(stream)


def test_the_period_bounds_records_and_requests(sandbox: Sandbox) -> None:
    output = together(sandbox, INCREMENTAL, start_date=str(ago(69)), end_date=str(ago(5)))
    for stream in INCREMENTAL:
        assert found(output, stream) == truth(stream, ago(69), ago(5))
    # One day more, because the API may leave out the last one.
    assert all(ago(69) <= first <= last <= ago(4) for first, last in dates(sandbox))
    # The third was never started.
    assert not any(str(THIRD) in record.path or [str(THIRD)] in record.query.values() for record in sandbox.requests)


def test_windows_of_activity_have_30_days_and_one_day_more_is_requested(sandbox: Sandbox) -> None:
    output = incremental(sandbox, ACTIVITY, num_workers=1)
    assert dates(sandbox) == [
        # Started in the morning in UTC, it began the day before in some time zones.
        (ago(101), ago(71)),
        (ago(71), ago(41)),
        (ago(41), ago(11)),
        (ago(11), ago(-1)),
        (ago(41), ago(11)),
        (ago(11), ago(-1)),
    ]
    assert len(records(output, ACTIVITY)) == 4 * sum(map(len, AGES.values()))


@pytest.mark.parametrize("lookback", [0, 40])
def test_the_look_back_is_as_configured(sandbox: Sandbox, lookback: int) -> None:
    state = states(incremental(sandbox, ACTIVITY, end_date=str(ago(5))))[-1]
    sandbox.clear()
    output = incremental(sandbox, ACTIVITY, state, lookback_days=lookback)
    assert found(output, ACTIVITY) == truth(ACTIVITY, ago(5 + lookback))
    assert min(first for first, _ in dates(sandbox)) == max(ago(5 + lookback), ago(100))


def test_an_earlier_start_date_brings_the_earlier_events(sandbox: Sandbox) -> None:
    state = states(incremental(sandbox, "emails_sent", start_date=str(ago(14))))[-1]
    output = incremental(sandbox, "emails_sent", state, start_date=str(ago(70)))
    assert found(output, "emails_sent") == truth("emails_sent", ago(70))


@pytest.mark.parametrize(
    ("stream", "skip", "mode"),
    [
        (ACTIVITY, 2, SyncMode.incremental),
        (ACTIVITY, 2, SyncMode.full_refresh),
        ("emails_sent", 1, SyncMode.full_refresh),
        (WARM_UP, 1, SyncMode.incremental),
    ],
)
def test_an_interrupted_sync_continues_where_it_stopped(
    sandbox: Sandbox, clock: Clock, stream: str, skip: int, mode: SyncMode
) -> None:
    path = {ACTIVITY: "recipients-activity", "emails_sent": "emails-sent", WARM_UP: "warm-up/statistics"}[stream]
    sandbox.add_fault(faults.server_error(path=path, skip=skip, times=None))
    broken = incremental(sandbox, stream, mode=mode, num_workers=1)
    assert failure(broken, stream).failure_type.value == "transient_error"
    state = states(broken)[-1]
    assert state["unfinished"]["day"] == str(TODAY)
    before = records(broken, stream)
    assert before

    sandbox.clear()
    rest = incremental(sandbox, stream, state, mode=mode)
    entity, cursor = ENTITY.get(stream, "campaign_id"), CURSOR.get(stream, "occurred_at")
    read = {(row[entity], row[cursor][:10]) for row in before}
    assert found(rest, stream) == truth(stream) - read
    assert "unfinished" not in states(rest)[-1]


def test_a_deleted_campaign_loses_its_state_and_a_missing_one_keeps_it(sandbox: Sandbox) -> None:
    state = states(incremental(sandbox, "email_opens"))[-1]
    sandbox.add_fault(faults.not_found(path=f"campaignId={SECOND}", times=None))
    assert states(incremental(sandbox, "email_opens", state))[-1] == state
    sandbox.clear()
    sandbox.account.remove_campaign(SECOND)
    assert [*states(incremental(sandbox, "email_opens", state))[-1]["campaigns"]] == [str(FIRST)]


def test_late_events_on_a_day_already_read_come_with_the_look_back(sandbox: Sandbox) -> None:
    state = states(incremental(sandbox, "emails_sent", end_date=str(ago(1))))[-1]
    late = Event(at(ago(1), 23, 59, 59), FOLLOW_UP, 9, 55001, 1)
    sandbox.account.add_events(FIRST, [late, Event(late.at + 1, FOLLOW_UP, 10, 55001, 1)])
    output = incremental(sandbox, "emails_sent", state, lookback_days=0)
    assert found(output, "emails_sent") == truth("emails_sent", ago(1)) | {(FIRST, str(ago(1)))}
    assert len(records(output, "emails_sent")) == 4


def test_a_future_warm_up_is_read_once_it_has_begun(sandbox: Sandbox) -> None:
    state = states(incremental(sandbox, WARM_UP))[-1]
    sandbox.account.belongings.warm_ups[-1] = warm_up(THIRD, 20)
    output = incremental(sandbox, WARM_UP, state)
    assert found(output, WARM_UP) == truth(WARM_UP, ago(14)) | truth(WARM_UP, ages={THIRD: (20,)})


def test_a_state_never_runs_ahead_of_its_records() -> None:
    stories = [story((90, 60, 30, 1)) for _ in range(6)]
    with Sandbox(account(*stories), UNLIMITED) as sandbox:
        output = incremental(sandbox, ACTIVITY)
    emitted: set[tuple[int, str]] = set()
    every = {(FIRST + number, str(ago(age))) for number in range(6) for age in (90, 60, 30, 1)}
    for message in output.get_message_iterator():
        if message.record:
            data = message.record.data
            emitted.add((data["campaign_id"], data["event_time"][:10]))
        elif message.state:
            for campaign, known in vars(message.state.stream.stream_state)["campaigns"].items():
                state = known if isinstance(known, dict) else vars(known)
                said = {key for key in every if key[0] == int(campaign) and state["since"] <= key[1] <= state["until"]}
                assert said <= emitted
    assert emitted == every


def test_a_future_last_day_counts_as_today_and_one_day_more_is_requested(sandbox: Sandbox) -> None:
    incremental(sandbox, WARM_UP, end_date=str(TODAY + timedelta(days=30)))
    assert {last for _, last in dates(sandbox)} == {TODAY + timedelta(days=1)}
