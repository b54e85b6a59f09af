"""Reports: a row for each entity and period, the truth under every reading, for few requests."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from sandbox.world.account import Account
from sandbox.world.events import FIRST_EMAIL, VIEW, Event
from source_snov.incremental import partitions
from unit_tests._daily import TODAY, ago
from unit_tests._helpers import Clock, logs, records
from unit_tests._names import ANALYTICS_PATH
from unit_tests._reports import REPORTS, Table, started, table, truth
from unit_tests._states import earlier
from unit_tests._streams import FIRST, account, at, last_states, story, together

NEW = tuple(name for name in REPORTS if name != "campaign_analytics_daily")

AGES = ((200, 150, 125, 90, 33, 31, 3), (160, 122, 31, 30, 1), (70, 45, 10), (20, 2), (180,))
"""Ages in days of the events of each campaign, each of which also has one on the day after."""

LAST_DAY_LEFT_OUT: dict[str, Any] = {"last_day_left_out": frozenset({"analytics", "activity"})}


@pytest.fixture(autouse=True)
def several_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Months of campaigns and owners are read one after the other, those of the account in one piece."""
    monkeypatch.setattr(partitions, "MANY", 3)


@pytest.fixture(scope="module")
def demo() -> Account:
    return seeds.demo_account(today=TODAY)


@pytest.fixture
def small() -> Iterator[Sandbox]:
    with Sandbox(account(*(story(*ages) for ages in AGES)), UNLIMITED) as running:
        yield running


def owners(sandbox: Sandbox) -> list[str]:
    return sandbox.account.owners()


def read(sandbox: Sandbox, *streams: str, states: Any = None, **overrides: Any) -> EntrypointOutput:
    return together(sandbox, streams or NEW, states, report_owners=owners(sandbox), **overrides)


def left(stream: str, *outputs: EntrypointOutput) -> Table:
    return table(stream, *REPORTS[stream], *outputs)


def true_rows(sandbox: Sandbox, stream: str, **asked: Any) -> Table:
    return truth(sandbox.account, *REPORTS[stream], **asked)


def requests_of(sandbox: Sandbox) -> int:
    return sum(record.path == ANALYTICS_PATH for record in sandbox.requests)


@pytest.mark.parametrize("stream", NEW)
def test_the_rows_are_the_truth_of_an_account(stream: str, demo: Account) -> None:
    with Sandbox(demo, UNLIMITED) as sandbox:
        output = read(sandbox, stream)
        assert not output.errors
        assert left(stream, output) == true_rows(sandbox, stream)


@pytest.mark.long
@pytest.mark.parametrize("stream", NEW)
@pytest.mark.parametrize(
    "reading",
    [
        LAST_DAY_LEFT_OUT,
        LAST_DAY_LEFT_OUT | {"future_days_refused": True},
        {"future_days_refused": True},
        {"future_days_empty": True},
        {"most_days": 31},
        {"too_large": 40, "too_large_status": 413},
        {"on_the_day_of_the_mail": True},
        {"day_offset_hours": 9},
        {"distinct_across_campaigns": False},
        {"numbers": True},
    ],
    ids=lambda reading: "-".join(sorted(reading)),
)
def test_under_every_reading_the_rows_are_the_truth(stream: str, reading: dict[str, Any], clock: Clock) -> None:
    settings = replace(UNLIMITED, **reading)
    with Sandbox(account(*(story(*ages) for ages in AGES)), settings) as sandbox:
        output = read(sandbox, stream)
        expected = true_rows(sandbox, stream, reading=settings)
    if settings.too_large and REPORTS[stream][1] == "whole":
        # The figures of a whole period do not follow from those of its parts.
        assert output.errors
        assert any("The requested period is too long" in line for line in logs(output, "WARN"))
        return
    assert not output.errors
    found = left(stream, output)
    if settings.last_day_left_out and settings.future_days_refused:
        # What of today shows nowhere is not known.
        found, expected = (
            {key: row for key, row in rows.items() if row.get("date_to", row.get("date")) != str(TODAY)}
            for rows in (found, expected)
        )
    assert found == expected


