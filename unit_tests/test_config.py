"""What the source makes of a configuration, as `check` reports it and as requests show it."""

import json
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.test.entrypoint_wrapper import _run_command
from jsonschema import Draft7Validator

from source_snov import SourceSnov
from unit_tests._helpers import CAMPAIGN, Api, check, logs, records, sync


def status(output: Any) -> tuple[str, str]:
    [message] = output.connection_status_messages
    return message.connectionStatus.status.value, message.connectionStatus.message or ""


def test_check_succeeds_with_two_requests(api: Api, tmp_path: Path) -> None:
    api.campaigns(CAMPAIGN)
    assert status(check(tmp_path)) == ("SUCCEEDED", "")
    assert api.count() == 2


def test_an_account_without_campaigns_passes_check(api: Api, tmp_path: Path) -> None:
    api.campaigns()
    assert status(check(tmp_path)) == ("SUCCEEDED", "")


def test_check_names_the_campaign_ids_that_do_not_exist(api: Api, tmp_path: Path) -> None:
    api.campaigns(CAMPAIGN)
    result, message = status(check(tmp_path, campaign_ids=[910001, 5, 6]))
    assert result == "FAILED"
    assert message.startswith("These campaign_ids are not among the 1 campaigns that this API user can see: 5, 6.")


def test_check_passes_with_campaign_ids_that_exist_as_text_in_the_answer_too(api: Api, tmp_path: Path) -> None:
    api.campaigns(CAMPAIGN | {"id": "910001"})
    assert status(check(tmp_path, campaign_ids=[910001]))[0] == "SUCCEEDED"


def test_check_fails_with_the_reason_for_rejected_credentials(api: Api, tmp_path: Path) -> None:
    api.token({"status_code": 401, "json": {"message": "Unknown client"}})
    result, message = status(check(tmp_path))
    assert result == "FAILED"
    assert message.startswith("Snov.io rejected the API User ID or API Secret. Copy both again")


def test_check_does_not_wait_half_an_hour_for_the_rate_limit(api: Api, tmp_path: Path, clock: Any) -> None:
    api.campaigns(answers=[{"status_code": 429, "text": "Your rate is limited"}])
    output = check(tmp_path)
    assert "does not wait longer than 1.5 minutes" in output.errors[0].trace.error.message
    assert [round(sleep) for sleep in clock.sleeps] == [61]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"start_date": "2026-03-01", "end_date": "2026-02-28"}, "start_date 2026-03-01 is after end_date 2026-02-28"),
        ({"start_date": "2999-01-01", "end_date": ""}, "is after today ("),
        ({"start_date": "2026-02-30"}, "start_date 2026-02-30 is not a day of the calendar"),
        ({"end_date": "2026-13-01"}, "end_date 2026-13-01 is not a day of the calendar"),
        ({"api_url": "http://api.snov.io"}, "your secret would cross the network unencrypted"),
        ({"api_url": "http://localhost.example.com"}, "your secret would cross the network unencrypted"),
        ({"api_url": "http://127.0.0.1@example.com"}, "no user name, password, query or fragment"),
        ({"api_url": "https://user:pass@example.com"}, "no user name, password, query or fragment"),
        ({"api_url": "https://example.com/?token=1"}, "no user name, password, query or fragment"),
        ({"api_url": "https://[::1"}, "api_url is not a URL"),
        ({"api_url": "https://example.com:99999"}, "api_url is not a URL"),
    ],
)
def test_a_value_that_cannot_be_meant_fails_check_and_read_before_any_request(
    api: Api, tmp_path: Path, overrides: dict[str, Any], message: str
) -> None:
    if overrides.get("end_date") == "":
        overrides = {"start_date": overrides["start_date"]}
        result, text = status(_check_without_end_date(tmp_path, overrides))
    else:
        result, text = status(check(tmp_path, **overrides))
        [error] = sync("campaigns", **overrides).errors
        assert error.trace.error.failure_type.value == "config_error"
    assert result == "FAILED"
    assert message in text
    assert api.count() == 0


def _check_without_end_date(folder: Path, values: dict[str, Any]) -> Any:
    path = folder / "config.json"
    path.write_text(json.dumps({"client_id": "a", "client_secret": "b" * 8} | values))
    return _run_command(SourceSnov(), ["check", "--config", str(path)])


