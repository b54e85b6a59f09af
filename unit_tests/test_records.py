"""Records: periods, types, unknown and missing fields, keys. For all streams, see test_streams.py."""

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest
from jsonschema import FormatChecker

from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from source_snov.records.types import MAX_NEW_FIELDS
from unit_tests._daily import FURTHEST_BEHIND, as_number, day_of
from unit_tests._helpers import ANALYTICS, API, CAMPAIGN, PROGRESS, Api, logs, records, sync
from unit_tests._names import ONE_PER_CAMPAIGN
from unit_tests._streams import strict

NOON = 1767268800
"""2026-01-01T12:00:00Z."""


def test_a_date_time_is_among_the_formats_that_are_checked() -> None:
    """jsonschema ignores a format whose package is not installed."""
    assert not FormatChecker().conforms("yesterday", "date-time")


def test_every_record_with_one_per_campaign_fits_its_schema_and_equals_the_accounts_truth() -> None:
    with Sandbox(settings=UNLIMITED) as sandbox:
        output = sync(whole_config=sandbox.config())
        assert not output.errors
        rows = {row["id"]: row for row in sandbox.account.campaign_rows()}
        for stream in ONE_PER_CAMPAIGN:
            key = "id" if stream == "campaigns" else "campaign_id"
            found = records(output, stream)
            assert sorted(record[key] for record in found) == sorted(rows)
            for record in found:
                strict(stream).validate(record)
        today = max(record["date_to"] for record in records(output, "campaign_analytics"))
        for record in records(output, "campaign_analytics"):
            created = str(day_of(rows[record["campaign_id"]]["created_at"], FURTHEST_BEHIND))
            assert (record.pop("date_from"), record.pop("date_to")) == (created, today)
            assert record.pop("checked_at") >= f"{today}T00:00:00Z"
            truth = sandbox.account.analytics([record.pop("campaign_id")], _date(created), _date(today))
            assert record == {name: as_number(value) for name, value in truth.items()}
        for record in records(output, "campaign_progress"):
            truth = sandbox.account.progress(record["campaign_id"])
            assert {name: record[name] for name in truth} == {name: as_number(value) for name, value in truth.items()}


def _date(day: str) -> Any:
    return datetime.fromisoformat(day).date()


def test_a_campaign_keeps_the_apis_names_and_gets_its_times_in_utc(api: Api) -> None:
    api.campaigns(CAMPAIGN)
    assert records(sync("campaigns"), "campaigns") == [
        CAMPAIGN
        | {
            "created_at": "2026-01-01T12:00:00Z",
            "updated_at": "2026-01-02T00:00:00Z",
            "started_at": "2026-01-01T13:00:00Z",
        }
    ]


@pytest.mark.parametrize(
    "value",
    [
        1767229200,
        "1767229200",
        {"date": "2026-01-01 01:00:00.000000", "timezone_type": 3, "timezone": "UTC"},
        "2026-01-01 01:00:00",
        "2026-01-01T01:00:00Z",
        "2026-01-01T03:00:00+02:00",
        1767229200000,
        {"date": "2026-01-01 03:00:00.000000", "timezone_type": 3, "timezone": "Europe/Kyiv"},
    ],
)
def test_a_time_may_arrive_in_any_of_the_apis_forms(api: Api, value: Any) -> None:
    api.campaigns(CAMPAIGN | {"started_at": value})
    assert records(sync("campaigns"), "campaigns")[0]["started_at"] == "2026-01-01T01:00:00Z"


@pytest.mark.parametrize(
    ("zone", "kind", "offset"),
    [
        ("Europe/Kyiv", 3, 3),
        ("CET", 3, 2),
        # PHP ignores daylight saving time for abbreviations.
        ("CET", 2, 1),
        ("CEST", 2, 2),
        ("EEST", 2, 3),
        ("EDT", 2, -4),
        ("UTC", 2, 0),
        ("+02:00", 1, 2),
    ],
)
def test_a_php_date_of_summer_is_converted_by_its_kind_of_zone(api: Api, zone: str, kind: int, offset: int) -> None:
    api.campaigns(
        CAMPAIGN | {"updated_at": {"date": "2026-07-01 10:00:00.000000", "timezone_type": kind, "timezone": zone}}
    )
    output = sync("campaigns")
    assert records(output, "campaigns")[0]["updated_at"] == f"2026-07-01T{10 - offset:02}:00:00Z"
    assert not logs(output, "WARN")


