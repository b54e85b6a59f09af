"""The rows are right under every reading of the API's days, spans and lists that is undocumented."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from airbyte_cdk.models import SyncMode

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.tests._client import Client
from sandbox.world import seeds, shapes
from sandbox.world.account import Account
from sandbox.world.events import CLICK, FIRST_EMAIL, INVITE, OPEN, REPLY, VIEW, Event
from sandbox.world.furnishing import furnish
from source_snov.records.figures import digest_of_filters
from unit_tests._daily import TODAY, ago, asked, daily, days, rows, states, truth
from unit_tests._helpers import Clock, logs, records
from unit_tests._names import CAMPAIGNS_PATH, DAILY
from unit_tests._states import earlier
from unit_tests._streams import (
    FIRST,
    INCREMENTAL,
    SECOND,
    THIRD,
    account,
    at,
    incremental,
    last_states,
    story,
    together,
)

pytestmark = pytest.mark.long

TOTALS = ("campaign_analytics", "sender_analytics")
ACTIVITY, WARM_UP_DAYS = "campaign_recipients_activity", "warm_up_daily_statistics"


@pytest.fixture
def few() -> Iterator[Sandbox]:
    """Three campaigns: 40 days old and sometimes active, 20 days old and active daily, 60 days old and silent."""
    active = [ago(40), ago(38), ago(12), ago(3), TODAY]
    made = seeds.account_active_on([active, list(days(ago(20), TODAY)), [ago(60)]], TODAY)
    with Sandbox(made, UNLIMITED) as sandbox:
        yield sandbox


# Which days are read -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [DAILY, *INCREMENTAL])
def test_days_between_an_ended_period_and_a_later_start_are_read_eventually(stream: str) -> None:
    story = [
        Event(at(ago(back)) + number, kind, person, 55001)
        for person, back in enumerate((90, 70, 50, 30, 10, 0), 1)
        for number, kind in enumerate((FIRST_EMAIL, OPEN, CLICK, REPLY))
    ]
    with Sandbox(account(story, furnished=True), UNLIMITED) as sandbox:
        whole = _rows(incremental(sandbox, stream), stream)
        first = incremental(sandbox, stream, end_date=str(ago(60)))
        second = incremental(sandbox, stream, last_states(first)[stream], start_date=str(ago(20)))
        third = incremental(sandbox, stream, last_states(second)[stream])
        fourth = incremental(sandbox, stream, last_states(third)[stream])
    assert _rows(first, stream) | _rows(second, stream) | _rows(third, stream) == whole
    assert whole.keys() > _rows(fourth, stream).keys()


@pytest.mark.parametrize("stream", [DAILY, "account_analytics_daily", *INCREMENTAL])
def test_a_day_that_a_later_start_leaves_out_is_read_again_once_it_is_removed(stream: str) -> None:
    """It was not over when it was read."""
    story = [
        Event(at(ago(back)), kind, back + 1, 55001) for back in range(20) for kind in (FIRST_EMAIL, OPEN, CLICK, REPLY)
    ]
    with Sandbox(account(story, furnished=True), UNLIMITED) as sandbox:
        whole = incremental(sandbox, stream)
        before = earlier(last_states(whole)[stream])
        later = incremental(sandbox, stream, before, start_date=str(TODAY))
        # As if it had gone on like that for some days.
        output = incremental(sandbox, stream, last_states(later)[stream], lookback_days=0)
    assert _rows(later, stream).keys() <= _rows(whole, stream).keys()
    assert _rows(output, stream) | _rows(later, stream) == _rows(whole, stream)


@pytest.mark.parametrize("stream", [DAILY, "sender_analytics_daily"])
def test_the_day_of_the_last_sync_is_read_again_however_few_days_are_wanted(stream: str, few: Sandbox) -> None:
    state = earlier(last_states(incremental(few, stream, daily_history_days=3))[stream], 2)
    output = incremental(few, stream, state, daily_history_days=1)
    assert {row["date"] for row in records(output, stream)} == set(map(str, days(ago(2), TODAY)))


@pytest.mark.parametrize("stream", ["campaign_analytics_monthly", "account_analytics_monthly"])
def test_a_month_that_an_end_date_has_cut_is_read_again_once_it_is_removed(stream: str) -> None:
    story = [Event(at(ago(back)), FIRST_EMAIL, back % 30 + 1, 55001) for back in range(120)]
    end = ago(60).replace(day=12)
    with Sandbox(account(story), UNLIMITED) as sandbox:
        whole = incremental(sandbox, stream)
        cut = incremental(sandbox, stream, last_states(whole)[stream], end_date=str(end), lookback_days=80)
        output = incremental(sandbox, stream, last_states(cut)[stream], lookback_days=0)
    by_month = {row["month"]: row for each in (whole, cut, output) for row in records(each, stream)}
    assert by_month == {row["month"]: row for row in records(whole, stream)}
    assert str(end) in {row["date_to"] for row in records(cut, stream)}


@pytest.mark.parametrize("stream", [DAILY, "campaign_analytics"])
def test_other_filters_are_in_the_state_before_any_record(stream: str, few: Sandbox) -> None:
    """A sync that is killed at its first records leaves rows that only these filters explain."""
    state = last_states(incremental(few, stream, sender_email_ids=[55_001]))[stream]
    output = incremental(few, stream, state)
    first = next(message for message in output.get_message_iterator() if message.record or message.state)
    assert first.state
    said = vars(first.state.stream.stream_state)
    assert said["filters"] != state["filters"]
    assert not said["campaigns"]


def _rows(output: Any, stream: str) -> dict[str, dict[str, Any]]:
    """The records, without fields that change with every read."""
    assert not output.errors
    found = [
        {name: value for name, value in row.items() if name not in ("prospect_id", "checked_at")}
        for row in records(output, stream)
    ]
    return {str(sorted(row.items())): row for row in found}


def test_an_id_of_19_digits_keeps_its_state(few: Sandbox) -> None:
    long = 9_123_456_789_012_345_678
    campaign = few.account.campaigns[SECOND]
    events = few.account.events(SECOND)
    few.account.remove_campaign(SECOND)
    campaign.id = long
    few.account.add_campaign(campaign, events)
    state = states(daily(few))[-1]
    assert str(long) in state["campaigns"]
    assert {day for one, day in rows(daily(few, state)) if one == long} == {str(day) for day in days(ago(14), TODAY)}


@pytest.mark.parametrize(
    "started",
    [
        "0000-00-00",
        -10_800,
        "0001-01-01 00:00:00",
        {"date": "soon", "timezone_type": 3, "timezone": "Europe/Kyiv"},
        "last week",
    ],
    ids=str,
)
def test_an_invalid_start_counts_as_the_day_of_creation(few: Sandbox, started: Any) -> None:
    listed = [row | {"started_at": started} if row["id"] == SECOND else row for row in few.account.campaign_rows()]
    few.add_fault(faults.answer(200, listed, path=CAMPAIGNS_PATH, times=None))
    created = datetime.fromtimestamp(few.account.campaigns[SECOND].created_at).date()
    output = together(few, [DAILY, *INCREMENTAL, "campaign_analytics"])
    assert not output.errors
    expected = truth(few.account)
    found = {(row["campaign_id"], row["date"]): row for row in records(output, DAILY)}
    assert {key: found[key] for key in expected} == expected
    assert {day for one, day in found if one == SECOND} == {str(day) for day in days(created, TODAY)}
    assert {row["campaign_id"] for row in records(output, "emails_sent")} == {FIRST, SECOND, THIRD}
    [warning] = [text for text in logs(output, "WARN") if "is not a time" in text]
    assert f"The started_at of campaign {SECOND} is" in warning
    assert f"read from {created} on" in warning


@pytest.mark.parametrize("start", ["{} 08:30:00", "{}T08:30:00Z"])
def test_a_warm_up_that_begins_at_a_time_of_day_is_read(few: Sandbox, start: str) -> None:
    furnish(few.account, 7)
    expected = _rows(incremental(few, WARM_UP_DAYS), WARM_UP_DAYS)
    assert expected
    listed = Client(few).log_in().get("/v2/warm-up", per_page=100).json()
    for row in listed["data"]:
        row["start_date"] = start.format(row["start_date"])
    few.add_fault(faults.answer(200, listed, path="/v2/warm-up[?]", times=None))
    assert _rows(incremental(few, WARM_UP_DAYS), WARM_UP_DAYS) == expected


@pytest.mark.parametrize("stream", [DAILY, *INCREMENTAL])
def test_an_excluded_last_day_loses_nothing(stream: str) -> None:
    """A first sync, the next one, and one of a past period."""
    tables = []
    for left_out in (frozenset[str](), frozenset({"analytics", "activity", "warm_up"})):
        with Sandbox(_made(), replace(UNLIMITED, last_day_left_out=left_out)) as sandbox:
            first = incremental(sandbox, stream)
            second = incremental(sandbox, stream, last_states(first)[stream])
            over = incremental(sandbox, stream, end_date=str(ago(7)))
            tables.append([_rows(output, stream) for output in (first, second, over)])
            assert not [text for output in (first, second, over) for text in logs(output, "WARN")]
    assert tables[0] == tables[1]
    assert all(tables[0])


@pytest.mark.parametrize(
    "stream",
    [DAILY, *INCREMENTAL, "campaign_analytics_monthly", "account_analytics_daily", "campaign_analytics"],
)
def test_a_campaign_that_was_started_again_has_its_whole_history(stream: str) -> None:
    tables = []
    for again in (0, 30):
        with Sandbox(_made(), replace(UNLIMITED, started_again=again)) as sandbox:
            output = incremental(sandbox, stream)
            tables.append(_rows(output, stream))
            warnings = [text for text in logs(output, "WARN") if "counts something before the started_at" in text]
            # The others have no days of campaigns.
            assert len(warnings) == bool(again) or stream in ("warm_up_daily_statistics", "campaign_analytics")
    assert tables[0] == tables[1]
    assert tables[0]


def test_that_nothing_happened_before_the_start_takes_few_requests(few: Sandbox) -> None:
    """Campaigns that were there on the same days before their start share one."""
    counts = []
    for before in (0, 20, 40):
        for campaign in few.account.campaigns.values():
            campaign.created_at -= before * 86_400
        few.clear()
        output = daily(few, start_date=str(ago(60)), num_workers=1)
        assert not logs(output, "WARN")
        counts.append(len(asked(few.requests)))
    assert [count - counts[0] for count in counts] == [0, 3, 1]


def test_null_counts_before_the_start_are_no_earlier_start(few: Sandbox) -> None:
    for campaign in few.account.campaigns.values():
        campaign.created_at -= 40 * 86_400
    nothing = {"emails_sent": None, "bounced": None}
    for number in range(90, 120):
        few.add_fault(faults.answer(200, nothing, path=f"campaign-analytics.*date_from={ago(number)}", times=None))
    assert not [text for text in logs(daily(few), "WARN") if "before the started_at" in text]


def test_a_campaign_that_was_a_draft_for_longer_hides_none_that_was_started_again() -> None:
    made = account(
        [Event(at(ago(90 - day)), FIRST_EMAIL, day + 1, 55001) for day in range(90)], [], started=[ago(90), None]
    )
    tables = []
    for again in (False, True):
        first, second = made.campaigns[FIRST], made.campaigns[SECOND]
        if again:
            first.started_at = (first.started_at or 0) + 30 * 86_400
            second.created_at -= 200 * 86_400
            second.started_at = int(at(ago(10)))
        with Sandbox(made, UNLIMITED) as sandbox:
            output = incremental(sandbox, DAILY)
        tables.append({row["date"] for row in records(output, DAILY) if row["campaign_id"] == FIRST})
    assert tables[0] == tables[1] == set(map(str, days(ago(90), TODAY)))


@pytest.mark.parametrize("stream", [DAILY, ACTIVITY, "campaign_analytics_monthly"])
def test_what_an_earlier_sync_knew_of_starts_is_kept(stream: str, clock: Clock) -> None:
    """If a start moves between two syncs, or is no longer seen to have moved, no figure becomes lower."""
    story = [Event(at(ago(back)), FIRST_EMAIL, back % 20 + 1, 55001) for back in range(90)]
    with Sandbox(account(story), UNLIMITED) as sandbox:
        first = incremental(sandbox, stream)
        sandbox.account.campaigns[FIRST].started_at = int(at(ago(10)))
        sandbox.account.campaigns[FIRST].created_at = int(at(ago(10)))
        second = incremental(sandbox, stream, last_states(first)[stream])
    assert not second.errors
    if stream == "campaign_analytics_monthly":
        newest = max(records(first, stream), key=lambda row: row["month"])
        [row] = [row for row in records(second, stream) if row["month"] == newest["month"]]
        assert row["emails_sent"] == newest["emails_sent"]
        assert row["date_from"] == newest["date_from"]
    assert last_states(second)[stream]["campaigns"][str(FIRST)]["since"] <= str(ago(80))
    if stream != "campaign_analytics_monthly":
        days_read = {row.get("date", row.get("event_time"))[:10] for row in records(second, stream)}
        assert days_read == set(map(str, days(ago(14), TODAY)))


@pytest.mark.parametrize("stream", ["emails_sent", ACTIVITY, "finished_prospects"])
def test_streams_of_events_need_no_analytics_to_begin(stream: str, clock: Clock) -> None:
    made = account([Event(at(ago(back)), FIRST_EMAIL, back + 1, 55001) for back in range(9)])
    made.campaigns[FIRST].created_at -= 30 * 86_400
    with Sandbox(made, UNLIMITED) as sandbox:
        usual = incremental(sandbox, stream, skip_quiet_campaigns=False)
        sandbox.add_fault(faults.forbidden(path="campaign-analytics", times=None))
        output = incremental(sandbox, stream, skip_quiet_campaigns=False)
    assert not output.errors
    assert len(records(output, stream)) == len(records(usual, stream))


def _made() -> Account:
    """Eight campaigns, active on most days, and warm-ups."""
    stories = [
        [
            Event(at(ago(back)) + 600 * number, kind, person, 55001)
            for person, back in enumerate(range(number * 3, 44, 2 + number % 3), 1)
            for kind in (FIRST_EMAIL, OPEN, CLICK, REPLY)
        ]
        for number in range(8)
    ]
    return account(*stories, furnished=True)


@pytest.mark.parametrize("account_made", [_made, lambda: shapes.morning(TODAY, 1)], ids=["eight", "morning"])
def test_an_excluded_last_day_costs_few_requests(account_made: Callable[[], Account]) -> None:
    counts = []
    for left_out in (frozenset[str](), frozenset({"analytics"})):
        with Sandbox(account_made(), replace(UNLIMITED, last_day_left_out=left_out)) as sandbox:
            first = daily(sandbox, start_date=str(ago(30)), num_workers=1)
            assert rows(first) == truth(sandbox.account, ago(30))
            counts.append(len(asked(sandbox.requests)))
            assert states(first)[-1]["date_to"] == ("left out" if left_out else "included")
            assert len([text for text in logs(first, "INFO") if "the API's date_to" in text]) == 1
            second = daily(sandbox, states(first)[-1], start_date=str(ago(30)))
            assert rows(second) == truth(sandbox.account, ago(14))
            # It is already known, and only confirmed.
            assert not [text for text in logs(second, "INFO") if "the API's date_to" in text]
    assert counts[1] <= max(1.03 * counts[0], counts[0] + 12)


@pytest.mark.parametrize("before", [frozenset[str](), frozenset({"analytics"})], ids=["included", "left out"])
def test_a_change_in_how_the_api_reads_the_last_day_is_detected(before: frozenset[str]) -> None:
    with Sandbox(_made(), replace(UNLIMITED, last_day_left_out=before)) as sandbox:
        state = states(daily(sandbox))[-1]
    after = frozenset({"analytics"}) - before
    with Sandbox(_made(), replace(UNLIMITED, last_day_left_out=after)) as sandbox:
        output = daily(sandbox, state)
        assert rows(output) == truth(sandbox.account, ago(14))
    assert states(output)[-1]["date_to"] == ("left out" if after else "included")


@pytest.mark.parametrize("with_daily", [True, False])
@pytest.mark.parametrize("end", [None, ago(7), ago(1)], ids=str)
@pytest.mark.parametrize("future", ["accepted", "refused", "empty"])
def test_totals_have_their_last_day_either_way(future: str, end: date | None, with_daily: bool) -> None:
    totals = []
    period = {"end_date": str(end)} if end else {}
    for left_out in (frozenset[str](), frozenset({"analytics"})):
        settings = replace(UNLIMITED, last_day_left_out=left_out)
        if future != "accepted" and not left_out:
            settings = replace(settings, **{f"future_days_{future}": True})
        with Sandbox(_made(), settings) as sandbox:
            streams = (*TOTALS, DAILY) if with_daily else TOTALS
            output = together(sandbox, streams, mode=SyncMode.full_refresh, **period)
            assert not output.errors
            found = [[row | {"checked_at": ""} for row in records(output, stream)] for stream in TOTALS]
            totals.append([sorted(str(sorted(row.items())) for row in rows_found) for rows_found in found])
    assert totals[0] == totals[1]
    assert all(totals[0])


@pytest.mark.parametrize("stream", TOTALS)
@pytest.mark.parametrize("with_daily", [True, False])
def test_totals_that_cannot_have_today_say_so(stream: str, with_daily: bool) -> None:
    left_out = frozenset({"analytics"})
    for settings, said in (
        ({"last_day_left_out": left_out, "future_days_refused": True}, True),
        ({"last_day_left_out": left_out, "future_days_empty": True}, True),
        ({"last_day_left_out": left_out}, False),
        ({"future_days_refused": True}, False),
    ):
        with Sandbox(_made(), replace(UNLIMITED, **settings)) as sandbox:
            output = together(sandbox, (stream, DAILY) if with_daily else (stream,), mode=SyncMode.full_refresh)
        assert not output.errors
        text = f"{stream}: figures are those until yesterday, although date_to names today"
        assert any(line.startswith(text) for line in logs(output, "WARN")) == said, settings


@pytest.mark.parametrize("stream", ["campaign_analytics_monthly", "linkedin_sender_analytics"])
@pytest.mark.parametrize("refused", [False, True])
def test_a_period_that_cannot_have_today_ends_yesterday(stream: str, refused: bool, clock: Clock) -> None:
    settings = replace(UNLIMITED, last_day_left_out=frozenset({"analytics"}), future_days_refused=refused)
    made = account([Event(at(ago(back)), kind, 1, 66001) for back in (60, 9, 0) for kind in (VIEW, INVITE)])
    with Sandbox(made, settings) as sandbox:
        output = incremental(sandbox, stream)
    assert not output.errors
    assert max(row["date_to"] for row in records(output, stream)) == str(ago(1) if refused else TODAY)


@pytest.mark.parametrize("stream", TOTALS)
@pytest.mark.parametrize("with_daily", [True, False])
@pytest.mark.parametrize(
    "reading",
    [
        {"most_days": 31},
        {},
        {"last_day_left_out": frozenset({"analytics"})},
        {"future_days_empty": True},
        {"future_days_refused": True},
    ],
    ids=str,
)
def test_totals_of_a_period_that_is_cut_silently_are_warned_of_and_no_others(
    stream: str, with_daily: bool, reading: dict[str, Any], clock: Clock
) -> None:
    made = account(story(200, 150, 100, 20, 2), story(90, 60, 1), furnished=True)
    with Sandbox(made, replace(UNLIMITED, **reading)) as sandbox:
        output = together(sandbox, (stream, DAILY) if with_daily else (stream,), mode=SyncMode.full_refresh)
    warnings = [line for line in logs(output, "WARN") if "in requests about many days, Snov.io leaves some out" in line]
    assert bool(warnings) == ("most_days" in reading)
    assert all("campaign_analytics and sender_analytics may be incomplete" in line for line in warnings)


@pytest.mark.parametrize("left_out", [frozenset[str](), frozenset({"analytics", "activity", "warm_up"})], ids=len)
def test_if_future_days_are_refused_nothing_is_wrong_and_today_follows(left_out: frozenset[str], clock: Clock) -> None:
    made = _made()
    with Sandbox(made, replace(UNLIMITED, future_days_refused=True, last_day_left_out=left_out)) as sandbox:
        output = daily(sandbox)
        assert not output.errors
        expected = truth(made, last=ago(1)) if left_out else truth(made)
        found = rows(output)
        assert {key: row for key, row in found.items() if row["date"] < str(TODAY) or not left_out} == expected
        assert not left_out or not any(row["emails_sent"] for row in found.values() if row["date"] == str(TODAY))


def test_refusals_of_a_future_day_that_overlap_are_each_taken_for_what_they_are(clock: Clock) -> None:
    """The second campaign's refusal comes while the first one is asked about again without that day."""
    with Sandbox(_made(), replace(UNLIMITED, future_days_refused=True)) as sandbox:
        sandbox.add_fault(faults.delay(0.5, path=f"/{SECOND}/recipients-activity", times=1))
        sandbox.add_fault(faults.delay(1.0, path=f"/{FIRST}/recipients-activity", skip=1, times=1))
        one_window = {"campaign_ids": [FIRST, SECOND], "start_date": str(ago(20)), "skip_quiet_campaigns": False}
        output = incremental(sandbox, ACTIVITY, **one_window)

    assert not output.errors
    assert clock.sleeps == []