@pytest.mark.parametrize("started", [1, 11, 13])
@pytest.mark.parametrize("ahead", [0, -8, -12, 13])
def test_the_first_day_may_be_that_of_another_time_zone(ahead: int, started: int) -> None:
    """What a campaign does in the first hours after its start counts on the day before it where days begin later."""
    made = evening(started)
    with Sandbox(made, replace(UNLIMITED, day_offset_hours=ahead)) as sandbox:
        output = read(sandbox, *REPORTS, "campaign_analytics", "sender_analytics")
        assert not output.errors
        for stream in REPORTS:
            expected = true_rows(sandbox, stream, reading=sandbox.settings)
            assert left(stream, output) == expected
            assert sum(row["first_emails"] for row in expected.values()) == 6 or "linkedin" in stream
    for stream in ("campaign_analytics", "sender_analytics"):
        assert sum(row["first_emails"] for row in records(output, stream)) == 6


@pytest.mark.parametrize("stream", ["campaign_analytics_daily", "account_analytics_monthly"])
def test_a_history_that_began_in_utc_gets_the_day_before(stream: str) -> None:
    """States of version 0.4 begin on the day of the start in UTC."""
    with Sandbox(evening(1), replace(UNLIMITED, day_offset_hours=-8)) as sandbox:
        first = read(sandbox, stream)
        state = last_states(first)[stream]
        for known in [known for name in ("campaigns", "account") for known in state.get(name, {}).values()]:
            known["since"] = str(ago(40))
        second = read(sandbox, stream, states={stream: state})
        third = read(sandbox, stream, states=last_states(second))
        expected = true_rows(sandbox, stream, reading=sandbox.settings)
    cut = {key: row for key, row in left(stream, first).items() if row.get("date") != str(ago(41))}
    assert cut | left(stream, second) == expected
    assert len(left(stream, third)) < len(expected)


def evening(hour: int) -> Account:
    """A campaign that was created and started forty days ago at this hour in UTC, and sent e-mails at once."""
    moments = [at(ago(40), hour, minute) for minute in (10, 20, 30)] + [at(ago(back)) for back in (38, 20, 0)]
    made = account([Event(moment, FIRST_EMAIL, person, 55001) for person, moment in enumerate(moments, 1)])
    made.campaigns[FIRST].created_at = made.campaigns[FIRST].started_at = at(ago(40), hour)
    return made


def test_months_count_people_once_and_the_account_does_too(demo: Account) -> None:
    with Sandbox(demo, UNLIMITED) as sandbox:
        output = read(sandbox, "account_analytics_daily", "account_analytics_monthly", "campaign_analytics_monthly")
    by_day, by_month, by_campaign = (
        records(output, stream)
        for stream in ("account_analytics_daily", "account_analytics_monthly", "campaign_analytics_monthly")
    )
    for month in {row["month"] for row in by_month}:
        [whole] = [row for row in by_month if row["month"] == month]
        days = [row for row in by_day if row["date"][:7] == month[:7]]
        campaigns = [row for row in by_campaign if row["month"] == month]
        assert whole["emails_sent"] == sum(row["emails_sent"] for row in days)
        assert whole["emails_sent"] == sum(row["emails_sent"] for row in campaigns)
        assert whole["total_contacted"] <= sum(row["total_contacted"] for row in days)
    people = sum(row["total_contacted"] for row in by_month)
    assert people < sum(row["total_contacted"] for row in by_day)
    assert people < sum(row["total_contacted"] for row in by_campaign)