@pytest.mark.parametrize(
    "zone",
    ["CST", "IST", "PST", "XYZ", "Mars/Base", "../../etc/passwd", "Europe", "Europe/", "\u0000", "+25:00", 5, ["UTC"]],
)
@pytest.mark.parametrize("kind", [2, 3])
def test_a_time_in_an_unknown_or_ambiguous_zone_is_left_out_with_a_warning(api: Api, zone: Any, kind: int) -> None:
    api.campaigns(
        CAMPAIGN | {"updated_at": {"date": "2026-07-01 10:00:00.000000", "timezone_type": kind, "timezone": zone}}
    )
    output = sync("campaigns")
    [record] = records(output, "campaigns")
    assert "updated_at" not in record
    assert record["created_at"] == "2026-01-01T12:00:00Z"
    [warning] = logs(output, "WARN")
    assert warning.startswith("campaigns: updated_at of campaign 910001 is an object, ")


@pytest.mark.parametrize("value", [-10800, 946684799, 1, "1999-12-31 23:59:59", "0001-01-01T00:00:00Z", 10**400])
def test_a_time_before_2000_or_after_9999_is_left_out_with_a_warning(api: Api, value: Any) -> None:
    api.campaigns(CAMPAIGN | {"updated_at": value})
    output = sync("campaigns")
    [record] = records(output, "campaigns")
    assert "updated_at" not in record
    assert record["created_at"] == "2026-01-01T12:00:00Z"
    [warning] = logs(output, "WARN")
    assert warning.startswith("campaigns: updated_at of campaign 910001 is ")


@pytest.mark.parametrize(
    "value",
    [
        0,
        "0",
        "",
        [],
        False,
        "0000-00-00",
        "0000-00-00 00:00:00",
        {"date": "-0001-11-30 00:00:00.000000", "timezone_type": 3, "timezone": "UTC"},
        {"date": None},
    ],
)
def test_placeholders_for_no_time_are_null_without_a_warning(api: Api, value: Any) -> None:
    api.campaigns(CAMPAIGN | {"updated_at": value})
    one = {"data": [{"id": 1, "campaign_deadline": value}], "meta": {"total_items": 1}}
    api.mocker.get(f"{API}/v2/warm-up", json=one)
    api.mocker.get(f"{API}/v2/campaigns/910001", json={"data": {"id": 910001, "start_campaign_at": value}})
    output = sync("campaigns", "warm_ups", "campaign_settings")
    assert not output.errors
    assert "updated_at" not in records(output, "campaigns")[0]
    assert records(output, "warm_ups") == [{"id": 1}]
    [settings] = records(output, "campaign_settings")
    assert settings.keys() == {"id", "checked_at"}
    assert not logs(output, "WARN")


@pytest.mark.parametrize(
    "value",
    [
        "2026-05-01",
        "2026-05-01 00:00:00",
        "2026-05-01T00:00:00+03:00",
        {"date": "2026-05-01 00:00:00.000000", "timezone_type": 3, "timezone": "Europe/Kyiv"},
    ],
)
def test_a_day_is_not_converted_to_utc(api: Api, value: Any) -> None:
    """Midnight in Kyiv is still the day before in UTC."""
    api.mocker.get(f"{API}/v2/warm-up", json={"data": [{"id": 1, "start_date": value}]})
    assert records(sync("warm_ups"), "warm_ups") == [{"id": 1, "start_date": "2026-05-01"}]


@pytest.mark.parametrize(
    ("value", "percent"), [("61%", 61), ("61", 61), (61, 61), (61.0, 61), ("61.5%", 61.5), ("0%", 0)]
)
def test_a_percentage_is_a_number(api: Api, value: Any, percent: float) -> None:
    api.campaigns(CAMPAIGN)
    api.progress(910001, {"json": PROGRESS | {"progress": value}})
    [record] = records(sync("campaign_progress"), "campaign_progress")
    assert record["progress"] == percent
    assert not isinstance(record["progress"], str)


