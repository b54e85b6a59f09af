"""Responses that JSON parsers accept and warehouses reject; rows without a key, with another one's, or duplicates."""

import json
from typing import Any

import pytest
from airbyte_cdk.models import SyncMode

from unit_tests._helpers import ANALYTICS, API, CAMPAIGN, PROGRESS, Api, failure, logs, records, sync
from unit_tests._streams import DECLARED, schema
from unit_tests._streams import LISTS as PATHS

pytestmark = pytest.mark.long

OTHERWISE = ("account_balance", "webhooks")
"""An object, and rows within an envelope each."""
LISTS = {name: (path, DECLARED[name]["primary_key"]) for name, path in PATHS.items() if name not in OTHERWISE}


def listed(api: Api, stream: str, *rows: dict[str, Any]) -> None:
    path = LISTS[stream][0]
    api.mocker.get(f"{API}{path}", json=list(rows) if path.startswith("/v1") else {"data": list(rows)})


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_invalid_numbers_become_null(api: Api, text: str) -> None:
    api.campaigns(responses=[{"text": f'[{{"id": 1, "list_id": {text}, "new": [{text}, 2]}}]'}])
    output = sync("campaigns")
    assert records(output, "campaigns") == [{"id": 1, "new": [None, 2]}]
    assert not output.errors


@pytest.mark.parametrize("half", ["\\ud83d", "\\uDE00x", "\\ud83d \\ude00"])
def test_a_lone_surrogate_is_replaced_and_a_pair_kept(api: Api, half: str) -> None:
    api.campaigns(responses=[{"text": f'[{{"id": 1, "campaign": "a{half}\\ud83d\\ude00", "{half}": 1}}]'}])
    [record] = records(sync("campaigns"), "campaigns")
    assert record["campaign"].startswith("a\ufffd")
    assert record["campaign"].endswith("😀")
    assert json.dumps(record, ensure_ascii=False).encode()


@pytest.mark.parametrize("nul", ["\\u0000", "\x00"], ids=["escaped", "raw"])
def test_nul_is_replaced_in_values_and_names(api: Api, nul: str) -> None:
    """Postgres rejects it in text."""
    text = f'[{{"id": 1, "campaign": "EU{nul}Q3\\ud83d", "ne{nul}w": ["{nul}", {{"a{nul}": "\\\\u0000"}}]}}]'
    api.campaigns(responses=[{"text": text}])
    output = sync("campaigns")
    assert not output.errors
    assert records(output, "campaigns") == [
        {"id": 1, "campaign": "EU\ufffdQ3\ufffd", "ne\ufffdw": ["\ufffd", {"a\ufffd": "\\u0000"}]}
    ]


@pytest.mark.parametrize("half", ["\\ud83d", "Zo\\udc00"])
def test_an_error_with_a_lone_surrogate_is_reported(api: Api, half: str) -> None:
    api.campaigns(responses=[{"status_code": 403, "text": f'{{"message": "No {half}"}}'}])
    assert "\ufffd" in failure(sync("campaigns"), "campaigns").message


def test_a_deeply_nested_value_passes_through(api: Api) -> None:
    listed(api, "pipelines", {"id": 1, "newField": json.loads('{"newName":' * 300 + "1" + "}" * 300)})
    [record] = records(sync("pipelines"), "pipelines")
    assert list(record["new_field"]) == ["new_name"]


@pytest.mark.parametrize("value", ["5 January", "20260105", "2026-01-05 noon", 5, {"day": "2026-01-05"}])
def test_a_day_in_an_unknown_form_is_left_out_with_a_warning(api: Api, value: Any) -> None:
    listed(api, "warm_ups", {"id": 1, "start_date": value})
    output = sync("warm_ups")
    assert records(output, "warm_ups") == [{"id": 1}]
    [warning] = logs(output, "WARN")
    assert warning.startswith("warm_ups: start_date of warm_up 1 is ")


