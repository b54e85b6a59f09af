"""Answers that JSON's readers take and no warehouse could hold; rows without a key, with another's, or given twice."""

import json
from typing import Any

import pytest

from unit_tests._helpers import API, CAMPAIGN, PROGRESS, Api, failure, logs, records, sync

LISTS = {
    "sender_email_accounts": ("/v2/sender-accounts/emails", "id"),
    "prospect_lists": ("/v1/get-user-lists", "id"),
    "prospect_custom_fields": ("/v1/prospect-custom-fields", "key"),
    "sending_schedules": ("/v2/campaigns/schedules", "id"),
    "do_not_email_lists": ("/v2/blacklists", "id"),
    "pipelines": ("/v2/pipelines", "id"),
    "warm_ups": ("/v2/warm-up", "id"),
}


def listed(api: Api, stream: str, *rows: dict[str, Any]) -> None:
    path = LISTS[stream][0]
    api.mocker.get(f"{API}{path}", json=list(rows) if path.startswith("/v1") else {"data": list(rows)})


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_null(api: Api, text: str) -> None:
    api.campaigns(answers=[{"text": f'[{{"id": 1, "list_id": {text}, "new": [{text}, 2]}}]'}])
    output = sync("campaigns")
    assert records(output, "campaigns") == [{"id": 1, "new": [None, 2]}]
    assert not output.errors


@pytest.mark.parametrize("half", ["\\ud83d", "\\uDE00x", "\\ud83d \\ude00"])
def test_half_a_character_is_replaced_and_a_whole_one_kept(api: Api, half: str) -> None:
    api.campaigns(answers=[{"text": f'[{{"id": 1, "campaign": "a{half}\\ud83d\\ude00", "{half}": 1}}]'}])
    [record] = records(sync("campaigns"), "campaigns")
    assert record["campaign"].startswith("a\ufffd")
    assert record["campaign"].endswith("😀")
    assert json.dumps(record, ensure_ascii=False).encode()


@pytest.mark.parametrize("half", ["\\ud83d", "Zo\\udc00"])
def test_half_a_character_in_an_error_is_told(api: Api, half: str) -> None:
    api.campaigns(answers=[{"status_code": 403, "text": f'{{"message": "No {half}"}}'}])
    assert "\ufffd" in failure(sync("campaigns"), "campaigns").message


def test_a_value_nested_deeply_is_passed_on(api: Api) -> None:
    listed(api, "pipelines", {"id": 1, "newField": json.loads('{"newName":' * 300 + "1" + "}" * 300)})
    [record] = records(sync("pipelines"), "pipelines")
    assert list(record["new_field"]) == ["new_name"]


@pytest.mark.parametrize("value", ["5 January", "20260105", "2026-01-05T09:00:00Z", 5, {"date": "2026-01-05"}])
def test_a_day_of_another_form_is_left_out_with_a_warning(api: Api, value: Any) -> None:
    listed(api, "warm_ups", {"id": 1, "start_date": value})
    output = sync("warm_ups")
    assert records(output, "warm_ups") == [{"id": 1}]
    [warning] = logs(output, "WARN")
    assert warning.startswith("warm_ups: start_date of warm_up 1 is ")


@pytest.mark.parametrize("stream", LISTS)
@pytest.mark.parametrize("key", [None, {}, [7], "absent"])
def test_a_row_without_its_key_fails_the_stream(api: Api, stream: str, key: Any) -> None:
    row = {} if key == "absent" else {LISTS[stream][1]: key}
    listed(api, stream, row | {"other": 1})
    output = sync(stream)
    error = failure(output, stream)
    assert error.failure_type.value == "system_error"
    assert f"a record for {stream} whose {LISTS[stream][1]} is missing or of an unknown form" in error.message
    assert records(output, stream) == []


@pytest.mark.parametrize("stream", LISTS)
def test_a_row_that_is_listed_twice_is_emitted_once(api: Api, stream: str) -> None:
    key = LISTS[stream][1]
    first, second = ("a", "b") if key == "key" else (1, 2)
    listed(api, stream, {key: first}, {key: second}, {key: first})
    assert [record[key] for record in records(sync(stream), stream)] == [first, second]


def test_a_campaign_that_is_listed_twice_is_emitted_once(api: Api) -> None:
    api.campaigns(CAMPAIGN, CAMPAIGN | {"id": "910001"}, CAMPAIGN | {"id": 910002})
    assert [record["id"] for record in records(sync("campaigns"), "campaigns")] == [910001, 910002]


@pytest.mark.parametrize(("answered", "emitted"), [(910001, [910001]), ("910001", [910001]), (None, [910001]), (7, [])])
def test_settings_stand_at_the_campaign_that_was_asked_about(api: Api, answered: Any, emitted: list[int]) -> None:
    api.campaigns(CAMPAIGN)
    api.mocker.get(f"{API}/v2/campaigns/910001", json={"data": {"id": answered, "title": "x"}})
    output = sync("campaign_settings")
    assert [record["id"] for record in records(output, "campaign_settings")] == emitted
    assert bool(output.errors) is not bool(emitted)


def test_pages_that_come_in_turns_end(api: Api) -> None:
    api.campaigns(CAMPAIGN)
    pages = [{"json": {"data": [{"prospectEmail": f"{name}@example.com", "replyType": "email"}]}} for name in "ab"]
    replies = api.mocker.get(f"{API}/v2/campaigns/910001/all-replies", pages * 50)
    assert len(records(sync("campaign_replies"), "campaign_replies")) == 2
    assert replies.call_count == 3


def test_a_count_beyond_all_numbers_is_left_out(api: Api) -> None:
    api.campaigns(CAMPAIGN)
    api.progress(910001, {"json": PROGRESS | {"unfinished": 10**400}})
    [record] = records(sync("campaign_progress"), "campaign_progress")
    assert "unfinished" not in record