@pytest.mark.parametrize("value", [31, "31", 31.0])
def test_a_count_is_an_integer(api: Api, value: Any) -> None:
    api.campaigns(CAMPAIGN)
    api.analytics(
        "campaign_id=910001&date_from=2026-01-01&date_to=2026-02-01", {"json": ANALYTICS | {"delivered": value}}
    )
    [record] = records(sync("campaign_analytics"), "campaign_analytics")
    assert record["delivered"] == 31
    assert isinstance(record["delivered"], int)


@pytest.mark.parametrize("value", ["n/a", "1,5", "31%", 31.5, True, [31], {"n": 31}, "NaN", "1e3", 2**63, "9" * 400])
def test_an_unreadable_value_is_left_out_with_one_warning(api: Api, value: Any) -> None:
    api.campaigns(CAMPAIGN)
    api.analytics(
        "campaign_id=910001&date_from=2026-01-01&date_to=2026-02-01", {"json": ANALYTICS | {"bounced": value}}
    )
    output = sync("campaign_analytics")
    [record] = records(output, "campaign_analytics")
    assert "bounced" not in record
    assert record["emails_sent"] == 31
    [warning] = logs(output, "WARN")
    assert warning.startswith("campaign_analytics: bounced of campaign 910001 is ")


@pytest.mark.parametrize(
    ("value", "text"), [(2026, "2026"), (10**19, "1" + "0" * 19), (1.5, "1.5"), (True, "true"), ("2026", "2026")]
)
def test_a_text_may_arrive_as_a_number(api: Api, value: Any, text: str) -> None:
    """A campaign may be called 2026, and a phone number may be digits only."""
    api.campaigns(CAMPAIGN | {"campaign": value})
    row = {"event_time": "2026-01-02 09:00:00", "event_type": "open", "phone": value}
    one = {"data": [row], "pagination": {"total": 1, "has_more": False}}
    api.mocker.get(f"{API}/v2/campaigns/910001/recipients-activity", json=one)
    api.mocker.get(f"{API}/v2/sender-accounts/emails", json={"data": [{"id": 1, "tags": [value, None]}]})
    output = sync("campaigns", "campaign_recipients_activity", "sender_email_accounts", end_date="2026-01-30")
    assert records(output, "campaigns")[0]["campaign"] == text
    assert records(output, "campaign_recipients_activity")[0]["phone"] == text
    assert records(output, "sender_email_accounts")[0]["tags"] == [text, None]
    assert not logs(output, "WARN")


@pytest.mark.parametrize("value", [{"name": "EU"}, ["EU"]])
def test_objects_and_lists_do_not_become_text(api: Api, value: Any) -> None:
    api.campaigns(CAMPAIGN | {"campaign": value})
    output = sync("campaigns")
    assert "campaign" not in records(output, "campaigns")[0]
    [warning] = logs(output, "WARN")
    assert warning.startswith("campaigns: campaign of campaign 910001 is a")


@pytest.mark.parametrize("value", [True, 1, "1", "true", "True", "yes", "on", False, 0, "0", "false", "no", "off"])
def test_a_boolean_may_arrive_as_a_number_or_a_text(api: Api, value: Any) -> None:
    truth = value in (True, 1, "1", "true", "True", "yes", "on")
    row = {"id": 1, "valid": value, "imap": {"valid": value}}
    api.mocker.get(f"{API}/v2/sender-accounts/emails", json={"data": [row]})
    output = sync("sender_email_accounts")
    [record] = records(output, "sender_email_accounts")
    assert record["valid"] is truth
    assert record["imap"]["valid"] is truth
    assert not logs(output, "WARN")


@pytest.mark.parametrize("value", [2, -1, 0.5, "", "maybe", "2", [True], {"valid": True}])
def test_an_unknown_word_for_a_boolean_is_left_out_with_a_warning(api: Api, value: Any) -> None:
    api.mocker.get(f"{API}/v2/sender-accounts/emails", json={"data": [{"id": 1, "valid": value}]})
    output = sync("sender_email_accounts")
    assert records(output, "sender_email_accounts") == [{"id": 1}]
    [warning] = logs(output, "WARN")
    assert warning.startswith("sender_email_accounts: valid of sender_email_account 1 is ")