@pytest.mark.parametrize(
    "overrides",
    [
        {"requests_per_minute": 0},
        {"requests_per_minute": 6001},
        {"num_workers": 0},
        {"num_workers": 11},
        {"num_workers": "4"},
        {"campaign_ids": ["910001"]},
        {"campaign_ids": [0]},
        {"campaign_owners": ["not an address"]},
        {"campaign_owners": ["a@example.com,b@example.com"]},
        {"start_date": "01.02.2026"},
        {"client_id": ""},
        {"client_secret": 5},
        {"api_url": "ftp://example.com"},
    ],
)
def test_values_outside_the_specification_fail_check(api: Api, tmp_path: Path, overrides: dict[str, Any]) -> None:
    result, message = status(check(tmp_path, **overrides))
    assert result == "FAILED"
    assert message.startswith("Config validation error")
    assert api.count() == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8787",
        "http://localhost:8787/",
        "http://[::1]:8787",
        "https://Upper.Example/ ",
        "https://p.example/x/",
    ],
)
def test_the_api_may_be_elsewhere(api: Api, url: str) -> None:
    base = url.strip().rstrip("/")
    api.mocker.post(f"{base}/v1/oauth/access_token", json={"access_token": "t" * 40})
    api.mocker.get(f"{base}/v1/get-user-campaigns", json=[CAMPAIGN])
    assert len(records(sync("campaigns", api_url=url), "campaigns")) == 1


def test_campaign_ids_restrict_every_per_campaign_stream_and_not_the_list(api: Api) -> None:
    api.campaigns(CAMPAIGN, CAMPAIGN | {"id": 910002})
    api.analytics("campaign_id=910002&date_from=2026-01-01&date_to=2026-02-01")
    api.progress(910002)
    output = sync(campaign_ids=[910002])
    assert not output.errors
    assert len(records(output, "campaigns")) == 2
    assert [record["campaign_id"] for record in records(output, "campaign_analytics")] == [910002]
    assert [record["campaign_id"] for record in records(output, "campaign_progress")] == [910002]


def test_a_configured_campaign_that_is_gone_is_named_in_a_warning(api: Api) -> None:
    api.campaigns(CAMPAIGN)
    api.progress(910001)
    output = sync("campaign_progress", campaign_ids=[910001, 5])
    assert not output.errors
    [warning] = logs(output, "WARN")
    assert warning.startswith("campaign_progress: the campaign_ids 5 are not in the campaign list any more.")


def test_filters_are_sent_as_comma_lists(api: Api) -> None:
    api.campaigns(CAMPAIGN)
    api.analytics(
        "campaign_id=910001&date_from=2026-01-01&date_to=2026-02-01&campaign_owner=a@example.com,b@example.com"
        "&sender_email=55001,55002&sender_linkedin=66001"
    )
    output = sync(
        "campaign_analytics",
        campaign_owners=["a@example.com", "b@example.com"],
        sender_email_ids=[55001, 55002],
        sender_linkedin_ids=[66001],
    )
    assert not output.errors
    assert len(records(output, "campaign_analytics")) == 1


def test_the_form_that_the_specification_makes() -> None:
    [message] = _run_command(SourceSnov(), ["spec"]).spec_messages
    schema = message.spec.connectionSpecification
    Draft7Validator.check_schema(schema)
    fields = schema["properties"]
    assert sorted(fields, key=lambda name: fields[name]["order"]) == list(fields)
    assert [fields[name]["order"] for name in fields] == list(range(len(fields)))
    assert schema["required"] == ["client_id", "client_secret"]
    assert [name for name in fields if fields[name].get("airbyte_secret")] == ["client_secret"]
    assert [name for name in fields if fields[name].get("airbyte_hidden")] == ["api_url"]
    assert {name: fields[name]["default"] for name in fields if "default" in fields[name]} == {
        "requests_per_minute": 55,
        "num_workers": 4,
        "lookback_days": 14,
        "api_url": "https://api.snov.io",
    }
    for field in fields.values():
        assert field["title"]
        assert field["description"]
        assert ("pattern" in field) <= ("pattern_descriptor" in field or field.get("airbyte_hidden", False))
