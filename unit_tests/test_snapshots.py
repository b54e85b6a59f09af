"""Incrementally, streams that say how something stands read again only what may have changed."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from airbyte_cdk.models import SyncMode

from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world.account import Account
from sandbox.world.events import FINISHED, FIRST_EMAIL, OPEN, REPLY, Event
from source_snov.incremental.plan import FIRST_LOOK
from unit_tests._daily import TODAY, ago
from unit_tests._helpers import records
from unit_tests._states import earlier
from unit_tests._streams import (
    CHILDREN,
    FIRST,
    SNAPSHOTS,
    account,
    at,
    catalog,
    incremental,
    last_states,
    stable_rows,
    story,
    together,
)

ENTITY = {"campaign_settings": "id", "sender_analytics": "sender_email_id"}
OF_CAMPAIGNS = tuple(stream for stream in SNAPSHOTS if stream not in CHILDREN)
MOVING = ("campaign_progress", "finished_prospects", "recipient_statuses")
CHANGED_BY_ACTIVITY = tuple(stream for stream in OF_CAMPAIGNS if stream != "campaign_step_contents")

CAMPAIGNS = 56
"""Campaigns, all of them completed and long silent."""


def silent() -> Account:
    """In each, somebody is through with the sequence, so that every stream has a record of it."""
    finished = Event(at(ago(84)), FINISHED, 1, 55001)
    made = account(*([*story(90, 85), finished] for _ in range(CAMPAIGNS)), furnished=True)
    for campaign in made.campaigns.values():
        campaign.status = "Completed"
    return made


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(silent(), UNLIMITED) as running:
        yield running


def read(output: Any, stream: str) -> set[int]:
    """The campaigns (or senders) with a record."""
    assert not output.errors
    return {row[ENTITY.get(stream, "campaign_id")] for row in records(output, stream)}


def state_of(sandbox: Sandbox, stream: str, days: int = 1, **config: Any) -> Mapping[str, Any]:
    """The state that a first sync made some days ago leaves."""
    return earlier(last_states(incremental(sandbox, stream, **config))[stream], days)


def quietly(sandbox: Sandbox, stream: str, state: Mapping[str, Any], **config: Any) -> set[int]:
    """What a sync reads again for another reason than its turn."""
    return read(incremental(sandbox, stream, state, **{"refresh_after_days": 30} | config), stream) - turns(30)


def turns(days: int) -> set[int]:
    """The campaigns whose turn of the refresh is today."""
    return {FIRST + rank for rank in range(CAMPAIGNS) if (TODAY.toordinal() + rank) % days == 0}


def test_they_are_incremental_by_the_time_at_which_they_were_read() -> None:
    found = catalog()
    for stream in SNAPSHOTS:
        assert found[stream].default_cursor_field == ["checked_at"]
        assert found[stream].source_defined_cursor
        assert found[stream].supported_sync_modes == [SyncMode.full_refresh, SyncMode.incremental]


@pytest.mark.parametrize("stream", OF_CAMPAIGNS)
def test_a_quiet_campaign_is_not_read_again(sandbox: Sandbox, stream: str) -> None:
    state = state_of(sandbox, stream)
    assert sorted(map(int, state["campaigns"])) == sorted(sandbox.account.campaigns)
    assert quietly(sandbox, stream, state) == set()


def test_those_who_went_through_steps_that_no_figure_counts_are_found() -> None:
    """Such as visits to a profile (API reference 2.2)."""
    finished = Event(at(ago(60)), FINISHED, 1, 55001)
    # A late open shows that analytics count by the day of the event, so that the others count as quiet.
    late = [Event(at(ago(90)), FIRST_EMAIL, 1, 55001), Event(at(ago(70)), OPEN, 1, 55001), finished]
    with Sandbox(account(late, *[[finished]] * (CAMPAIGNS - 1)), UNLIMITED) as sandbox:
        output = incremental(sandbox, "finished_prospects", refresh_after_days=30)
        assert read(output, "finished_prospects") == {*sandbox.account.campaigns}


@pytest.mark.parametrize("stream", CHANGED_BY_ACTIVITY)
def test_one_that_was_active_since_is(sandbox: Sandbox, stream: str) -> None:
    state = state_of(sandbox, stream)
    busy = FIRST + 4
    events = [*sandbox.account.events(busy), Event(at(ago(1)), FIRST_EMAIL, 9, 55001)]
    sandbox.account.replace_events(busy, events)
    again = quietly(sandbox, stream, state)
    assert again >= {busy} - turns(30)
    # To ask about each of the last two by itself would take as much as to read both.
    assert len(again - {busy}) <= 1


@pytest.mark.parametrize("statuses_tell", [True, False])
def test_those_at_work_do_not_hide_that_the_others_are_quiet(statuses_tell: bool) -> None:
    """They come first in the list: what is learnt of them alone would have each of the others read again."""
    made = silent()
    busy = [FIRST + number for number in range(20)]
    for campaign in made.campaigns:
        # A late open shows on which day analytics count.
        late = [Event(at(ago(80)), OPEN, 1, 55001)]
        if campaign in busy:
            late += [Event(at(ago(age)), FIRST_EMAIL, 9, 55001) for age in range(10)]
        if campaign in busy or not statuses_tell:
            made.campaigns[campaign].status = "Active"
        made.replace_events(campaign, [*made.events(campaign), *late])
    streams = ("campaign_analytics", "campaign_replies", "campaign_settings")
    with Sandbox(made, UNLIMITED) as sandbox:
        states = {stream: earlier(state) for stream, state in last_states(together(sandbox, streams)).items()}
        sandbox.clear()
        output = together(sandbox, streams, states, refresh_after_days=30)
        requests = len(sandbox.requests)
    for stream in streams:
        again = read(output, stream) - turns(30)
        assert again >= set(busy) - turns(30)
        assert len(again - set(busy)) <= FIRST_LOOK
    # Each of those at work, by each stream, and what finds them out.
    assert requests <= len(streams) * (len(busy) + FIRST_LOOK) + 2 * len(busy)


@pytest.mark.parametrize("stream", OF_CAMPAIGNS)
def test_one_whose_row_in_the_list_has_changed_is_and_a_new_one_too(sandbox: Sandbox, stream: str) -> None:
    state = state_of(sandbox, stream)
    renamed = sandbox.account.campaigns[FIRST + 3]
    renamed.name = "Another name"
    new = replace(sandbox.account.campaigns[FIRST], id=FIRST + CAMPAIGNS)
    sandbox.account.add_campaign(new, list(sandbox.account.events(FIRST)))
    assert quietly(sandbox, stream, state) == {renamed.id, new.id} - turns(30)


@pytest.mark.long
@pytest.mark.parametrize("stream", OF_CAMPAIGNS)
@pytest.mark.parametrize("status", ["Active", "Paused", "Something new"])
def test_one_that_may_move_without_activity_is_read_until_it_is_at_rest(
    sandbox: Sandbox, stream: str, status: str
) -> None:
    for campaign in sandbox.account.campaigns.values():
        campaign.status = status
    again = quietly(sandbox, stream, state_of(sandbox, stream))
    if stream in MOVING:
        assert again == set(sandbox.account.campaigns) - turns(30)
    else:
        # Those at work are taken for active, until a look at several shows that they are quiet.
        likely = sorted(set(sandbox.account.campaigns) - turns(30))[:FIRST_LOOK]
        assert again == set(likely if status == "Active" and stream in CHANGED_BY_ACTIVITY else [])


@pytest.mark.long
@pytest.mark.parametrize("stream", OF_CAMPAIGNS)
def test_in_as_many_days_each_is_read_once_and_no_day_reads_all(sandbox: Sandbox, stream: str) -> None:
    state = state_of(sandbox, stream, 1)
    [today] = [read(incremental(sandbox, stream, state), stream)]
    assert today == turns(7)
    assert len(today) == CAMPAIGNS // 7
    assert read(incremental(sandbox, stream, state_of(sandbox, stream, 7)), stream) == set(sandbox.account.campaigns)
    assert read(incremental(sandbox, stream, state, refresh_after_days=1), stream) == set(sandbox.account.campaigns)


@pytest.mark.long
@pytest.mark.parametrize("stream", OF_CAMPAIGNS)
def test_a_full_refresh_reads_all_and_without_the_survey_so_does_an_incremental_sync(
    sandbox: Sandbox, stream: str
) -> None:
    state = state_of(sandbox, stream)
    every = set(sandbox.account.campaigns)
    assert read(incremental(sandbox, stream, state, SyncMode.full_refresh), stream) == every
    assert read(incremental(sandbox, stream, state, skip_quiet_campaigns=False), stream) == every


@pytest.mark.long
@pytest.mark.parametrize("stream", OF_CAMPAIGNS)
def test_what_is_quiet_for_weeks_stays_known(sandbox: Sandbox, stream: str) -> None:
    state = state_of(sandbox, stream)
    for _ in range(3):
        state = earlier(last_states(incremental(sandbox, stream, state, refresh_after_days=30))[stream])
    assert quietly(sandbox, stream, state) == set()


@pytest.mark.parametrize("stream", CHANGED_BY_ACTIVITY)
def test_one_that_has_become_quiet_again_is_no_longer_read(sandbox: Sandbox, stream: str) -> None:
    state = state_of(sandbox, stream)
    busy = FIRST + 4
    before = list(sandbox.account.events(busy))
    sandbox.account.replace_events(busy, [*before, Event(at(ago(1)), FIRST_EMAIL, 9, 55001)])
    state = last_states(incremental(sandbox, stream, state, refresh_after_days=30))[stream]
    # As it is when the look-back is over.
    sandbox.account.replace_events(busy, [*before, Event(at(ago(18)), FIRST_EMAIL, 9, 55001)])
    assert quietly(sandbox, stream, earlier(state, 2)) == set()


def test_totals_are_read_anew_after_a_change_of_filters_or_period(sandbox: Sandbox) -> None:
    every = set(sandbox.account.campaigns)
    state = state_of(sandbox, "campaign_analytics")
    for change in ({"sender_email_ids": [55001]}, {"start_date": str(ago(88))}, {"end_date": str(ago(3))}):
        assert read(incremental(sandbox, "campaign_analytics", state, **change), "campaign_analytics") == every
    assert (
        quietly(sandbox, "campaign_progress", state_of(sandbox, "campaign_progress"), start_date=str(ago(9))) == set()
    )


@pytest.mark.long
@pytest.mark.parametrize("stream", SNAPSHOTS)
@pytest.mark.parametrize("broken", ["row", "until", "checked_at", "all"])
def test_a_state_that_no_sync_has_left_is_read_anew(sandbox: Sandbox, stream: str, broken: str) -> None:
    state: Any = state_of(sandbox, stream)
    things = CHILDREN.get(stream, "campaigns")
    state[things] = (
        "nonsense" if broken == "all" else {one: {**each, broken: "nonsense"} for one, each in state[things].items()}
    )
    if broken == "row":
        state[things] = {one: {**each, "row": 5} for one, each in state[things].items()}
    output = incremental(sandbox, stream, state)
    assert stable_rows(output, stream) == stable_rows(incremental(sandbox, stream), stream)


@pytest.mark.parametrize("stream", ["campaign_analytics", "campaign_replies"])
def test_late_replies_before_the_last_start_are_read(sandbox: Sandbox, stream: str) -> None:
    for campaign in sandbox.account.campaigns.values():
        campaign.started_at = int(at(ago(4)))
    state = state_of(sandbox, stream)
    late = Event(at(ago(8)), REPLY, 1, 55001)
    sandbox.account.replace_events(FIRST + 3, [*sandbox.account.events(FIRST + 3), late])
    output = incremental(sandbox, stream, state, num_workers=1, refresh_after_days=30)
    assert FIRST + 3 in read(output, stream)


@pytest.mark.parametrize("hours", [0, 5, 7])
def test_what_an_interrupted_sync_has_read_is_not_read_again_for_six_hours(sandbox: Sandbox, hours: int) -> None:
    stream = "campaign_progress"
    whole = incremental(sandbox, stream, num_workers=1)
    state = {name: dict(each) for name, each in last_states(whole).items()}[stream]
    begun = datetime.fromisoformat(min(each["checked_at"] for each in state["campaigns"].values()))
    begun -= timedelta(hours=hours)
    then = {"checked_at": f"{begun:%Y-%m-%dT%H:%M:%SZ}", "until": str(begun.date())}
    done = {one: {**each, **then} for one, each in list(state["campaigns"].items())[:5]}
    output = incremental(sandbox, stream, {"campaigns": done, "unfinished": then["checked_at"]}, num_workers=1)
    rest = set(sandbox.account.campaigns) - {int(one) for one in done}
    assert (read(output, stream) == rest) == (hours < 6)
    assert read(output, stream) >= rest
    assert "unfinished" not in last_states(output)[stream]


def test_a_deleted_campaign_leaves_no_state_and_campaign_ids_keep_the_others(sandbox: Sandbox) -> None:
    stream = "campaign_progress"
    state = state_of(sandbox, stream)
    sandbox.account.remove_campaign(FIRST + 1)
    after = last_states(incremental(sandbox, stream, state, campaign_ids=[FIRST, FIRST + 2]))[stream]
    assert len(after["campaigns"]) == CAMPAIGNS
    after = last_states(incremental(sandbox, stream, after))[stream]
    assert sorted(map(int, after["campaigns"])) == sorted(sandbox.account.campaigns)


def test_senders_are_read_again_unless_nothing_happened_in_the_account(sandbox: Sandbox) -> None:
    streams = ("campaign_analytics_daily", "sender_analytics")
    states = {stream: earlier(state) for stream, state in last_states(together(sandbox, streams)).items()}
    output = together(sandbox, streams, states, refresh_after_days=30)
    quiet = read(output, "sender_analytics")
    sandbox.account.replace_events(
        FIRST, [*sandbox.account.events(FIRST), Event(at(TODAY) - 36000, FIRST_EMAIL, 9, 55001)]
    )
    busy = read(together(sandbox, streams, states, refresh_after_days=30), "sender_analytics")
    assert len(quiet) <= 1 < len(busy)