@pytest.mark.long
@pytest.mark.parametrize("stream", NEW)
@pytest.mark.parametrize("days", [1, 20, 45])
def test_the_next_sync_reads_what_the_look_back_touches(stream: str, days: int, small: Sandbox) -> None:
    first = read(small, stream, end_date=str(ago(days)))
    small.clear()
    second = read(small, stream, states=last_states(first))
    expected = true_rows(small, stream)
    assert left(stream, first, second) == expected
    again = {key: row for key, row in expected.items() if row.get("date_to", row.get("date")) >= str(ago(days + 14))}
    assert left(stream, second).keys() == again.keys()


def test_a_morning_of_the_account_takes_its_look_back_and_two_requests(demo: Account) -> None:
    stream = "account_analytics_daily"
    with Sandbox(demo, UNLIMITED) as sandbox:
        state = earlier(last_states(read(sandbox, stream))[stream])
        sandbox.clear()
        second = read(sandbox, stream, states={stream: state})
        assert not second.errors
        # The look-back, yesterday and today; and two that look whether all named campaigns count.
        assert requests_of(sandbox) <= 14 + 2 + 2


@pytest.mark.long
@pytest.mark.parametrize("later", [0, 1])
@pytest.mark.parametrize("stream", NEW)
@pytest.mark.parametrize("after", [3, 9, 20])
def test_a_sync_that_fails_goes_on_from_its_last_state(
    stream: str, after: int, later: int, small: Sandbox, clock: Clock
) -> None:
    """On the same day, and on the next one."""
    small.add_fault(faults.server_error(path="statistics", skip=after, times=None))
    stopped = read(small, stream, num_workers=1)
    small.clear()
    states = {name: earlier(state, later) for name, state in last_states(stopped).items()}
    resumed = read(small, stream, states=states)
    assert not resumed.errors
    assert left(stream, stopped, resumed) == true_rows(small, stream)


@pytest.mark.parametrize("stream", NEW)
@pytest.mark.parametrize(
    "fault",
    [
        faults.server_error(path="statistics", times=None),
        faults.answer(404, {"message": "Not found"}, path="statistics", times=None),
        faults.answer(422, {"errors": "No"}, path="statistics", times=None),
        faults.answer(200, {"success": False, "errors": ["No"]}, path="statistics", times=None),
        faults.firewall(403, path="statistics", times=None),
    ],
    ids=["500", "404", "422", "error in 200", "firewall"],
)
def test_a_report_that_the_api_never_gives_fails(
    fault: faults.Fault, stream: str, small: Sandbox, clock: Clock
) -> None:
    small.add_fault(fault)
    output = read(small, stream)
    assert not records(output, stream)
    # A 404 may be about the one owner that there is.
    [owner] = owners(small)
    lone = [line for line in logs(output, "WARN") if f"campaign owner {owner} is skipped" in line]
    assert output.errors or lone


@pytest.mark.long
@pytest.mark.parametrize("stream", NEW)
@pytest.mark.parametrize(
    "fault",
    [
        faults.server_error(path="statistics", skip=2, times=3),
        faults.answer(422, {"errors": "No"}, path="statistics", skip=2, times=1),
        faults.answer(502, "<html>Bad gateway</html>", path="statistics", skip=2, times=3),
        faults.answer(429, {"errors": "Too many"}, path="statistics", skip=4, times=2),
    ],
    ids=["500", "422", "502", "429"],
)
def test_a_fault_that_passes_changes_no_row(fault: faults.Fault, stream: str, small: Sandbox, clock: Clock) -> None:
    small.add_fault(fault)
    output = read(small, stream)
    assert not output.errors
    assert left(stream, output) == true_rows(small, stream)
    assert not [line for line in logs(output, "WARN") if "429" not in line]