def test_each_event_comes_once_if_the_api_ignores_the_window() -> None:
    tables = []
    for ignored in (False, True):
        with Sandbox(_made(), replace(UNLIMITED, dates_ignored=ignored)) as sandbox:
            output = incremental(sandbox, ACTIVITY)
            found = records(output, ACTIVITY)
            tables.append(_rows(output, ACTIVITY))
            assert len(found) == len(tables[-1]) > 100
            warnings = [text for text in logs(output, "WARN") if "also sends records of other days" in text]
            assert len(warnings) == ignored
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    "settings",
    [
        {"most_days": 20},
        {"first_id_only": True},
        {"several_ids_empty": True},
        {"day_offset_hours": 3},
        {"distinct_across_campaigns": False},
        {"too_large": 40, "too_large_status": 413},
        {"too_large": 40, "too_large_status": 400},
        {"too_large": 40, "too_large_status": 504},
    ],
    ids=str,
)
@pytest.mark.parametrize("workers", [1, 4])
def test_the_daily_history_is_the_truth_under_each_reading(
    settings: Mapping[str, Any], workers: int, clock: Clock
) -> None:
    def made() -> Account:
        """With quiet campaigns, so that there are requests for lists and long spans."""
        active = [[ago(60), ago(day)] for day in range(0, 50, 7)]
        return seeds.account_active_on([*active, *([ago(60)] for _ in range(12))], TODAY)

    reading = replace(UNLIMITED, **settings)
    with Sandbox(made(), reading) as sandbox:
        output = daily(sandbox, num_workers=workers, start_date=str(ago(58)))
        second = daily(sandbox, states(output)[-1], num_workers=workers, start_date=str(ago(58)))
    assert not output.errors
    ahead = {"day_offset_hours": settings.get("day_offset_hours", 0)}
    expected = truth(sandbox.account, ago(58), reading=replace(UNLIMITED, **ahead))
    assert last_rows(output) == expected
    assert last_rows(second) == {key: row for key, row in expected.items() if key[1] >= str(ago(14))}
    warned = [text for text in logs(output, "WARN") if "Snov.io leaves some out" in text]
    assert len(warned) <= bool(settings.keys() & {"most_days", "first_id_only", "several_ids_empty"})
    assert warned or "most_days" not in settings


