"""Campaigns in which nothing happened are not asked about, and no record is lost for it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from airbyte_cdk.models import SyncMode

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED, Settings
from sandbox.world.account import Account
from sandbox.world.events import FIRST_EMAIL, OPEN, REPLY, Event
from unit_tests._daily import TODAY, ago
from unit_tests._helpers import Clock, logs, records
from unit_tests._names import ACTIVITY, ANALYTICS_PATH, CAMPAIGNS_PATH, DAILY, TOKEN_PATH
from unit_tests._states import earlier
from unit_tests._streams import (
    EVENT_LISTS,
    account,
    at,
    last_states,
    requests_by_path,
    stable_rows,
    story,
    strict,
    together,
)

REPLIES, FINISHED = "campaign_replies", "finished_prospects"
EVENTS = (ACTIVITY, *EVENT_LISTS)
SKIPPING = (*EVENTS, REPLIES, FINISHED)
"""The streams that do not ask about a quiet campaign."""

BUSY, QUIET = 3, 14


def few_at_work() -> Account:
    """Campaigns at work, the last of them with a late reply alone, then ones long silent, then ones never started."""
    busy = [story(80, 20, 9, 3, 2) for _ in range(BUSY - 1)]
    busy.append([*story(90, 85, 80), Event(at(ago(2)), REPLY, 1, 55001)])
    quiet = [story(90, 85, 80) for _ in range(QUIET)]
    made = account(*busy, *quiet, [], [], started=[*[ago(90)] * (BUSY + QUIET), None, None], furnished=True)
    for number, campaign in enumerate(made.campaigns.values()):
        campaign.status = "Active" if number < BUSY else "Completed" if campaign.started_at else "Draft"
    return made


def shifted(states: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The states that the same sync would have left yesterday."""
    return {stream: earlier(state) for stream, state in states.items()}


def per_campaign(sandbox: Sandbox) -> int:
    """Requests about something of one campaign."""
    return sum(
        count
        for path, count in requests_by_path(sandbox).items()
        if path not in (TOKEN_PATH, CAMPAIGNS_PATH, ANALYTICS_PATH)
    )


@pytest.mark.parametrize("beside", [(), (DAILY,)], ids=["alone", "with the daily history"])
def test_the_next_morning_asks_about_the_campaigns_at_work_only(beside: Sequence[str]) -> None:
    streams = (*SKIPPING, *beside)
    with Sandbox(few_at_work(), UNLIMITED) as sandbox:
        states = shifted(last_states(together(sandbox, streams)))
        sandbox.clear()
        every = together(sandbox, streams, states, skip_quiet_campaigns=False, refresh_after_days=30)
        all_asked = per_campaign(sandbox)
        sandbox.clear()
        output = together(sandbox, streams, states, refresh_after_days=30)
        few_asked = per_campaign(sandbox)
        grouped = requests_by_path(sandbox)[ANALYTICS_PATH]
    for stream in EVENTS:
        assert stable_rows(output, stream) == stable_rows(every, stream)
        assert stable_rows(output, stream)
    assert all_asked >= len(EVENTS) * (BUSY + QUIET)
    # A few turns of the refresh, and an empty page of the replies.
    assert few_asked <= len(SKIPPING) * BUSY * 2 + 3 * QUIET / 30 * 2
    if not beside:
        assert grouped <= 20


@pytest.mark.parametrize("mode", list(SyncMode))
def test_a_first_sync_loses_nothing(mode: SyncMode) -> None:
    with Sandbox(few_at_work(), UNLIMITED) as sandbox:
        every = together(sandbox, SKIPPING, mode=mode, skip_quiet_campaigns=False)
        sandbox.clear()
        output = together(sandbox, SKIPPING, mode=mode)
        never_started = [campaign.id for campaign in sandbox.account.campaigns.values() if not campaign.started_at]
        paths = list(requests_by_path(sandbox))
        listed = [each.query.get("campaignId", [""])[0] for each in sandbox.requests]
    for stream in SKIPPING:
        assert stable_rows(output, stream) == stable_rows(every, stream)
    assert never_started
    assert not [path for path in paths for one in never_started if f"/{one}/" in path]
    assert not {str(one) for one in never_started} & set(listed)


def test_with_a_start_date_campaigns_quiet_since_are_not_asked_about() -> None:
    with Sandbox(few_at_work(), UNLIMITED) as sandbox:
        every = together(sandbox, EVENTS, start_date=str(ago(30)), skip_quiet_campaigns=False)
        sandbox.clear()
        output = together(sandbox, EVENTS, start_date=str(ago(30)))
        assert per_campaign(sandbox) <= len(EVENTS) * BUSY * 2
    for stream in EVENTS:
        assert stable_rows(output, stream) == stable_rows(every, stream)


def test_a_campaign_that_wakes_up_is_read() -> None:
    made = few_at_work()
    with Sandbox(made, UNLIMITED) as sandbox:
        states = shifted(last_states(together(sandbox, SKIPPING)))
        woken = [campaign for campaign in made.campaigns.values() if campaign.status == "Completed"][10]
        late = Event(at(TODAY) - 3600 * 9 + 60, REPLY, 1, 55001)
        sandbox.account.replace_events(woken.id, [*made.events(woken.id), late])
        output = together(sandbox, SKIPPING, states, refresh_after_days=30)
    for stream in (ACTIVITY, "email_replies", REPLIES):
        assert woken.id in {row["campaign_id"] for row in records(output, stream)}, stream