@pytest.mark.parametrize("stream", [name for name in NEW if REPORTS[name][0] != "campaign_id"])
def test_a_campaign_deleted_during_the_sync_is_left_out(stream: str, clock: Clock) -> None:
    made = account(*(story(*ages) for ages in AGES))
    gone = FIRST + 4
    with Sandbox(made, replace(UNLIMITED, unknown_ids="not_found")) as sandbox:
        sandbox.add_fault(faults.campaign_deleted(gone, path="statistics", skip=1, times=1))
        output = read(sandbox, stream, lookback_days=90)
        again = read(sandbox, stream, states=last_states(output), lookback_days=90)
        expected = true_rows(sandbox, stream)
    assert not output.errors
    named = [line for line in logs(output, "WARN") if f"{stream}: campaign {gone} is left out" in line]
    assert len(named) == 1
    assert (
        left(stream, output, again).items()
        >= {key: row for key, row in expected.items() if row.get("date_to", row.get("date")) >= str(ago(80))}.items()
    )


@pytest.mark.parametrize("stream", NEW)
def test_a_period_cuts_the_cells_at_its_ends(stream: str, small: Sandbox) -> None:
    period = {"start_date": str(ago(130)), "end_date": str(ago(40))}
    cut = read(small, stream, **period)
    assert left(stream, cut) == true_rows(small, stream, first=ago(130), last=ago(40))
    # An earlier start and a later end: what was cut is read as a whole.
    states = last_states(cut)
    wider = read(small, stream, states=states, start_date=str(ago(190)))
    assert left(stream, cut, wider) == true_rows(small, stream, first=ago(190))


def test_a_campaign_that_begins_later_has_rows_from_its_beginning(small: Sandbox) -> None:
    stream = "campaign_analytics_monthly"
    states = last_states(read(small, stream))
    known = states[stream]["campaigns"]
    late = str(FIRST + 3)
    del known[late]
    again = read(small, stream, states=states)
    assert {row["month"] for row in records(again, stream) if row["campaign_id"] == int(late)} == {
        key[1] for key in true_rows(small, stream) if key[0] == int(late)
    }


def test_nothing_started_gives_nothing() -> None:
    with Sandbox(Account(TODAY), UNLIMITED) as sandbox:
        output = together(sandbox, NEW, report_owners=["ada@example.com"])
    assert not output.errors
    assert not output.records


def test_an_owner_of_nothing_has_zeros_and_a_warning(small: Sandbox) -> None:
    output = together(small, ["owner_analytics"], report_owners=[*owners(small), "nobody@example.com"])
    rows = [row for row in records(output, "owner_analytics") if row["campaign_owner"] == "nobody@example.com"]
    assert rows
    assert not any(row["emails_sent"] for row in rows)
    [warning] = logs(output, "WARN")
    assert "counts nothing at all for campaign owner nobody@example.com. Check the spelling in report_owners" in warning


def test_without_owners_the_stream_says_what_is_missing(small: Sandbox) -> None:
    output = together(small, ["owner_analytics"])
    assert not output.errors
    assert not output.records
    assert [
        "owner_analytics has no records: name what it is to report on" in line for line in logs(output, "WARN")
    ] == [True]


def test_that_no_day_after_today_is_accepted_is_found_out_with_one_request(demo: Account) -> None:
    counts = []
    for refused in (False, True):
        with Sandbox(demo, replace(UNLIMITED, future_days_refused=refused)) as sandbox:
            output = read(sandbox, "account_analytics_monthly", start_date=str(ago(80)))
            assert not logs(output, "WARN")
            counts.append(requests_of(sandbox))
    as_usual, with_refusal = counts
    assert with_refusal <= as_usual + 1


@pytest.mark.parametrize("stream", ["account_analytics_daily", "sender_analytics_daily", "owner_analytics"])
@pytest.mark.parametrize("reading", ["first_id_only", "several_ids_empty"])
def test_a_list_of_which_not_all_count_is_left_out_with_a_warning(reading: str, stream: str, demo: Account) -> None:
    period = {"start_date": str(ago(60))}
    demo = deepcopy(demo)
    for campaign in demo.campaigns.values():
        # A request that names none is about these.
        campaign.status = "Active"
    with Sandbox(demo, replace(UNLIMITED, **{reading: True})) as sandbox:
        output = read(sandbox, stream, **period)
        chosen = read(sandbox, stream, **period, campaign_ids=list(started(demo))[:5])
    with Sandbox(demo, UNLIMITED) as sandbox:
        expected = left(stream, read(sandbox, stream, **period))
    assert left(stream, output) == expected
    for each, advice in ((output, "Snov.io is asked without naming any"), (chosen, "to one campaign for its figures")):
        [warning] = [line for line in logs(each, "WARN") if "at once, Snov.io leaves some out: " in line]
        assert advice in warning