def last_rows(output: Any) -> dict[Any, Any]:
    """The last row of each key, which a deduplicating destination keeps."""
    return {(row["campaign_id"], row["date"]): row for row in records(output, DAILY)}


# Syncs with other filters --------------------------------------------------------------------------------------------


def test_after_a_change_of_filters_the_report_is_read_again(few: Sandbox) -> None:
    state = states(daily(few, sender_email_ids=[55_001]))[-1]
    output = daily(few, state, sender_email_ids=[55_002])
    assert min(day for _, day in rows(output)) == str(ago(60))
    assert [text for text in logs(output, "INFO") if "filters of the configuration have changed" in text]
    # The order of the values does not matter.
    state = states(daily(few, sender_email_ids=[55_001, 55_002]))[-1]
    same = daily(few, state, sender_email_ids=[55_002, 55_001])
    assert min(day for _, day in rows(same)) == str(ago(14))
    assert not [text for text in logs(same, "INFO") if "have changed" in text]


def test_an_interrupted_sync_with_other_filters_is_not_continued(few: Sandbox) -> None:
    interrupted = next(state for state in states(daily(few)) if "unfinished" in state)
    assert rows(daily(few, interrupted, campaign_owners=["a@example.com"])).keys() == truth(few.account).keys()


def test_a_state_of_version_0_4_is_read_as_it_was(few: Sandbox) -> None:
    state = states(daily(few, campaign_owners=["a@example.com"]))[-1]
    old = {"campaigns": state["campaigns"]}
    output = daily(few, old, campaign_owners=["a@example.com"])
    assert min(day for _, day in rows(output)) == str(ago(14))
    assert states(output)[-1]["filters"] == digest_of_filters({"campaign_owners": ["a@example.com"]})


