"""One token per sync: who requests it, when it is renewed, and that credentials are sent unchanged."""

import base64
import html
import json
import time
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote, quote_plus

import pytest
from airbyte_cdk.utils.airbyte_secrets_utils import filter_secrets

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED, Settings
from sandbox.world import seeds
from unit_tests._helpers import ACCESS_TOKEN, CAMPAIGN, PROGRESS, SECRET, Api, Clock, check, everything, records, sync


def test_all_streams_and_parents_share_one_token_in_a_bearer_header(api: Api) -> None:
    api.one_campaign()
    assert not sync().errors
    assert api.count("access_token") == 1
    data_requests = [request for request in api.mocker.request_history if "access_token" not in request.url]
    assert len(data_requests) == 3
    assert {request.headers["Authorization"] for request in data_requests} == {f"Bearer {ACCESS_TOKEN}"}


def test_twenty_threads_that_need_a_token_at_once_make_one_request() -> None:
    settings = Settings(requests_per_minute=None, latency=0.05)
    with Sandbox(seeds.sized_account(40), settings) as sandbox:
        output = sync(whole_config=sandbox.config(num_workers=10))
        assert not output.errors
        assert sandbox.count("access_token") == 1


@pytest.mark.parametrize(
    "secret", [SECRET, "1e500000", "0x1F1F1F", "(1, None)", "quo'ted\"x", "{{ config }}", "12345678901234567890"]
)
def test_credentials_are_sent_unchanged_in_a_form(api: Api, secret: str) -> None:
    api.campaigns()
    assert not sync("campaigns", client_id="007", client_secret=secret).errors
    [request] = [request for request in api.mocker.request_history if "access_token" in request.url]
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(request.text) == {
        "grant_type": ["client_credentials"],
        "client_id": ["007"],
        "client_secret": [secret],
    }


def test_blanks_around_pasted_credentials_do_not_matter(api: Api) -> None:
    api.campaigns()
    sync("campaigns", client_id=" user-1\n", client_secret=f"{SECRET} ")
    assert parse_qs(api.mocker.request_history[0].text)["client_id"] == ["user-1"]
    assert parse_qs(api.mocker.request_history[0].text)["client_secret"] == [SECRET]


@pytest.mark.parametrize(
    ("expires_in", "tokens"),
    [(3600, 1), ("3600", 1), (None, 1), ("soon", 1), (-1, 1), (400, 2), (60, 2)],
)
def test_a_token_is_renewed_before_it_expires(api: Api, clock: Clock, expires_in: Any, tokens: int) -> None:
    api.token({"json": {"access_token": ACCESS_TOKEN, "expires_in": expires_in}})
    api.campaigns(CAMPAIGN)
    api.progress(910001, {"status_code": 429, "headers": {"Retry-After": "250"}}, {"json": PROGRESS})
    assert len(records(sync("campaign_progress"), "campaign_progress")) == 1
    assert sum(clock.sleeps) == pytest.approx(251, abs=1)
    assert api.count("access_token") == tokens


def test_a_token_that_expires_during_a_sync_is_replaced_once_for_all_threads() -> None:
    with Sandbox(seeds.sized_account(40), Settings(requests_per_minute=None, latency=0.02)) as sandbox:
        ending = Thread(target=_end_tokens_after, args=[sandbox, 30])
        ending.start()
        output = sync(whole_config=sandbox.config())
        ending.join()
        assert not output.errors
        assert len(output.records) == 3 * 40
        assert sandbox.count("access_token") == 2
        assert 1 <= sandbox.statuses()[401] <= 4


def _end_tokens_after(sandbox: Sandbox, requests: int) -> None:
    while len(sandbox.requests) < requests:
        time.sleep(0.002)
    sandbox.expire_tokens()


def test_credentials_revoked_during_a_sync_end_it_with_one_request_and_a_config_error() -> None:
    with Sandbox(seeds.sized_account(40), UNLIMITED) as sandbox:
        sandbox.add_fault(faults.token_refused(skip=1))
        sandbox.add_fault(faults.unauthorized(path="progress", skip=10))
        output = sync("campaign_progress", whole_config=sandbox.config())
        streams_errors = [error.trace.error for error in output.errors if error.trace.error.stream_descriptor]
        assert {error.failure_type.value for error in streams_errors} == {"config_error"}
        assert all("Account settings > API" in error.message for error in streams_errors)
        assert sandbox.count("access_token") == 2


ECHOES = {
    "raw": SECRET,
    "percent": quote(SECRET, safe=""),
    "form": quote_plus(SECRET),
    "JSON": json.dumps(SECRET)[1:-1],
    "PHP JSON": json.dumps(SECRET)[1:-1].replace("/", "\\/"),
    "HTML": html.escape(SECRET),
    "base64": base64.b64encode(SECRET.encode()).decode(),
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_a_secret_echoed_by_the_api_appears_in_no_form(api: Api, tmp_path: Path, echo: str) -> None:
    api.token({"status_code": 401, "text": f"no client with secret {echo}"})
    output = everything(check(tmp_path))
    assert "no client with secret ****" in output
    assert "s3cret" not in output
    assert echo not in output


def test_the_token_is_masked_in_logs_as_soon_as_it_is_known(api: Api) -> None:
    api.one_campaign()
    sync()
    assert filter_secrets(f"Authorization: Bearer {ACCESS_TOKEN}") == "Authorization: Bearer ****"
