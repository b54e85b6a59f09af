"""Records, message, failure type, requests and waits for every row of the error table."""

from typing import Any

import pytest
import requests

from unit_tests._helpers import (
    ACCESS_TOKEN,
    CAMPAIGN,
    PROGRESS,
    SECRET,
    Api,
    Clock,
    everything,
    failure,
    logs,
    records,
    sync,
)
from unit_tests._names import CAMPAIGNS_PATH

GONE = {"status_code": 404, "json": {"errors": {"code": 404, "title": "Not found", "source": ""}}}
HTML = "<html><body>" + "Bad gateway. " * 100 + "</body></html>"


def waits(clock: Clock) -> list[int]:
    """The waits of a sync in whole seconds; the CDK adds one second to each."""
    return [round(sleep) for sleep in clock.sleeps]


@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_rejected_credentials_are_a_config_error_that_names_the_screen_and_are_not_retried(
    api: Api, status: int
) -> None:
    api.token({"status_code": status, "json": {"error": "invalid_client", "error_description": "Client unknown"}})
    output = sync()
    for stream in ("campaigns", "campaign_analytics", "campaign_progress"):
        error = failure(output, stream)
        assert error.failure_type.value == "config_error"
        assert error.message == (
            "Snov.io rejected the API User ID or API Secret. Copy both again from Snov.io, Account settings > API, "
            f"then test the source again. It said (HTTP {status}): Client unknown"
        )
    assert api.count() == 1


@pytest.mark.parametrize(
    "body", [{}, {"access_token": None}, {"access_token": ""}, {"error": "invalid_client"}, [], {"access_token": 5}]
)
def test_a_token_response_without_a_token_is_a_config_error(api: Api, body: Any) -> None:
    api.token({"json": body})
    error = failure(sync("campaigns"), "campaigns")
    assert error.failure_type.value == "config_error"
    assert "Copy both again from Snov.io, Account settings > API" in error.message
    assert api.count() == 1


def test_the_token_request_is_repeated_when_the_endpoint_is_unavailable(api: Api, clock: Clock) -> None:
    good = {"json": {"access_token": ACCESS_TOKEN, "expires_in": 3600}}
    api.token({"status_code": 502, "text": HTML}, {"status_code": 200, "text": HTML}, good)
    api.campaigns(CAMPAIGN)
    assert len(records(sync("campaigns"), "campaigns")) == 1
    assert api.count("access_token") == 3


def test_a_401_renews_the_token_once_and_repeats_the_request(api: Api) -> None:
    api.token({"json": {"access_token": "old" + ACCESS_TOKEN}}, {"json": {"access_token": "new" + ACCESS_TOKEN}})
    api.campaigns(CAMPAIGN)
    url = "https://api.snov.io/v2/campaigns/910001/progress"
    api.mocker.get(url, status_code=401, request_headers={"Authorization": f"Bearer old{ACCESS_TOKEN}"})
    api.mocker.get(url, json=PROGRESS, request_headers={"Authorization": f"Bearer new{ACCESS_TOKEN}"})
    assert records(sync("campaign_progress"), "campaign_progress")[0]["progress"] == 72
    assert api.count("progress") == 2
    assert api.count("access_token") == 2


def test_a_401_with_each_new_token_is_a_config_error_that_names_the_cause(api: Api, clock: Clock) -> None:
    api.campaigns(responses=[{"status_code": 401, "json": {"message": "Unauthenticated."}}])
    error = failure(sync("campaigns"), "campaigns")
    assert error.failure_type.value == "config_error"
    assert "with a fresh access token as well" in error.message
    assert "Account settings > API" in error.message
    assert error.message.endswith("It said (HTTP 401): Unauthenticated.")
    assert api.count(CAMPAIGNS_PATH) == 4
    assert api.count("access_token") == 4