@pytest.mark.parametrize("stream", ["sender_analytics_daily", "linkedin_sender_analytics", "owner_analytics"])
def test_a_report_whose_filter_is_ignored_fails(stream: str, demo: Account) -> None:
    with Sandbox(demo, replace(UNLIMITED, senders_ignored=True)) as sandbox:
        output = read(sandbox, stream, start_date=str(ago(60)))
    assert any(f"{stream}: Snov.io gives the figures of all" in error.trace.error.message for error in output.errors)


@pytest.mark.parametrize("stream", ["sender_analytics_daily", "owner_analytics"])
def test_senders_with_the_same_figures_on_other_days_are_no_sign_of_a_filter_that_is_ignored(stream: str) -> None:
    made = account(
        *([Event(at(ago(back)), FIRST_EMAIL, number + 1, 55001 + number)] for number, back in enumerate((70, 35, 3))),
        furnished=True,
    )
    for campaign, owner in zip(made.campaigns.values(), made.owners(), strict=False):
        campaign.owner = owner
    with Sandbox(made, UNLIMITED) as sandbox:
        output = read(sandbox, stream)
    assert not output.errors
    assert sum(row["emails_sent"] for row in records(output, stream)) == 3


@pytest.mark.parametrize("stream", ["sender_analytics", "sender_analytics_daily", "linkedin_sender_analytics"])
def test_figures_of_the_other_channel_may_be_those_of_all(stream: str) -> None:
    """Senders without figures of their own have the same ones, and the account has them too, on days of one channel."""
    mails = [Event(at(ago(back)), FIRST_EMAIL, back, 55001) for back in range(6, 9)]
    views = [Event(at(ago(back)), VIEW, back, 66001) for back in range(3, 6)]
    made = account(mails if stream == "linkedin_sender_analytics" else [*views, *mails], furnished=True)
    with Sandbox(made, replace(UNLIMITED, one_channel_narrowed=True)) as sandbox:
        output = read(sandbox, stream)
    assert not output.errors
    assert records(output, stream)


def test_too_many_campaigns_to_name_are_not_named_with_a_warning() -> None:
    stream = "account_analytics_monthly"
    with Sandbox(seeds.sized_account(1200), UNLIMITED) as sandbox:
        output = read(sandbox, stream, start_date=str(ago(60)))
        named = {record.query.get("campaign_id", [""])[0] for record in sandbox.requests}
    assert not output.errors
    assert named == {""}
    [warning] = [line for line in logs(output, "WARN") if "cannot name all campaigns" in line]
    assert "Set campaign_ids to choose campaigns" in warning


def test_a_changed_filter_reads_everything_anew(small: Sandbox) -> None:
    stream = "account_analytics_monthly"
    states = last_states(read(small, stream))
    chosen = list(started(small.account))[:2]
    output = read(small, stream, states=states, campaign_ids=chosen)
    assert left(stream, output) == true_rows(small, stream, campaigns=chosen)
    again = read(small, stream, states=last_states(output), campaign_ids=chosen)
    assert len(records(again, stream)) <= 2


@pytest.mark.parametrize("stream", NEW)
def test_a_sync_has_few_states_and_the_last_one_is_finished(stream: str, small: Sandbox) -> None:
    output = read(small, stream)
    state = last_states(output)[stream]
    assert "unfinished" not in state
    # Unless nothing that could show it happened.
    assert state.get("date_to") == ("included" if any(row["emails_sent"] for row in records(output, stream)) else None)