@pytest.mark.parametrize("stream", [DAILY, "campaign_analytics_monthly", "account_analytics_daily"])
def test_a_state_of_version_0_4_that_may_be_of_zeros_is_begun_anew(stream: str) -> None:
    """Such a version took the day of date_to for included."""
    with Sandbox(_made(), replace(UNLIMITED, last_day_left_out=frozenset({"analytics"}))) as sandbox:
        whole = incremental(sandbox, stream)
        state = last_states(whole)[stream]
        [entities] = [name for name, value in state.items() if isinstance(value, dict)]
        second = incremental(sandbox, stream, {entities: state[entities]})
        third = incremental(sandbox, stream, last_states(second)[stream])
        fourth = incremental(sandbox, stream, last_states(third)[stream])
    text = f"{stream}: Snov.io leaves the last day of a period out, which versions before 0.5 did not know"
    warned = [len([line for line in logs(each, "WARN") if line.startswith(text)]) for each in (whole, second, third)]
    assert warned == [0, 1, 0]
    assert last_states(second)[stream][entities] == {}
    assert _rows(third, stream) == _rows(whole, stream)
    assert _rows(fourth, stream).keys() < _rows(whole, stream).keys()


def test_a_state_of_version_0_4_stays_one_until_the_last_day_is_known(clock: Clock) -> None:
    with Sandbox(_made(), replace(UNLIMITED, last_day_left_out=frozenset({"analytics"}))) as sandbox:
        whole = incremental(sandbox, DAILY)
        sandbox.add_fault(faults.server_error(path="campaign-analytics", skip=1, times=None))
        stopped = incremental(sandbox, DAILY, {"campaigns": last_states(whole)[DAILY]["campaigns"]})
        sandbox.clear_faults()
        second = incremental(sandbox, DAILY, last_states(stopped)[DAILY])
        third = incremental(sandbox, DAILY, last_states(second)[DAILY])
    assert stopped.errors
    assert last_states(stopped)[DAILY]["date_to"] == "assumed to be included"
    assert last_states(second)[DAILY] | {"campaigns": {}} == last_states(second)[DAILY]
    assert _rows(third, DAILY) == _rows(whole, DAILY)