@pytest.mark.parametrize("deleted", [True, 1, "1", "true"])
def test_prospects_of_a_deleted_list_are_not_requested(api: Api, deleted: Any) -> None:
    api.mocker.get(f"{API}/v1/get-user-lists", json=[{"id": 1, "isDeleted": deleted}, {"id": 2, "isDeleted": "0"}])
    prospects = {"success": True, "list": {"contacts": 1}, "prospects": [{"name": "Pat", "emails": []}]}
    asked = api.mocker.post(f"{API}/v1/prospect-list", json=prospects)
    output = sync("list_prospects")
    assert [record["list_id"] for record in records(output, "list_prospects")] == [2]
    assert {request.json()["listId"] for request in asked.request_history} == {2}


def test_a_text_id_may_arrive_as_a_number(api: Api) -> None:
    api.campaigns(CAMPAIGN)
    rows = [
        {"id": 77, "sentDate": 1767344400},
        {"id": "77", "sentDate": 1767344400},
        {"id": "a", "sentDate": 1767344400},
    ]
    api.mocker.get(f"{API}/v1/emails-sent", json=rows)
    output = sync("emails_sent", end_date="2026-01-31")
    assert not output.errors
    assert [record["id"] for record in records(output, "emails_sent")] == ["77", "a"]


def test_a_thousand_invalid_values_give_one_warning_per_stream_and_field(api: Api) -> None:
    odd = {"campaign": ["x"], "updated_at": "yesterday"}
    api.campaigns(*(CAMPAIGN | odd | {"id": 910001 + number} for number in range(1000)))
    output = sync("campaigns")
    assert len(records(output, "campaigns")) == 1000
    assert sorted(logs(output, "WARN")) == [
        f"campaigns: {text}, which is not of the type the schema declares. The value is left out. (1,000 times in this "
        "sync; this is the first.)"
        for text in ("campaign of campaign 910001 is a list", "updated_at of campaign 910001 is 'yesterday'")
    ]


def test_new_fields_of_the_api_are_named_once(api: Api) -> None:
    api.campaigns(
        *(CAMPAIGN | {"id": 910001 + n, "leadScore": n, "owner": {"name": "Ada"}, "none": None} for n in range(3))
    )
    api.progress(910001)
    settings = {"tracking": {"open": True, "unsubscribe": False}, "sequence": {"a": 1}, "deals": {"b": 1}}
    for campaign in (910001, 910002, 910003):
        api.mocker.get(f"{API}/v2/campaigns/{campaign}", json={"data": {"id": campaign, **settings}})
    clicks = {"id": "a", "visitedAt": 1767344400, "customField_Region": "EU", "customFields": {"Seats": 5}}
    api.mocker.get(f"{API}/v1/get-emails-clicked", json=[clicks | {"linkUrl": "https://example.com"}])
    replies = [{"mood": 1.5}, {"mood": 1}]
    api.replies(910001, {"prospectEmail": "a@example.com", "replyType": "email", "replies": replies})
    output = sync(
        *("campaigns", "campaign_settings", "email_clicks", "campaign_replies"),
        campaign_ids=[910001],
        end_date="2026-01-31",
    )
    assert not output.errors
    named = [text.split(",")[0] for text in logs(output, "INFO") if "new field" in text]
    assert sorted(named) == [
        "campaign_replies: new field replies.mood (number)",
        "campaign_settings: new field tracking.unsubscribe (boolean)",
        "campaigns: new field leadScore (integer)",
        "campaigns: new field owner (object)",
        "email_clicks: new field link_url (string)",
    ]
    assert not logs(output, "WARN")


def test_objects_with_varying_keys_do_not_flood_the_log(api: Api) -> None:
    api.campaigns(*(CAMPAIGN | {"id": 910001 + n, f"field of {n}": n} for n in range(300)))
    output = sync("campaigns")
    assert all(record[f"field of {n}"] == n for n, record in enumerate(records(output, "campaigns")))
    assert sum("new field" in text for text in logs(output, "INFO")) == MAX_NEW_FIELDS


