"""How configurations are handled, as `check` reports and requests show."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from airbyte_cdk.test.entrypoint_wrapper import _run_command
from jsonschema import Draft7Validator

from source_snov import SourceSnov
from unit_tests._helpers import CAMPAIGN, Api, check, connection_status, logs, records, sync
from unit_tests._streams import MANIFEST


def test_check_succeeds_with_two_requests(api: Api, tmp_path: Path) -> None:
    api.campaigns(CAMPAIGN)
    assert connection_status(check(tmp_path)) == ("SUCCEEDED", "")
    assert api.count() == 2


def test_an_account_without_campaigns_passes_check(api: Api, tmp_path: Path) -> None:
    api.campaigns()
    assert connection_status(check(tmp_path)) == ("SUCCEEDED", "")


def test_check_names_the_campaign_ids_that_do_not_exist(api: Api, tmp_path: Path) -> None:
    api.campaigns(CAMPAIGN)
    result, message = connection_status(check(tmp_path, campaign_ids=[910001, 5, 6]))
    assert result == "FAILED"
    assert message.startswith("These campaign_ids are not among the 1 campaigns that this API user can see: 5, 6.")


def test_check_passes_with_campaign_ids_that_the_api_sends_as_text(api: Api, tmp_path: Path) -> None:
    api.campaigns(CAMPAIGN | {"id": "910001"})
    assert connection_status(check(tmp_path, campaign_ids=[910001]))[0] == "SUCCEEDED"


def test_check_fails_with_the_reason_for_rejected_credentials(api: Api, tmp_path: Path) -> None:
    api.token({"status_code": 401, "json": {"message": "Unknown client"}})
    result, message = connection_status(check(tmp_path))
    assert result == "FAILED"
    assert message.startswith("Snov.io rejected the API User ID or API Secret. Copy both again")


def test_check_does_not_wait_half_an_hour_for_the_rate_limit(api: Api, tmp_path: Path, clock: Any) -> None:
    api.campaigns(responses=[{"status_code": 429, "text": "Your rate is limited"}])
    output = check(tmp_path)
    assert "does not wait longer than 1.25 minutes" in connection_status(output)[1]
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
def test_an_invalid_value_fails_check_and_read_before_any_request(
    api: Api, tmp_path: Path, overrides: dict[str, Any], message: str
) -> None:
    if overrides.get("end_date") == "":
        overrides = {"start_date": overrides["start_date"]}
        result, text = connection_status(_check_without_end_date(tmp_path, overrides))
    else:
        result, text = connection_status(check(tmp_path, **overrides))
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
    result, message = connection_status(check(tmp_path, **overrides))
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


def test_the_form_of_the_specification() -> None:
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
        "skip_quiet_campaigns": True,
        "refresh_after_days": 7,
        "api_url": "https://api.snov.io",
    }
    assert [name for name in fields if fields[name].get("always_show")] == [
        "start_date",
        "daily_history_days",
        "requests_per_minute",
    ]
    groups = [group["id"] for group in schema["groups"]]
    assert list(dict.fromkeys(field["group"] for field in fields.values())) == groups
    for field in fields.values():
        assert field["title"]
        assert field["description"]
        assert ("pattern" in field) <= ("pattern_descriptor" in field or field.get("airbyte_hidden", False))


@pytest.mark.parametrize(
    ("name", "warning"),
    [
        (
            "start_dat",
            "The configuration has start_dat, which is not one of its fields and is ignored: did you mean start",
        ),
        ("clientId", "has clientId, which is not one of its fields and is ignored: did you mean client_id?"),
        ("Campaign IDs", "has Campaign IDs, which is not one of its fields and is ignored: did you mean campaign_ids?"),
        (
            "region",
            "has region, which is not one of its fields and is ignored: its fields are client_id, client_secret,",
        ),
        ("a1b2c3d4e5f60718", "has a field, which is not one of its fields"),
    ],
)
def test_an_unknown_field_is_named_with_the_nearest_known_one(
    api: Api, tmp_path: Path, name: str, warning: str
) -> None:
    api.campaigns(CAMPAIGN)
    for output in (check(tmp_path, **{name: "2026-01-01"}), sync("campaigns", **{name: "2026-01-01"})):
        assert not output.errors
        [said] = logs(output, "WARN")
        assert warning in said
        assert "a1b2" not in said


def test_airbytes_own_fields_give_no_warning(api: Api) -> None:
    api.campaigns(CAMPAIGN)
    assert logs(sync("campaigns", _limit=5), "WARN") == []


SPEC = MANIFEST["spec"]["connection_specification"]
OPTIONAL = [field for field in SPEC["properties"] if field not in SPEC["required"]]


@pytest.mark.parametrize("empty", ["", " ", None])
def test_an_empty_optional_field_counts_as_missing(api: Api, tmp_path: Path, empty: Any) -> None:
    api.campaigns(CAMPAIGN)
    for field in OPTIONAL:
        assert connection_status(check(tmp_path, **{field: empty})) == ("SUCCEEDED", "")
    for field in ("campaign_ids", "campaign_owners", "sender_email_ids", "sender_linkedin_ids"):
        assert connection_status(check(tmp_path, **{field: [empty, empty]})) == ("SUCCEEDED", "")


@pytest.mark.parametrize("empty", ["", " \n", None, "\u200b", "API Secret:"])
def test_an_empty_credential_is_an_error(api: Api, tmp_path: Path, empty: Any) -> None:
    message = connection_status(check(tmp_path, client_secret=empty))[1]
    assert message == "Config validation error: client_secret must be given. Correct this and try again."


PASTED = {
    "spaces": "  {}\n",
    "zero-width space": "\u200b{}\ufeff",
    "word joiner": "{}\u2060",
    "no-break space": "\u00a0{}\u00a0",
    "quotes": '"{}"',
    "single quotes": "'{}'",
    "typographic quotes": "“{}”",
    "backquotes": "`{}`",
    "quotes and a comma": '"{}",',
    "label": "API Secret: {}",
    "label of the id": "API User ID: {}",
    "label with a tab": "Secret:\t{}",
    "setting": "client_secret={}",
    "setting with quotes": 'client_id = "{}"',
    "JSON": '"client_secret": "{}",',
    "everything": '\u200bAPI Secret: "{}"\u200b',
}


@pytest.mark.parametrize("pasted", PASTED.values(), ids=PASTED)
def test_text_pasted_along_with_credentials_is_not_sent(api: Api, pasted: str) -> None:
    api.campaigns(CAMPAIGN)
    user, secret = "b7f1=c0ffee", "s3cret:+/'x\","
    assert not sync("campaigns", client_id=pasted.format(user), client_secret=pasted.format(secret)).errors
    sent = parse_qs(api.mocker.request_history[0].text)
    assert (sent["client_id"], sent["client_secret"]) == ([user], [secret])


@pytest.mark.parametrize("secret", ["'half-quoted", 'x"y"z"abc', "secretive:abc", "12345678,", "''a'b'c'd"])
def test_a_secret_that_contains_such_characters_is_sent_unchanged(api: Api, secret: str) -> None:
    api.campaigns(CAMPAIGN)
    assert not sync("campaigns", client_secret=secret).errors
    assert parse_qs(api.mocker.request_history[0].text)["client_secret"] == [secret]