@pytest.mark.parametrize("stream", [ACTIVITY, WARM_UP_DAYS])
@pytest.mark.parametrize("left_out", [frozenset[str](), frozenset({"activity", "warm_up"})], ids=len)
def test_records_that_version_0_4_may_have_missed_are_read(stream: str, left_out: frozenset[str]) -> None:
    with Sandbox(_made(), replace(UNLIMITED, last_day_left_out=left_out)) as sandbox:
        whole = incremental(sandbox, stream)
        state = last_states(whole)[stream]
        [entities] = [name for name, value in state.items() if isinstance(value, dict)]
        output = incremental(sandbox, stream, {entities: state[entities]})
        third = incremental(sandbox, stream, last_states(output)[stream])
    assert _rows(output, stream) == _rows(whole, stream)
    assert [line for line in logs(output, "INFO") if "versions before 0.5 missed the last day" in line]
    assert _rows(third, stream).keys() < _rows(whole, stream).keys()


# States --------------------------------------------------------------------------------------------------------------


def test_states_are_spaced_by_their_size() -> None:
    active = [[ago(day) for day in range(0, 30, 3)] for _ in range(60)]
    with Sandbox(seeds.account_active_on(active, TODAY), UNLIMITED) as sandbox:
        known = {str(5_000_000 + number): {"since": str(ago(300)), "until": str(ago(1))} for number in range(8_000)}
        output = daily(sandbox, {"campaigns": known}, campaign_ids=sorted(sandbox.account.campaigns))
        assert not output.errors
    sizes = [len(str(state)) for state in states(output)]
    assert min(sizes) > 400_000
    minutes = len(sandbox.requests) / 55
    assert sum(sizes) < 1_500_000 * minutes + 2 * max(sizes)