def test_a_403_is_a_config_error_that_names_the_resource(api: Api) -> None:
    api.one_campaign()
    api.progress(910001, {"status_code": 403, "json": {"errors": {"code": 403, "title": "Access denied"}}})
    error = failure(sync("campaign_progress"), "campaign_progress")
    assert error.failure_type.value == "config_error"
    assert "https://api.snov.io/v2/campaigns/910001/progress" in error.message
    assert "plan or the user's permissions" in error.message
    assert error.message.endswith("Access denied")
    assert api.count("progress") == 1


def test_a_404_on_the_campaign_list_fails_with_the_url(api: Api) -> None:
    body = {"errors": {"code": 404, "title": "Not found", "source": ""}}
    api.campaigns(responses=[{"status_code": 404, "json": body}])
    error = failure(sync("campaigns"), "campaigns")
    assert error.failure_type.value == "system_error"
    assert "nothing at https://api.snov.io/v1/get-user-campaigns." in error.message
    assert api.count(CAMPAIGNS_PATH) == 1


def two_campaigns(api: Api) -> None:
    api.campaigns(CAMPAIGN, CAMPAIGN | {"id": 910002})
    for campaign in (910001, 910002):
        api.analytics(f"campaign_id={campaign}&date_from=2026-01-01&date_to=2026-02-01")
        api.progress(campaign)


@pytest.mark.parametrize("stream", ["campaign_analytics", "campaign_progress"])
def test_a_404_skips_that_campaign_with_one_warning_and_the_sync_goes_on(api: Api, stream: str) -> None:
    two_campaigns(api)
    gone = {"status_code": 404, "json": {"errors": {"code": 404, "title": "Campaign not found", "source": ""}}}
    api.progress(910001, gone)
    api.analytics("campaign_id=910001&date_from=2026-01-01&date_to=2026-02-01", gone)
    output = sync(stream)
    assert not output.errors
    assert [record["campaign_id"] for record in records(output, stream)] == [910002]
    [warning] = logs(output, "WARN")
    assert warning.startswith(f"{stream}: campaign 910001 is skipped: it or a part of it was deleted")
    assert warning.endswith("answered HTTP 404 and said: Campaign not found.")


@pytest.mark.parametrize("stream", ["campaign_analytics", "campaign_progress"])
def test_a_404_on_every_campaign_fails_rather_than_empties_the_table(api: Api, stream: str) -> None:
    two_campaigns(api)
    for campaign in (910001, 910002):
        api.progress(campaign, GONE)
        api.analytics(f"campaign_id={campaign}&date_from=2026-01-01&date_to=2026-02-01", GONE)
    error = failure(sync(stream), stream)
    assert f"each of the 2 campaigns that there is nothing to read for {stream}" in error.message


def test_the_only_campaign_may_be_gone(api: Api) -> None:
    api.campaigns(CAMPAIGN)
    api.progress(910001, GONE)
    output = sync("campaign_progress")
    assert not output.errors
    assert len(logs(output, "WARN")) == 1


def test_a_422_is_repeated_half_a_minute_apart_and_then_the_campaign_is_skipped(api: Api, clock: Clock) -> None:
    two_campaigns(api)
    api.progress(910001, {"status_code": 422, "json": {"data": {"message": "Campaign not found"}}})
    output = sync("campaign_progress")
    assert not output.errors
    assert [record["campaign_id"] for record in records(output, "campaign_progress")] == [910002]
    [warning] = logs(output, "WARN")
    assert warning.startswith("campaign_progress: campaign 910001 is skipped:")
    assert api.count("910001/progress") == 4
    assert len(clock.sleeps) == 3
    assert all(24 + 1 <= sleep <= 36 + 1 for sleep in clock.sleeps)


def test_a_temporary_422_does_not_skip_the_campaign(api: Api, clock: Clock) -> None:
    api.campaigns(CAMPAIGN)
    api.progress(910001, {"status_code": 422, "json": {"data": {"message": "Campaign not found"}}}, {"json": PROGRESS})
    output = sync("campaign_progress")
    assert len(records(output, "campaign_progress")) == 1
    assert not logs(output, "WARN")


