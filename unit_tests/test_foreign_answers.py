"""Responses of firewalls, proxies, other syncs and the network are not taken for Snov.io's."""

import json
import ssl
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from airbyte_cdk.models import SyncMode
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput
from urllib3.exceptions import MaxRetryError, NameResolutionError

from sandbox import faults
from sandbox.faults import Fault
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from source_snov.api.connection import described
from unit_tests._daily import ago
from unit_tests._helpers import Clock, failure, logs, records, sync
from unit_tests._names import CAMPAIGNS_PATH, DAILY, ONE_PER_CAMPAIGN, STREAMS, TOKEN_PATH
from unit_tests._streams import account, together
from unit_tests.test_readings import _made

pytestmark = pytest.mark.long


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(_made(), UNLIMITED) as running:
        yield running


@pytest.mark.parametrize("status", [403, 404])
def test_a_page_of_a_firewall_skips_no_stream_and_no_campaign(sandbox: Sandbox, clock: Clock, status: int) -> None:
    """Everything except the token and the campaign list is blocked from some request on."""
    sandbox.add_fault(faults.firewall(status, path="^/v[12]/(?!oauth|get-user-campaigns)", skip=9, times=None))
    output = sync(*STREAMS, whole_config=sandbox.config(num_workers=1))
    assert not [text for text in logs(output, "WARN") if "is skipped" in text]
    failed = [message.trace.error for message in output.errors if message.trace.error.stream_descriptor]
    assert len(failed) >= len(STREAMS) - 3
    assert {error.failure_type.value for error in failed} == {"transient_error"}
    assert all("firewall, proxy or portal" in error.message for error in failed)


def rows_per_stream(output: EntrypointOutput) -> Counter[str]:
    return Counter(message.record.stream for message in output.records)


def test_a_temporary_page_of_a_firewall_only_costs_a_wait(sandbox: Sandbox, clock: Clock) -> None:
    config = sandbox.config(start_date=str(ago(45)))
    expected = rows_per_stream(sync(*STREAMS, whole_config=config))
    for status in (402, 403):
        sandbox.add_fault(faults.firewall(status, path="^/v[12]/", skip=30, times=3))
        output = sync(*STREAMS, whole_config=config)
        assert not output.errors
        assert rows_per_stream(output) == expected


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404])
def test_a_page_of_a_firewall_does_not_mean_wrong_credentials(sandbox: Sandbox, clock: Clock, status: int) -> None:
    sandbox.add_fault(faults.firewall(status, path=TOKEN_PATH, times=None))
    output = sync(*ONE_PER_CAMPAIGN, whole_config=sandbox.config())
    assert {failure(output, stream).failure_type.value for stream in ONE_PER_CAMPAIGN} == {"transient_error"}
    assert all("rejected" not in failure(output, stream).message for stream in ONE_PER_CAMPAIGN)
    # One series of retries for the sync, not one per stream.
    assert sandbox.count(TOKEN_PATH) == 6


@pytest.mark.parametrize(
    "fault",
    [faults.no_location(302), faults.no_location(304), faults.answer(204), faults.partial(), faults.answer(205, [])],
    ids=lambda fault: str(fault.status),
)
def test_an_incomplete_response_is_retried(sandbox: Sandbox, clock: Clock, fault: Fault) -> None:
    from dataclasses import replace

    sandbox.add_fault(replace(fault, path=CAMPAIGNS_PATH, times=1))
    assert len(records(sync("campaigns", whole_config=sandbox.config()), "campaigns")) == 8
    sandbox.add_fault(replace(fault, path=CAMPAIGNS_PATH, times=None))
    output = sync("campaigns", whole_config=sandbox.config())
    assert failure(output, "campaigns").failure_type.value == "transient_error"
    assert not records(output, "campaigns")


def test_two_syncs_that_invalidate_each_others_tokens_both_end(clock: Clock) -> None:
    with Sandbox(account([*_one()]), UNLIMITED) as sandbox:
        # Another sync gets its own token, twice in a row.
        sandbox.add_fault(faults.tokens_expire(path="progress", times=1))
        sandbox.add_fault(faults.unauthorized(path="progress", times=2))
        output = sync("campaign_progress", whole_config=sandbox.config(num_workers=1))
        assert not output.errors
        assert len(records(output, "campaign_progress")) == 1


def _one() -> Any:
    from sandbox.world.events import FIRST_EMAIL, Event
    from unit_tests._daily import ago
    from unit_tests._streams import at

    return [Event(at(ago(3)), FIRST_EMAIL, 1, 55001)]


def test_a_wrong_secret_is_reported_once_per_stream_and_briefly(sandbox: Sandbox) -> None:
    output = sync(*STREAMS, whole_config=sandbox.config(client_secret="not-the-secret"))
    assert sandbox.count(TOKEN_PATH) == 1
    lines = [str(message) for message in output.get_message_iterator()]
    assert sum("rejected the API User ID or API Secret" in line for line in lines) <= 3 * len(STREAMS)
    # The traceback of an exception object that is raised for each stream would grow from one to the next.
    tracebacks = [*logs(output, "ERROR"), *(message.trace.error.stack_trace for message in output.errors)]
    lengths = sorted(text.count("\n") for text in tracebacks)
    # In the end, the CDK lists all failed streams, twice.
    assert lengths[-3] <= 10
    assert lengths[-1] < 2 * len(STREAMS)


def test_a_retry_after_of_a_503_is_respected(sandbox: Sandbox, clock: Clock) -> None:
    fault = faults.answer(503, "Busy", {"Retry-After": "47"}, path=CAMPAIGNS_PATH, times=1)
    sandbox.add_fault(fault)
    assert not sync("campaigns", whole_config=sandbox.config()).errors
    assert 47 <= max(clock.sleeps) <= 49


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NameResolutionError("api.snov.io", None, OSError("unknown")), "The name of api.snov.io cannot be resolved"),
        (ConnectionRefusedError(111, "refused"), "api.snov.io refused the connection"),
        (ssl.SSLCertVerificationError("self-signed"), "REQUESTS_CA_BUNDLE"),
        (TimeoutError("timed out"), "did not answer in time"),
        (OSError(101, "Network is unreachable"), "does not reach api.snov.io"),
        (ConnectionResetError(104, "reset"), "broke off"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else type(value).__name__,
)
def test_a_connection_failure_is_described_by_its_innermost_cause(error: Exception, words: str) -> None:
    outer = requests.exceptions.ConnectionError(MaxRetryError(None, "/", error))  # type: ignore[arg-type]
    assert words in described(outer, "api.snov.io")
    assert "status page" not in described(outer, "api.snov.io")


def test_a_proxy_that_demands_a_password_is_named() -> None:
    cause = OSError("Tunnel connection failed: 407 Proxy Authentication Required")
    outer = requests.exceptions.ProxyError(MaxRetryError(None, "/", cause))  # type: ignore[arg-type]
    assert "HTTPS_PROXY" in described(outer, "api.snov.io")


def test_the_daily_history_requests_less_if_a_gateway_times_out(sandbox: Sandbox, clock: Clock) -> None:
    expected = records(together(sandbox, [DAILY]), DAILY)
    sandbox.add_fault(faults.html_page(504, path="campaign-analytics.*%2C|campaign-analytics.*,", times=None))
    output = together(sandbox, [DAILY], mode=SyncMode.full_refresh)
    assert not output.errors
    key = lambda row: json.dumps(row, sort_keys=True)  # noqa: E731
    assert sorted(records(output, DAILY), key=key) == sorted(expected, key=key)