@pytest.mark.parametrize("stream", LISTS)
@pytest.mark.parametrize("key", [None, {}, [7], "absent"])
def test_a_stream_fails_if_no_row_has_its_key(api: Api, stream: str, key: Any) -> None:
    row = {} if key == "absent" else {LISTS[stream][1]: key}
    listed(api, stream, row | {"other": 1})
    output = sync(stream)
    error = failure(output, stream)
    assert error.failure_type.value == "system_error"
    assert f"No record that Snov.io gave for {stream} has its {LISTS[stream][1]}" in error.message
    assert records(output, stream) == []


@pytest.mark.parametrize("stream", LISTS)
def test_a_row_listed_twice_is_emitted_once(api: Api, stream: str) -> None:
    key = LISTS[stream][1]
    first, second = ("a", "b") if schema(stream)["properties"][key]["type"] == "string" else (1, 2)
    listed(api, stream, {key: first}, {key: second}, {key: first})
    assert [record[key] for record in records(sync(stream), stream)] == [first, second]


def test_a_campaign_listed_twice_is_emitted_once(api: Api) -> None:
    api.campaigns(CAMPAIGN, CAMPAIGN | {"id": "910001"}, CAMPAIGN | {"id": 910002})
    assert [record["id"] for record in records(sync("campaigns"), "campaigns")] == [910001, 910002]


@pytest.mark.parametrize(("given", "emitted"), [(910001, 910001), ("910001", 910001), (None, 910001), (7, 7)])
def test_settings_have_the_id_of_their_campaign(api: Api, given: Any, emitted: int) -> None:
    api.campaigns(CAMPAIGN)
    api.mocker.get(f"{API}/v2/campaigns/910001", json={"data": {"id": given, "title": "x"}})
    output = sync("campaign_settings")
    assert [record["id"] for record in records(output, "campaign_settings")] == [emitted]
    assert not output.errors


def test_alternating_pages_end(api: Api) -> None:
    api.campaigns(CAMPAIGN)
    pages = [{"json": {"data": [{"prospectEmail": f"{name}@example.com", "replyType": "email"}]}} for name in "ab"]
    replies = api.mocker.get(f"{API}/v2/campaigns/910001/all-replies", pages * 50)
    assert len(records(sync("campaign_replies"), "campaign_replies")) == 2
    assert replies.call_count == 3


def test_a_huge_count_is_left_out(api: Api) -> None:
    api.campaigns(CAMPAIGN)
    api.progress(910001, {"json": PROGRESS | {"unfinished": 10**400}})
    [record] = records(sync("campaign_progress"), "campaign_progress")
    assert "unfinished" not in record


def test_the_date_of_statistics_is_their_key_in_the_map(api: Api) -> None:
    listed(api, "warm_ups", {"id": 1, "start_date": "2026-05-01"})
    days = {"2026-05-01": {"date": None, "emails_sent": 4}, "2026-05-02": {"date": "yesterday", "emails_sent": 5}}
    api.mocker.get(f"{API}/v2/warm-up/statistics/1", json={"data": {"daily_statistics": days}})
    output = sync("warm_up_daily_statistics", end_date="2026-05-02")
    assert [(row["date"], row["emails_sent"]) for row in records(output, "warm_up_daily_statistics")] == [
        ("2026-05-01", 4),
        ("2026-05-02", 5),
    ]


@pytest.mark.parametrize("status", ["Paused", "Active (On hold)", None])
def test_a_campaign_without_a_start_is_read_from_its_creation_with_a_warning(api: Api, status: str | None) -> None:
    """Its status says that it was started, or the field is missing."""
    without = {name: value for name, value in CAMPAIGN.items() if name != "started_at"}
    api.campaigns(without | ({"status": status, "started_at": None} if status else {}))
    sent = {"id": "s1", "prospectEmail": "pat@example.com", "sentDate": "2026-01-09 10:00:00"}
    api.mocker.get(f"{API}/v1/emails-sent", [{"json": [sent]}, {"json": []}])
    output = sync("emails_sent")
    assert [record["id"] for record in records(output, "emails_sent")] == ["s1"]
    [warning] = logs(output, "WARN")
    assert warning.startswith("The started_at of campaign 910001 is 'None', which is not a time.")