def test_a_422_of_another_kind_fails_with_the_apis_words(api: Api, clock: Clock) -> None:
    api.campaigns(CAMPAIGN)
    api.progress(910001, {"status_code": 422, "json": {"success": False, "errors": "Something else"}})
    error = failure(sync("campaign_progress"), "campaign_progress")
    assert "Something else" in error.message


def test_429_waits_a_minute_then_longer_up_to_five_and_survives_a_quarter_of_an_hour(api: Api, clock: Clock) -> None:
    limited = {"status_code": 429, "text": "Your rate is limited"}
    api.campaigns(responses=[limited] * 5 + [{"json": [CAMPAIGN]}])
    output = sync("campaigns")
    assert len(records(output, "campaigns")) == 1
    assert waits(clock) == [61, 121, 241, 301, 301]
    assert sum(clock.sleeps) > 15 * 60
    assert [text for text in logs(output, "WARN") if "All streams wait" in text] == [
        "Snov.io answered 429 (too many requests): your account's requests for this minute are used up. "
        f"All streams wait {seconds} seconds, then go on with at most {pace} requests a minute, to leave room for your "
        "other integrations, and with one more each minute."
        # A third less each time, and one more for each minute in between.
        for seconds, pace in ((60, 4000), (120, 2667), (240, 1779), (300, 1188), (300, 795))
    ]


def test_429_forever_ends_as_a_transient_error_with_the_next_step(api: Api, clock: Clock) -> None:
    api.campaigns(responses=[{"status_code": 429, "text": "Your rate is limited"}])
    error = failure(sync("campaigns"), "campaigns")
    assert error.failure_type.value == "transient_error"
    assert "does not wait longer than 30 minutes" in error.message
    assert "requests_per_minute" in error.message
    assert 15 * 60 < sum(clock.sleeps) < 31 * 60


@pytest.mark.parametrize(
    ("retry_after", "wait"), [("7", 8), ("not a time", 61), ("86400", None), ("Thu, 01 Jan 1970 00:00:00 GMT", 2)]
)
def test_retry_after_is_honoured_if_it_is_plausible(api: Api, clock: Clock, retry_after: str, wait: int | None) -> None:
    limited = {"status_code": 429, "text": "slow down", "headers": {"Retry-After": retry_after}}
    api.campaigns(responses=[limited, {"json": [CAMPAIGN]}])
    output = sync("campaigns")
    if wait is None:
        assert failure(output, "campaigns").failure_type.value == "transient_error"
        assert waits(clock) == []
    else:
        assert len(records(output, "campaigns")) == 1
        assert waits(clock) == [wait]


def test_the_token_endpoint_may_answer_429_too(api: Api, clock: Clock) -> None:
    api.token({"status_code": 429, "text": "Your rate is limited"}, {"json": {"access_token": ACCESS_TOKEN}})
    api.campaigns(CAMPAIGN)
    assert len(records(sync("campaigns"), "campaigns")) == 1
    assert waits(clock) == [61]


