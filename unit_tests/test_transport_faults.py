"""Faults below HTTP, on real connections to the sandbox: the sync ends with the right records or a clear failure."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from sandbox import faults
from sandbox.faults import Fault
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED
from sandbox.world import seeds
from unit_tests._helpers import Clock, failure, records, sync
from unit_tests._prepared import redefine

pytestmark = pytest.mark.long

KINDS = {
    "reset before the response": faults.reset_before,
    "reset within the body": faults.reset_within,
    "body cut short": faults.cut_body,
    "JSON cut short": faults.cut_json,
    "page with status 200": faults.html_page,
    "502 with a page": faults.bad_gateway,
    "no response": faults.hang,
}
PLACES = {
    "token": "access_token",
    "list": "get-user-campaigns",
    "analytics": "campaign-analytics",
    "progress": "progress",
}


@pytest.fixture
def sandbox(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    redefine(monkeypatch, timeouts={"connect_timeout_in_seconds": 0.5, "read_timeout_in_seconds": 0.5})
    with Sandbox(seeds.sized_account(5), UNLIMITED) as running:
        yield running


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_temporary_fault_changes_no_record(sandbox: Sandbox, kind: Any, place: str) -> None:
    fault: Fault = kind(path=place, times=2)
    planted = sandbox.add_fault(fault)
    output = sync(whole_config=sandbox.config())
    assert planted.hits == 2
    assert not output.errors
    for stream in ("campaigns", "campaign_analytics", "campaign_progress"):
        assert len(records(output, stream)) == 5
    # Three look whether a long period is covered; none after a gateway's error, as if the first asked for too much.
    further = 0 if fault.status == 502 and place == PLACES["analytics"] else 3
    assert len(sandbox.requests) == 2 + 2 * 5 + 2 + further


@pytest.mark.parametrize("place", ["access_token", "progress"])
@pytest.mark.parametrize("kind", [faults.hang, faults.reset_within, faults.cut_body])
def test_a_permanent_fault_ends_as_a_transient_error(sandbox: Sandbox, kind: Any, place: str) -> None:
    sandbox.add_fault(kind(path=place))
    output = sync("campaign_progress", whole_config=sandbox.config(num_workers=2))
    errors = [message.trace.error for message in output.errors if message.trace.error.stream_descriptor]
    assert {error.failure_type.value for error in errors} == {"transient_error"}
    assert all("6 times in a row" in error.message for error in errors)
    assert records(output, "campaign_progress") == []


def test_a_token_endpoint_that_never_responds_ends_the_sync(sandbox: Sandbox) -> None:
    sandbox.add_fault(faults.hang(path="access_token"))
    error = failure(sync("campaigns", whole_config=sandbox.config()), "campaigns")
    assert error.failure_type.value == "transient_error"
    assert sandbox.count("access_token") == 6


@pytest.mark.parametrize("place", ["access_token", "progress"])
def test_a_response_that_only_trickles_in_is_given_up(
    sandbox: Sandbox, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_snov.api.limits.MAX_SECONDS", 0.3)
    drip = sandbox.add_fault(faults.drip(seconds=0.1, path=place, times=2))
    output = sync("campaigns", "campaign_progress", whole_config=sandbox.config(num_workers=2))
    assert drip.hits == 2
    assert not output.errors
    assert len(records(output, "campaign_progress")) == 5
    sandbox.add_fault(faults.drip(seconds=0.1, path=place))
    error = failure(sync("campaign_progress", whole_config=sandbox.config(num_workers=2)), "campaign_progress")
    assert error.failure_type.value == "transient_error"
    assert "6 times in a row" in error.message


@pytest.mark.parametrize("place", ["access_token", "progress"])
@pytest.mark.parametrize("form", get_args(faults.EndlessForm))
def test_a_response_with_endless_parts_around_its_body_is_given_up(
    sandbox: Sandbox, form: faults.EndlessForm, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_snov.api.limits.MAX_SECONDS", 0.3)
    endless = sandbox.add_fault(faults.endless(form, seconds=0.05, path=place, times=2))
    output = sync("campaigns", "campaign_progress", whole_config=sandbox.config(num_workers=2))
    assert endless.hits == 2
    assert not output.errors
    assert len(records(output, "campaign_progress")) == 5


def test_a_response_that_is_too_large_fails_its_stream_with_a_message(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("source_snov.api.limits.MAX_RESPONSE", 2**20)
    sandbox.add_fault(faults.answer(200, "x" * 2**21, path="progress"))
    output = sync("campaigns", "campaign_progress", whole_config=sandbox.config(num_workers=2))
    assert len(records(output, "campaigns")) == 5
    assert "answered with more than 1 MiB" in failure(output, "campaign_progress").message


def test_a_response_that_trickles_in_fast_enough_is_accepted(sandbox: Sandbox) -> None:
    sandbox.add_fault(faults.drip(seconds=0.001, path="progress"))
    output = sync("campaign_progress", whole_config=sandbox.config())
    assert not output.errors
    assert len(records(output, "campaign_progress")) == 5
    assert len(sandbox.requests) == 1 + 1 + 5