def test_nulls_and_missing_fields_are_absent_and_unknown_ones_pass_through(api: Api) -> None:
    api.campaigns(CAMPAIGN | {"status": "Draft", "started_at": None, "owner": {"name": "Ada"}})
    api.progress(910001, {"json": {"progress": None, "unfinished": 3, "new_field": ["x", 1]}})
    output = sync("campaigns", "campaign_progress")
    [campaign] = records(output, "campaigns")
    assert "started_at" not in campaign
    assert campaign["owner"] == {"name": "Ada"}
    [progress] = records(output, "campaign_progress")
    assert set(progress) == {"campaign_id", "unfinished", "checked_at", "new_field"}
    assert progress["new_field"] == ["x", 1]
    assert not logs(output, "WARN")


@pytest.mark.parametrize(
    ("overrides", "created", "period"),
    [
        ({}, NOON, ("2026-01-01", "2026-02-01")),
        # In time zones behind UTC, it was the day before.
        ({}, NOON - 1, ("2025-12-31", "2026-02-01")),
        ({"start_date": "2025-06-01"}, NOON, ("2025-06-01", "2026-02-01")),
        ({"start_date": "2026-01-15"}, NOON, ("2026-01-15", "2026-02-01")),
        ({"end_date": "2025-12-01"}, NOON, ("2025-12-01", "2025-12-01")),
        ({}, None, ("2000-01-01", "2026-02-01")),
    ],
    ids=[
        "created to end",
        "created early",
        "start before creation",
        "start after creation",
        "created after the end",
        "unknown creation",
    ],
)
def test_the_record_has_the_requested_period(
    api: Api, overrides: dict[str, Any], created: Any, period: tuple[str, str]
) -> None:
    api.campaigns(CAMPAIGN | {"created_at": created})
    first, last = map(date.fromisoformat, period)
    middle = first + (last - first) // 2
    # The halves of a long period, and what is asked for.
    for begin, end in ((first, middle), (middle + timedelta(days=1), last), (first, last)):
        api.analytics(f"campaign_id=910001&date_from={begin}&date_to={end}")
    [record] = records(sync("campaign_analytics", **overrides), "campaign_analytics")
    assert (record["date_from"], record["date_to"]) == period
    assert list(record)[:4] == ["campaign_id", "date_from", "date_to", "emails_sent"]


def test_a_campaign_listed_twice_is_requested_once(api: Api) -> None:
    api.campaigns(CAMPAIGN, CAMPAIGN)
    api.progress(910001)
    assert len(records(sync("campaign_progress"), "campaign_progress")) == 1
    assert api.count("progress") == 1


def test_a_snapshot_has_its_time(api: Api) -> None:
    api.one_campaign()
    before = datetime.now(timezone.utc).replace(microsecond=0)
    [record] = records(sync("campaign_progress"), "campaign_progress")
    assert before <= datetime.fromisoformat(record["checked_at"]) <= datetime.now(timezone.utc)


def test_an_id_as_text_becomes_a_number_everywhere(api: Api) -> None:
    api.campaigns(CAMPAIGN | {"id": "910001"})
    api.progress(910001)
    output = sync("campaigns", "campaign_progress")
    assert records(output, "campaigns")[0]["id"] == 910001
    assert records(output, "campaign_progress")[0]["campaign_id"] == 910001


@pytest.mark.parametrize(
    ("links", "emitted"),
    [
        ("https://example.com/in", ["https://example.com/in"]),
        ({"site": "example.com"}, [{"site": "example.com"}]),
        (["a", {"b": 1}], ["a", {"b": 1}]),
        ([], []),
    ],
)
def test_links_in_any_form_become_a_list(api: Api, links: Any, emitted: list[Any]) -> None:
    api.campaigns(CAMPAIGN)
    row = {"id": "a" * 32, "visitedAt": "2026-01-05 09:00:00", "links": links}
    api.mocker.get(f"{API}/v1/get-emails-opened", json=[row])
    output = sync("email_opens", end_date="2026-01-31")
    assert [record["links"] for record in records(output, "email_opens")] == [emitted]
    assert not logs(output, "WARN")
