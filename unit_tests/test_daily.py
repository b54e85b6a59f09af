"""campaign_analytics_daily: its rows are the sandbox's truth, and its requests are few."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema
import pytest
from airbyte_cdk.models import SyncMode

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import Settings
from sandbox.world import seeds, shapes
from sandbox.world.account import Account
from source_snov.records.figures import most_campaigns
from unit_tests._daily import ANALYTICS_PATH, DAILY, TODAY, ago, asked, daily, days, rows, states, truth
from unit_tests._helpers import Clock, estimates, failure, logs
from unit_tests._names import ACTIVITY
from unit_tests._streams import stable_rows, synced

UNLIMITED = Settings(requests_per_minute=None)
SCHEMA = json.loads((Path(__file__).parent.parent / "source_snov" / "schemas" / f"{DAILY}.json").read_text())

FIRST, SECOND, THIRD = 910_001, 910_002, 910_003


def account(*active: list[date], started: list[date | None] | None = None) -> Account:
    return seeds.account_active_on(active, TODAY, started)


@pytest.fixture
def few() -> Iterator[Sandbox]:
    """Three campaigns: 40 days old and active now and then, 20 days old and active daily, 60 days old and silent."""
    active = [ago(40), ago(38), ago(12), ago(3), TODAY]
    with Sandbox(
        account(active, list(days(ago(20), TODAY)), [ago(60)]),
        UNLIMITED,
    ) as sandbox:
        yield sandbox


# Rows ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 4])
def test_the_rows_of_a_whole_account_are_the_truth(workers: int) -> None:
    with Sandbox(seeds.demo_account(today=TODAY), UNLIMITED) as sandbox:
        output = daily(sandbox, num_workers=workers)

    found = rows(output)
    assert found == truth(sandbox.account)
    validator = jsonschema.Draft7Validator(SCHEMA, format_checker=jsonschema.FormatChecker())
    assert all(validator.is_valid(row) for row in found.values())
    started = [campaign.id for campaign in sandbox.account.campaigns.values() if campaign.started_at]
    assert {campaign for campaign, _ in found} == set(started)
    assert len(started) < len(sandbox.account.campaigns)
    assert {estimate.row_estimate for estimate in estimates(output)} == {len(found)}


def test_the_fields_stand_in_the_order_of_the_schema(few: Sandbox) -> None:
    assert all(list(row) == list(SCHEMA["properties"]) for row in rows(daily(few)).values())


def test_an_account_without_campaigns_has_no_rows_and_a_state() -> None:
    with Sandbox(seeds.empty_account(TODAY), UNLIMITED) as sandbox:
        output = daily(sandbox)
    assert not output.errors
    assert rows(output) == {}
    [state] = states(output)
    assert state == {"campaigns": {}, "filters": state["filters"]}
    assert asked(sandbox.requests) == []


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        ({"start_date": str(ago(30))}, ago(30), None),
        ({"end_date": str(ago(10))}, None, ago(10)),
        ({"start_date": str(ago(15)), "end_date": str(ago(15))}, ago(15), ago(15)),
        ({"end_date": str(TODAY + timedelta(days=30))}, None, TODAY),
        ({"start_date": "2001-01-01"}, None, TODAY),
        ({"end_date": str(ago(100))}, None, ago(100)),
    ],
    ids=["start", "end", "one day", "end in the future", "start before all", "end before all"],
)
def test_the_period_and_the_life_of_a_campaign_bound_rows_and_requests(
    few: Sandbox, period: dict[str, str], first: date | None, last: date | None
) -> None:
    output = daily(few, **period)
    assert not output.errors
    expected = truth(few.account, first, last)
    assert rows(output) == expected
    lives = {campaign: [day for one, day in expected if one == campaign] for campaign in few.account.campaigns}
    outside = 0
    for campaigns, date_from, date_to in asked(few.requests):
        # A day more, as long as it is not known whether `date_to` includes its day.
        day_after = str(date.fromisoformat(max(lives[campaigns[0]])) + timedelta(days=1))
        day_before = {one: str(date.fromisoformat(min(lives[one])) - timedelta(days=1)) for one in campaigns}
        outside += any(date_from < day_before[one] for one in campaigns) or date_to > day_after
    # Four find out whether spans of many days may be believed, around a day that is known to be active.
    assert outside <= 4


def test_campaign_ids_choose_campaigns(few: Sandbox) -> None:
    assert rows(daily(few, campaign_ids=[SECOND])) == {
        key: row for key, row in truth(few.account).items() if key[0] == SECOND
    }


def test_filters_go_along_with_every_request(few: Sandbox) -> None:
    daily(few, sender_email_ids=[55_001, 55_002], campaign_owners=["a@example.com"])
    sent = [record.query for record in few.requests if record.path == ANALYTICS_PATH]
    assert sent
    assert all(query["sender_email"] == ["55001,55002"] for query in sent)
    assert all(query["campaign_owner"] == ["a@example.com"] for query in sent)


@pytest.mark.parametrize("owners", [0, 30])
@pytest.mark.parametrize("first_id", [1_001, 910_001, 12_345_678_901])
def test_a_request_names_as_many_campaigns_as_a_url_has_room_for(first_id: int, owners: int) -> None:
    config = {
        "api_url": "https://api.snov.io",
        "campaign_owners": [f"{number}.colleague@example.com" for number in range(owners)],
        "sender_email_ids": [55_001],
    }
    campaigns = range(first_id, first_id + 1_000)
    most = most_campaigns(config, campaigns)

    def length(number: int) -> int:
        query = {
            "campaign_id": ",".join(map(str, list(campaigns)[-number:])),
            "campaign_owner": ",".join(config["campaign_owners"]),
            "sender_email": "55001",
            "date_from": "2026-01-01",
            "date_to": "2026-01-01",
        }
        return len(f"https://api.snov.io{ANALYTICS_PATH}?{urlencode(query)}")

    assert 1_950 < length(most) < 2_000


def test_no_url_is_too_long_and_filters_that_fill_it_leave_room_for_one_campaign() -> None:
    for owners, most in ((30, 72), (200, 1)):
        addresses = [f"{number}.colleague@example.com" for number in range(owners)]
        with Sandbox(seeds.sized_account(100, today=TODAY), UNLIMITED) as sandbox:
            output = daily(sandbox, campaign_owners=addresses, start_date=str(ago(1)))
        assert not output.errors
        assert 1 <= max(len(campaigns) for campaigns, _, _ in asked(sandbox.requests)) <= most
        if most > 1:
            urls = [f"{sandbox.url}{record.path}?{urlencode(record.query, doseq=True)}" for record in sandbox.requests]
            assert max(map(len, urls)) < 2_000


def test_a_row_has_the_fields_that_the_api_sends_whether_anything_happened_or_not(few: Sandbox) -> None:
    missing = ["in_mail_sent", "maybe", "maybe_rate"]
    few.add_fault(faults.missing_fields(missing, path=ANALYTICS_PATH, times=None))
    output = daily(few)
    assert rows(output) == {
        key: {name: value for name, value in row.items() if name not in missing}
        for key, row in truth(few.account).items()
    }


@pytest.mark.parametrize(
    ("extra", "ratio"),
    [
        ({"calls_made": 0, "currency": "EUR", "tags": [], "success": True, "call_rate": "0%"}, 0.6),
        # A number that is never zero might be a count, so nothing counts as empty any more.
        ({"seats": 3}, 1.1),
    ],
    ids=["nothing that counts", "a number"],
)
def test_new_fields_are_passed_on_and_cost_requests_only_if_they_count(
    few: Sandbox, extra: dict[str, Any], ratio: float
) -> None:
    few.add_fault(faults.extra_fields(extra, path=ANALYTICS_PATH, times=None))
    output = daily(few)
    expected = truth(few.account)
    assert rows(output) == {key: row | extra for key, row in expected.items()}
    assert len(asked(few.requests)) <= ratio * len(expected) + 2 * 3


@pytest.mark.parametrize("nulls", [["in_mail_sent", "maybe"], ["emails_sent", "total_contacted"]])
def test_nulls_are_absent_and_say_nothing(few: Sandbox, nulls: list[str]) -> None:
    few.add_fault(faults.null_fields(nulls, path=ANALYTICS_PATH, times=None))
    expected = truth(few.account)
    assert rows(daily(few)) == {
        key: {name: value for name, value in row.items() if name not in nulls} for key, row in expected.items()
    }


# Requests ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "share"),
    [(shapes.backfill, 0.45), (shapes.dense, 1.05), (shapes.one_day, 24 / 365)],
    ids=["backfill", "dense", "one day of a year"],
)
def test_a_first_sync_takes_few_requests(shape: Callable[..., Account], share: float) -> None:
    with Sandbox(shape(TODAY, 1), UNLIMITED) as sandbox:
        output = daily(sandbox)
    expected = truth(sandbox.account)
    assert rows(output) == expected
    assert len(asked(sandbox.requests)) <= share * len(expected)


# Where nothing happened, whether date_to includes its day is found out from an older day. How many requests that takes
# depends on the day of the week on which a campaign began: up to 20 of these. And while nothing shows whether days to
# come are accepted, each empty response is compared with one that ends today: 7 of these.
@pytest.mark.parametrize(("shape", "most"), [(shapes.morning, 330), (shapes.quiet, 37)], ids=["morning", "quiet"])
def test_a_morning_of_300_campaigns_takes_few_requests(shape: Callable[..., Account], most: int) -> None:
    with Sandbox(shape(TODAY, 1), UNLIMITED) as sandbox:
        window = truth(sandbox.account, ago(14))
        assert len(window) == 4_500

        first = daily(sandbox, start_date=str(ago(14)))
        assert rows(first) == window
        assert len(sandbox.requests) <= most

        sandbox.clear()
        second = daily(sandbox, states(first)[-1], start_date=str(ago(14)))
        assert rows(second) == window
        assert len(sandbox.requests) <= 0.8 * most


def test_campaigns_that_never_started_cost_nothing() -> None:
    with Sandbox(account([], [], [], started=[None, None, None]), UNLIMITED) as sandbox:
        output = daily(sandbox)
    assert rows(output) == {}
    assert asked(sandbox.requests) == []


# State ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lookback", [0, 1, 14, 90])
def test_a_second_sync_reads_the_look_back_only(few: Sandbox, lookback: int) -> None:
    first = daily(few, lookback_days=lookback)
    few.clear()
    second = daily(few, states(first)[-1], lookback_days=lookback)
    assert rows(second) == truth(few.account, ago(lookback))
    assert all(date_from >= str(ago(lookback)) for _, date_from, _ in asked(few.requests))
    assert states(second)[-1] == states(first)[-1]


def test_the_default_look_back_is_14_days(few: Sandbox) -> None:
    assert rows(daily(few, states(daily(few))[-1])) == truth(few.account, ago(14))


def test_what_changed_within_the_look_back_is_corrected_to_zero_too(few: Sandbox) -> None:
    state = states(daily(few))[-1]
    before = truth(few.account)
    few.account.replace_events(SECOND, [])
    few.account.add_events(THIRD, few.account.events(FIRST)[-1:])
    assert (
        rows(daily(few, state))
        == truth(few.account, ago(14))
        != {key: row for key, row in before.items() if key[1] >= str(ago(14))}
    )


def test_the_days_since_an_older_sync_are_read_with_the_look_back_before_it(few: Sandbox) -> None:
    state = states(daily(few, end_date=str(ago(5))))[-1]
    assert state["campaigns"][str(FIRST)]["until"] == str(ago(5))
    output = daily(few, state, lookback_days=3)
    assert rows(output) == truth(few.account, ago(8))


def test_a_campaign_that_appears_or_is_started_later_gets_its_whole_history(few: Sandbox) -> None:
    late, later = account(list(days(ago(50), TODAY)), [ago(30)]).campaigns.values()
    third = few.account.campaigns[THIRD]
    started_at, status = third.started_at, third.status
    third.started_at, third.status = None, "Draft"
    state = states(daily(few))[-1]
    assert str(THIRD) not in state["campaigns"]

    third.started_at, third.status = started_at, status
    late.id, later.id = 920_001, 920_002
    few.account.add_campaign(late, [])
    few.account.add_campaign(later, [])
    assert rows(daily(few, state)) == {
        key: row for key, row in truth(few.account).items() if key[0] not in (FIRST, SECOND) or key[1] >= str(ago(14))
    }


def test_a_deleted_campaign_leaves_no_state(few: Sandbox) -> None:
    state = states(daily(few))[-1]
    few.account.remove_campaign(SECOND)
    assert sorted(states(daily(few, state))[-1]["campaigns"]) == [str(FIRST), str(THIRD)]


def test_campaigns_left_out_by_campaign_ids_keep_their_state(few: Sandbox) -> None:
    state = states(daily(few))[-1]
    few.account.remove_campaign(FIRST)
    state = states(daily(few, state, campaign_ids=[FIRST, SECOND]))[-1]
    assert sorted(state["campaigns"]) == [str(SECOND), str(THIRD)]
    assert rows(daily(few, state)) == truth(few.account, ago(14))


def test_an_earlier_start_date_brings_the_earlier_days(few: Sandbox) -> None:
    state = states(daily(few, start_date=str(ago(10))))[-1]
    output = daily(few, state, start_date=str(ago(30)))
    assert rows(output) == truth(few.account, ago(30))
    # From then on it is the look-back again.
    output = daily(few, states(output)[-1], start_date=str(ago(30)))
    assert rows(output) == truth(few.account, ago(14))


def test_the_daily_history_goes_back_as_many_days_as_configured(few: Sandbox) -> None:
    first = daily(few, daily_history_days=10)
    assert rows(first) == truth(few.account, ago(9))
    assert rows(daily(few, states(first)[-1], daily_history_days=5)) == truth(few.account, ago(4))
    # The later of both first days counts.
    assert rows(daily(few, daily_history_days=10, start_date=str(ago(3)))) == truth(few.account, ago(3))
    assert rows(daily(few, daily_history_days=3, start_date=str(ago(10)))) == truth(few.account, ago(2))
    # Without it, what is missing before comes.
    assert rows(first) | rows(daily(few, states(first)[-1])) == truth(few.account)


def test_totals_and_events_do_not_depend_on_daily_history_days(few: Sandbox) -> None:
    streams = ("campaign_analytics", ACTIVITY, "emails_sent")
    with_and_without = [synced(few, *streams, **config) for config in ({}, {"daily_history_days": 1})]
    for stream in streams:
        one, other = (stable_rows(output, stream) for output in with_and_without)
        assert one == other != []


def test_a_later_start_date_leaves_the_rest(few: Sandbox) -> None:
    state = states(daily(few))[-1]
    assert rows(daily(few, state, start_date=str(ago(5)))) == truth(few.account, ago(5))


@pytest.mark.parametrize(
    "campaigns",
    [
        {"999999": {"since": "2020-01-01", "until": "2020-02-01"}},
        {"910001": None, "910002": "2026-01-01", "910003": {}},
        {"910001": {"since": "soon", "until": 5}, "910002": {"until": "2026-01-01"}},
        {"not a number": {"since": "2020-01-01", "until": "2020-02-01"}},
        [],
        "none",
        None,
    ],
)
@pytest.mark.parametrize("unfinished", [None, "yes", {"day": 5}, {"day": "2020-01-01", "start_date": ""}])
def test_a_state_that_says_nothing_of_a_campaign_is_taken_for_none(
    few: Sandbox, campaigns: Any, unfinished: Any
) -> None:
    output = daily(few, {"campaigns": campaigns, "unfinished": unfinished, "more": 1})
    assert not output.errors
    assert rows(output) == truth(few.account)
    assert sorted(states(output)[-1]["campaigns"]) == [str(FIRST), str(SECOND), str(THIRD)]


@pytest.mark.parametrize(
    "known",
    [
        {"since": str(ago(40)), "until": str(TODAY + timedelta(days=400))},
        {"since": "0001-01-01", "until": str(TODAY)},
        {"since": "0001-01-01", "until": "0001-01-05"},
        {"since": str(TODAY), "until": str(ago(10))},
        {"since": str(ago(40)), "until": str(ago(10)), "last_active": "9999-12-31", "next": "9999-12-31"},
    ],
)
def test_a_state_that_no_sync_can_have_left_hides_no_day(few: Sandbox, known: dict[str, str]) -> None:
    unfinished = {"day": str(TODAY), "start_date": "", "mode": "incremental"}
    state = {"campaigns": {str(FIRST): known, "9" * 5_000: known}, "unfinished": unfinished}
    output = daily(few, state, campaign_ids=[FIRST], lookback_days=10)
    assert not output.errors
    expected = {key: row for key, row in truth(few.account).items() if key[0] == FIRST}
    if known["since"] == str(ago(40)) and known["until"] == str(ago(10)):
        # All but the look-back is known: only the days that make no sense are left out.
        expected = {key: row for key, row in expected.items() if key[1] >= str(ago(20))}
    assert rows(output) == expected


def test_a_full_refresh_reads_everything_whatever_the_state(few: Sandbox) -> None:
    output = daily(few)
    for state in (states(output)[0], states(output)[-1]):
        assert rows(daily(few, state, mode=SyncMode.full_refresh)) == truth(few.account)


def test_an_interrupted_full_refresh_goes_on(few: Sandbox) -> None:
    output = daily(few, mode=SyncMode.full_refresh)
    state = states(output)[2]
    assert state["unfinished"]
    assert 0 < len(rows(daily(few, state, mode=SyncMode.full_refresh))) < len(truth(few.account))


def test_a_sync_that_could_not_begin_leaves_the_state_as_it_was(few: Sandbox) -> None:
    state = states(daily(few))[-1]
    few.add_fault(faults.forbidden(path="/v1/get-user-campaigns", times=None))
    output = daily(few, state)
    assert failure(output, DAILY)
    assert states(output)[-1] == state


def test_an_interrupted_sync_is_continued_from_its_first_day_on_for_a_day(few: Sandbox) -> None:
    campaigns = {
        str(campaign): {"since": str(ago(60)), "until": str(ago(1)), "next": str(TODAY)}
        for campaign in (FIRST, SECOND, THIRD)
    }
    # A day that was not over when it was read is read again.
    for began, first in ((0, TODAY), (1, ago(1)), (2, ago(15))):
        unfinished = {"day": str(ago(began)), "start_date": "", "mode": "incremental"}
        output = daily(few, {"campaigns": campaigns, "unfinished": unfinished})
        assert rows(output) == truth(few.account, first)
        interrupted = [state["unfinished"]["day"] for state in states(output) if "unfinished" in state]
        assert set(interrupted) <= {str(ago(began)) if began < 2 else str(TODAY)}


def test_a_state_never_runs_ahead_of_its_records_and_comes_every_ten_requests() -> None:
    active = [[ago(day) for day in range(60) if day % 7 and (day + number) % 3] for number in range(5)]
    with Sandbox(account(*active), UNLIMITED) as sandbox:
        output = daily(sandbox)
    emitted: set[tuple[int, str]] = set()
    for message in output.get_message_iterator():
        if message.record:
            emitted.add((message.record.data["campaign_id"], message.record.data["date"]))
        elif message.state:
            for campaign, known in vars(message.state.stream.stream_state)["campaigns"].items():
                known = vars(known) if not isinstance(known, dict) else known
                # Of the day before the start there is no row of zeros.
                first = date.fromisoformat(known["since"]) + timedelta(days=1)
                claimed = days(first, date.fromisoformat(known["until"]))
                assert emitted.issuperset((int(campaign), str(day)) for day in claimed)
    assert len(states(output)) >= len(sandbox.requests) / 20


def test_a_sync_over_midnight_keeps_one_today(few: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    # The first is for the specification, the second for the sync, and then it is tomorrow.
    minutes = iter(datetime.combine(ago(1), datetime.max.time(), UTC) + timedelta(minutes=n) for n in range(-1, 10_000))

    class Now(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return next(minutes)

    monkeypatch.setattr("source_snov.declared_source.datetime", Now)
    found = rows(daily(few))
    assert found == truth(few.account, last=ago(1))


@pytest.mark.parametrize("field", [{"campaign_id": 7}, {"date": "2020-01-01"}, {"campaign_id": None, "date": 5}])
def test_a_field_of_the_api_does_not_take_the_place_of_the_key(few: Sandbox, field: dict[str, Any]) -> None:
    few.add_fault(faults.extra_fields(field, path=ANALYTICS_PATH, times=None))
    assert rows(daily(few)) == truth(few.account)


# Refusals and failures -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("recent", [True, False])
@pytest.mark.parametrize("unknown_ids", ["not_found", "unprocessable", "bad_request", "error_in_200"])
def test_a_campaign_that_the_api_refuses_is_skipped_and_no_other(clock: Clock, unknown_ids: Any, recent: bool) -> None:
    settings = Settings(requests_per_minute=None, unknown_ids=unknown_ids)
    with Sandbox(shapes.quiet(TODAY), settings) as sandbox:
        listed = sandbox.account.campaign_rows()
        gone = 910_123
        sandbox.account.remove_campaign(gone)
        sandbox.add_fault(faults.answer(200, listed, path="/v1/get-user-campaigns", times=None))
        before = {"since": str(ago(200)), "until": str(ago(1))} | ({"last_active": str(ago(2))} if recent else {})
        output = daily(sandbox, {"campaigns": {str(gone): before}}, start_date=str(ago(14)), lookback_days=5)
    assert not output.errors
    assert rows(output) == truth(sandbox.account, ago(14))
    [warning] = logs(output, "WARN")
    assert warning.startswith(f"{DAILY}: campaign {gone} is skipped")
    # As if it had not been asked about, but for the days that the start date leaves out.
    assert states(output)[-1]["campaigns"][str(gone)] == before | {"since": str(ago(14))}
    assert len(sandbox.requests) <= 60


def test_when_every_campaign_is_refused_the_sync_fails_rather_than_skip_them_all(clock: Clock) -> None:
    with Sandbox(shapes.quiet(TODAY), UNLIMITED) as sandbox:
        sandbox.add_fault(faults.answer(400, {"errors": "Bad filter"}, path=ANALYTICS_PATH, times=None))
        output = daily(sandbox, start_date=str(ago(14)))
    error = failure(output, DAILY)
    assert error.failure_type.value == "system_error"
    assert "Bad filter" in error.message
    assert rows(output) == {}
    assert len(sandbox.requests) <= 40


@pytest.mark.parametrize("campaigns", [2, 3, 4, 30])
@pytest.mark.parametrize("workers", [1, 4])
def test_when_every_campaign_is_said_to_be_gone_the_sync_fails(campaigns: int, workers: int) -> None:
    with Sandbox(account(*[[ago(5), TODAY]] * campaigns), UNLIMITED) as sandbox:
        sandbox.add_fault(faults.not_found(path=ANALYTICS_PATH, times=None))
        output = daily(sandbox, num_workers=workers)
    assert "there is nothing to read" in failure(output, DAILY).message
    assert rows(output) == {}


@pytest.mark.parametrize("skip", [0, 7, 60])
def test_a_request_that_fails_for_good_fails_the_sync_and_the_next_one_goes_on(clock: Clock, skip: int) -> None:
    with Sandbox(account(*[list(days(ago(29), TODAY))] * 8), UNLIMITED) as sandbox:
        sandbox.add_fault(faults.server_error(path=ANALYTICS_PATH, skip=skip, times=None))
        output = daily(sandbox)
        assert failure(output, DAILY).failure_type.value == "transient_error"
        answered = skip
        found = rows(output)
        expected = truth(sandbox.account)
        assert found == {key: expected[key] for key in found}
        assert len(found) <= answered + 20

        sandbox.clear_faults()
        again = daily(sandbox, states(output)[-1])
    assert rows(again) | found == expected
    # What was settled is not read again; a question under way and the campaigns found to be active are.
    assert len(rows(again)) <= len(expected) - len(found) + 15


def test_every_request_keeps_the_pace_and_waits_out_a_429(clock: Clock) -> None:
    with Sandbox(shapes.one_day(TODAY, 2), UNLIMITED) as sandbox:
        planted = sandbox.add_fault(faults.rate_limited(path=ANALYTICS_PATH, skip=3, times=2))
        output = daily(sandbox, num_workers=1)
        assert planted.hits == 2
    assert rows(output) == truth(sandbox.account)
    # The CDK adds a second to each.
    assert [round(pause) for pause in clock.sleeps if pause > 10] == [61, 121]


@pytest.mark.parametrize("status", [200, 400])
def test_an_api_that_begins_to_refuse_everything_fails_the_sync_rather_than_skip_the_rest(
    clock: Clock, status: int
) -> None:
    with Sandbox(shapes.quiet(TODAY), UNLIMITED) as sandbox:
        sandbox.add_fault(faults.success_false("text", "Bad filter", status, path=ANALYTICS_PATH, skip=4, times=None))
        output = daily(sandbox, start_date=str(ago(14)))
        error = failure(output, DAILY)
        assert error.failure_type.value == "system_error"
        assert "Bad filter" in error.message
        sandbox.clear_faults()
        after = daily(sandbox, states(output)[-1], start_date=str(ago(14)))
        assert rows(output) | rows(after) == truth(sandbox.account, ago(14))