@pytest.mark.parametrize("days", [{}, {"2026-01-02": {"emails_sent": 4}}], ids=["none yet", "some"])
def test_figures_that_are_still_being_computed_are_read_again(api: Api, days: dict[str, Any]) -> None:
    listed(api, "warm_ups", {"id": 301, "status": "active", "start_date": "2026-01-01"})
    responses = [
        {"json": {"data": {"daily_statistics": found or [], "is_calculated": ready}}}
        for found, ready in ((days, False), ({"2026-01-01": {"emails_sent": 3}, **days}, True))
    ]
    statistics = api.mocker.get(f"{API}/v2/warm-up/statistics/301", responses)
    stream = "warm_up_daily_statistics"
    first = sync(stream, mode=SyncMode.incremental, lookback_days=0)
    assert len(records(first, stream)) == len(days)
    assert len(logs(first, "WARN")) == (1 if days else 0)
    second = sync(stream, mode=SyncMode.incremental, lookback_days=0, state=[first.state_messages[-1].state])
    assert [record["date"] for record in records(second, stream)] == ["2026-01-01", *days]
    assert statistics.last_request.qs["date_from"] == ["2026-01-01"]


def test_a_total_as_text_counts_like_a_number(api: Api) -> None:
    listed(api, "prospect_lists", {"id": 1, "name": "x", "isDeleted": False})

    def page(request: Any, _: Any) -> Any:
        first = 50 * (request.json().get("page", 1) - 1)
        people = [{"emails": [{"email": f"p{one}@example.com"}]} for one in range(first, min(first + 50, 120))]
        return {"success": True, "list": {"contacts": "120"}, "prospects": people}

    api.mocker.post(f"{API}/v1/prospect-list", json=page)
    assert len(records(sync("list_prospects"), "list_prospects")) == 120


def test_an_empty_first_page_of_a_non_empty_listing_gives_a_warning(api: Api) -> None:
    listed(api, "prospect_lists", {"id": 1, "name": "x", "isDeleted": False})
    body = {"success": True, "list": {"contacts": 230}, "prospects": []}
    api.mocker.post(f"{API}/v1/prospect-list", json=body)
    output = sync("list_prospects")
    assert records(output, "list_prospects") == []
    [warning] = logs(output, "WARN")
    assert warning.startswith("list_prospects: Snov.io speaks of 230 rows and gave 0.")


@pytest.mark.parametrize(
    "body",
    [{"status": "error", "message": "Try again"}, {"success": 0, "status": "Active"}],
    ids=["status", "success"],
)
def test_an_error_with_status_200_is_not_a_record(api: Api, body: dict[str, Any]) -> None:
    api.campaigns(CAMPAIGN)
    api.progress(910001, {"json": body})
    output = sync("campaign_progress")
    assert records(output, "campaign_progress") == []
    assert failure(output, "campaign_progress")


def test_totals_of_senders_start_with_the_first_campaign(api: Api) -> None:
    """The maximum period of the API is unknown, and 26 years would be pointless."""
    api.campaigns(CAMPAIGN)
    listed(api, "sender_email_accounts", {"id": 55001})
    analytics = api.mocker.get(f"{API}/v2/statistics/campaign-analytics", json=ANALYTICS)
    [record] = records(sync("sender_analytics"), "sender_analytics")
    assert record["date_from"] == "2000-01-01"
    assert analytics.last_request.qs["date_from"] == ["2026-01-01"]


@pytest.mark.parametrize("status", ["Draft", "Scheduled", "Inactive"])
def test_a_campaign_that_was_never_started_is_not_requested(api: Api, status: str) -> None:
    api.campaigns(CAMPAIGN | {"status": status, "started_at": None})
    output = sync("emails_sent")
    assert records(output, "emails_sent") == []
    assert not logs(output, "WARN")