FAULTS: dict[str, dict[str, Any]] = {
    "500": {"status_code": 500, "json": {"message": "Server Error"}},
    "502 with a page": {"status_code": 502, "text": HTML},
    "504": {"status_code": 504},
    "200 with a page": {"status_code": 200, "text": HTML},
    "200 with nothing": {"status_code": 200, "text": ""},
    "200 with JSON cut short": {"status_code": 200, "text": '[{"id": 910001, "campa'},
    "time-out": {"exc": requests.exceptions.ReadTimeout},
    "reset connection": {"exc": requests.exceptions.ConnectionError("Connection reset by peer")},
    "body cut short": {"exc": requests.exceptions.ChunkedEncodingError("IncompleteRead(10 bytes read, 90 expected)")},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_temporary_fault_is_retried(api: Api, clock: Clock, fault: dict[str, Any]) -> None:
    api.campaigns(responses=[fault, fault, {"json": [CAMPAIGN]}])
    output = sync("campaigns")
    assert [record["id"] for record in records(output, "campaigns")] == [910001]
    assert not output.errors
    first, second = clock.sleeps
    assert 4 + 1 <= first <= 6 + 1
    assert 12 + 1 <= second <= 18 + 1


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_permanent_fault_ends_as_a_transient_error_with_a_short_quote(
    api: Api, clock: Clock, fault: dict[str, Any]
) -> None:
    api.campaigns(responses=[fault])
    output = sync("campaigns")
    error = failure(output, "campaigns")
    assert error.failure_type.value == "transient_error"
    assert "6 times in a row" in error.message
    own_network = "exc" in fault or "body" in fault
    assert ("reach the API" if own_network else "status page") in error.message
    assert api.count(CAMPAIGNS_PATH) == 6
    assert records(output, "campaigns") == []
    assert error.message.count("Bad gateway") <= 200 // len("Bad gateway. ")
    assert "Bad gateway. " * 20 not in everything(output)


def test_waits_for_the_rate_limit_do_not_use_up_retries_of_other_faults(api: Api, clock: Clock) -> None:
    limited = {"status_code": 429, "text": "Your rate is limited"}
    api.campaigns(responses=[limited] * 4 + [{"status_code": 502}] * 5 + [{"json": [CAMPAIGN]}])
    assert len(records(sync("campaigns"), "campaigns")) == 1


ERRORS_WITH_STATUS_200 = {
    "list of texts": ({"success": False, "errors": ["First", "Second"]}, "First; Second"),
    "one text": ({"success": False, "errors": "Single text"}, "Single text"),
    "object": ({"errors": {"code": 404, "title": "Page not found", "source": ""}}, "Page not found"),
    "message": ({"success": False, "message": "Not enough credits"}, "Not enough credits"),
    "OAuth": ({"error": "invalid_token", "error_description": "Token is bad"}, "Token is bad"),
}


@pytest.mark.parametrize(("body", "text"), ERRORS_WITH_STATUS_200.values(), ids=ERRORS_WITH_STATUS_200)
@pytest.mark.parametrize("stream", ["campaigns", "campaign_analytics", "campaign_progress"])
def test_an_error_with_status_200_fails_with_the_apis_own_text(api: Api, stream: str, body: Any, text: str) -> None:
    api.one_campaign()
    if stream == "campaigns":
        api.campaigns(responses=[{"json": body}])
    api.progress(910001, {"json": body})
    api.analytics("campaign_id=910001&date_from=2026-01-01&date_to=2026-02-01", {"json": body})
    output = sync(stream)
    assert f"answered with an error although its status is 200: {text}" in failure(output, stream).message
    assert records(output, stream) == []


@pytest.mark.parametrize(
    ("stream", "body", "expected"),
    [
        ("campaigns", {"data": []}, "should have answered with a list of objects and did not"),
        ("campaigns", "text", "should have answered with a list of objects and did not"),
        ("campaigns", [None], "should have answered with a list of objects and did not"),
        ("campaigns", [CAMPAIGN, {"id": None}], "listed an object without a usable id"),
        ("campaigns", [{"id": [1]}], "listed an object without a usable id"),
        ("campaigns", [{"campaign": "no id"}], "listed an object without a usable id"),
        ("campaign_analytics", [], "should have answered with an object and did not"),
        ("campaign_analytics", 7, "should have answered with an object and did not"),
        ("campaign_analytics", {}, "none of the fields emails_sent"),
        ("campaign_analytics", {"data": {"message": "not found"}}, "none of the fields emails_sent"),
        ("campaign_progress", [PROGRESS], "should have answered with an object and did not"),
        ("campaign_progress", {}, "none of the fields progress"),
    ],
)
def test_a_body_of_the_wrong_shape_fails_and_names_the_expected_one(
    api: Api, stream: str, body: Any, expected: str
) -> None:
    api.one_campaign()
    if stream == "campaigns":
        api.campaigns(responses=[{"json": body}])
    api.progress(910001, {"json": body})
    api.analytics("campaign_id=910001&date_from=2026-01-01&date_to=2026-02-01", {"json": body})
    output = sync(stream)
    assert expected in failure(output, stream).message
    assert records(output, stream) == []


def test_an_empty_list_is_an_empty_account(api: Api) -> None:
    api.campaigns()
    output = sync()
    assert not output.errors
    assert output.records == []
    assert api.count() == 2


def test_retries_of_a_failing_campaign_list_are_shared_by_all_streams(api: Api) -> None:
    api.campaigns(responses=[{"status_code": 403, "json": {}}])
    output = sync()
    assert {error.trace.error.failure_type.value for error in output.errors} == {"config_error"}
    assert api.count(CAMPAIGNS_PATH) == 1


def test_after_a_failure_the_stream_makes_no_more_requests(api: Api) -> None:
    api.campaigns(*(CAMPAIGN | {"id": 910001 + n} for n in range(50)))
    for n in range(50):
        api.progress(910001 + n, {"status_code": 403, "json": {}})
    output = sync("campaign_progress", num_workers=2)
    assert api.count("progress") <= 2
    assert len(output.errors) <= 3


def test_secret_and_token_echoed_in_a_response_stay_out_of_the_output(api: Api) -> None:
    echo = f"You sent {SECRET} with Bearer {ACCESS_TOKEN}"
    api.campaigns(responses=[{"status_code": 403, "json": {"message": echo}}])
    output = everything(sync())
    assert "You sent **** with Bearer ****" in output
    assert SECRET not in output
    assert ACCESS_TOKEN not in output


def test_a_redirect_sends_no_secret_and_no_token_elsewhere(api: Api) -> None:
    api.campaigns(responses=[{"status_code": 307, "headers": {"Location": "https://elsewhere.example/v1/list?x=1"}}])
    error = failure(sync("campaigns"), "campaigns")
    assert "https://elsewhere.example/v1/list" in error.message
    assert api.count("elsewhere") == 0


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ('[{"id": 1, "campaign": "Ümläut"}]'.encode("utf-8-sig"), "Ümläut"),
        ('[{"id": 1, "campaign": "Ümläut"}]'.encode("utf-16"), "Ümläut"),
        (b'[{"id": 1, "campaign": "bad \xff byte"}]', "bad \ufffd byte"),
    ],
    ids=["byte order mark", "UTF-16", "invalid byte"],
)
def test_an_unusual_encoding_loses_no_record(api: Api, body: bytes, name: str) -> None:
    api.campaigns(responses=[{"content": body, "headers": {"Content-Type": "application/json"}}])
    assert records(sync("campaigns"), "campaigns") == [{"id": 1, "campaign": name}]


def test_a_retry_after_that_was_too_short_is_ignored_from_then_on(api: Api, clock: Clock) -> None:
    limited = {"status_code": 429, "headers": {"Retry-After": "0"}}
    api.campaigns(responses=[limited] * 4 + [{"json": [CAMPAIGN]}])
    assert len(records(sync("campaigns"), "campaigns")) == 1
    assert waits(clock) == [2, 121, 241, 301]


@pytest.mark.parametrize("status", [400, 405, 409, 410, 418, 451])
def test_a_refused_request_is_not_retried(api: Api, status: int) -> None:
    api.campaigns(responses=[{"status_code": status, "json": {"message": "No"}}])
    assert failure(sync("campaigns"), "campaigns").failure_type.value == "system_error"
    assert api.count(CAMPAIGNS_PATH) == 1