@pytest.mark.parametrize("refused", [False, True])
def test_that_today_of_a_quiet_campaign_comes_later_is_said(refused: bool, clock: Clock) -> None:
    settings = replace(UNLIMITED, last_day_left_out=frozenset({"analytics"}), future_days_refused=refused)
    with Sandbox(few_at_work(), settings) as sandbox:
        states = shifted(last_states(together(sandbox, SKIPPING)))
        output = together(sandbox, SKIPPING, states, refresh_after_days=30)
    assert not output.errors
    assert len([line for line in logs(output, "WARN") if "that were quiet until yesterday" in line]) == refused


@pytest.mark.parametrize("drafts", [1, 3])
def test_totals_of_campaigns_that_were_never_started_are_numbers(drafts: int) -> None:
    """One of them is asked about alone, several together."""
    stream = "campaign_analytics"
    made = account(story(40, 30), *([] for _ in range(drafts)), started=[ago(40), *(None for _ in range(drafts))])
    with Sandbox(made, UNLIMITED) as sandbox:
        every = together(sandbox, (stream,), skip_quiet_campaigns=False)
        output = together(sandbox, (stream,))
    assert stable_rows(output, stream) == stable_rows(every, stream)
    assert len(records(output, stream)) == drafts + 1
    for record in records(output, stream):
        strict(stream).validate(record)


@pytest.mark.parametrize("days", [0, 1, 20])
def test_quiet_campaigns_are_not_asked_about_also_if_they_were_drafts_before(days: int) -> None:
    busy = [Event(at(ago(40)), FIRST_EMAIL, 1, 55001), Event(at(ago(30)), OPEN, 1, 55001)]
    started = [ago(40), ago(40), *(ago(35 - number) for number in range(10))]
    made = account(busy, busy, *([] for _ in range(10)), started=started)
    for campaign in made.campaigns.values():
        campaign.created_at -= days * 86_400
    with Sandbox(made, UNLIMITED) as sandbox:
        output = together(sandbox, (DAILY, FINISHED, REPLIES))
        assert not output.errors
        assert sandbox.count("all-replies") == 2
        # Prospects may have gone through steps that no figure counts.
        assert sandbox.count("prospect-finished") == len(started)


@pytest.mark.long
@pytest.mark.parametrize(
    "reading",
    [
        {"first_id_only": True},
        {"several_ids_empty": True},
        {"last_day_left_out": frozenset({"analytics"})},
        {"last_day_left_out": frozenset({"analytics", "activity"}), "future_days_refused": True},
        {"future_days_empty": True},
        {"most_days": 31},
        {"too_large": 100, "too_large_status": 413},
        {"unknown_ids": "not_found"},
        {"on_the_day_of_the_mail": True},
        {"day_offset_hours": 9},
        {"day_offset_hours": -8},
    ],
    ids=lambda reading: "-".join(sorted(reading)) + str(reading.get("day_offset_hours", "")),
)
@pytest.mark.parametrize("beside", [(), (DAILY,)], ids=["alone", "with the daily history"])
def test_under_every_reading_the_rows_are_those_of_asking_about_each(
    reading: Mapping[str, Any], beside: Sequence[str], clock: Clock
) -> None:
    streams = (*EVENTS, REPLIES, *beside)
    with Sandbox(few_at_work(), Settings(requests_per_minute=None, **reading)) as sandbox:
        every = together(sandbox, streams, skip_quiet_campaigns=False)
        first = together(sandbox, streams)
        states = shifted(last_states(every))
        every_again = together(sandbox, streams, states, skip_quiet_campaigns=False, refresh_after_days=1)
        second = together(sandbox, streams, states, refresh_after_days=30)
    for stream in (*EVENTS, REPLIES):
        assert stable_rows(first, stream) == stable_rows(every, stream), stream
    for stream in EVENTS:
        assert stable_rows(second, stream) == stable_rows(every_again, stream), stream


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_where_the_survey_is_refused_each_campaign_is_asked_about(status: int, clock: Clock) -> None:
    with Sandbox(few_at_work(), UNLIMITED) as sandbox:
        every = together(sandbox, EVENT_LISTS, start_date=str(ago(30)), skip_quiet_campaigns=False)
        sandbox.add_fault(faults.answer(status, {"errors": "No"}, path=ANALYTICS_PATH, times=None))
        output = together(sandbox, EVENT_LISTS, start_date=str(ago(30)))
    for stream in EVENT_LISTS:
        assert stable_rows(output, stream) == stable_rows(every, stream)


def test_filters_of_analytics_hide_no_events() -> None:
    with Sandbox(few_at_work(), UNLIMITED) as sandbox:
        every = together(sandbox, (*EVENTS, DAILY), skip_quiet_campaigns=False)
        output = together(sandbox, (*EVENTS, DAILY), sender_email_ids=[99_999])
    for stream in EVENTS:
        assert stable_rows(output, stream) == stable_rows(every, stream)
    assert not any(row["emails_sent"] for row in records(output, DAILY))
    assert not logs(output, "WARN")


def test_events_on_days_that_are_zero_in_analytics_are_named_in_a_warning() -> None:
    story = [Event(at(ago(age)), FIRST_EMAIL, 1, 55001) for age in range(60, 2, -4)]
    opened = [Event(at(ago(age)), OPEN, 1, 55001) for age in range(58, 2, -4)]
    for reading in (False, True):
        with Sandbox(account([*story, *opened]), replace(UNLIMITED, silent_events=reading)) as sandbox:
            output = together(sandbox, (DAILY, ACTIVITY), num_workers=1)
        assert not output.errors
        warnings = [text for text in logs(output, "WARN") if "has events on" in text]
        assert [text.split(": ")[0] for text in warnings] == [ACTIVITY] * reading
