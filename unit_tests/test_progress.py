"""How a long sync tells how far it is."""

import re

import pytest

from sandbox import faults, seeds
from sandbox.running import Sandbox
from sandbox.settings import Settings
from source_snov import progress
from unit_tests._daily import TODAY, ago, days
from unit_tests._helpers import estimates, logs, sync


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    # A minute of a real sync is a twentieth of a second here.
    monkeypatch.setattr(progress, "REPORT_EVERY", 0.05)
    return Sandbox(seeds.sized_account(20), Settings(requests_per_minute=None, latency=0.03))


def test_each_running_stream_says_how_far_it_is_and_how_long_it_takes_still(slow: Sandbox) -> None:
    with slow as sandbox:
        output = sync(whole_config=sandbox.config())
    lines = [text for text in logs(output, "INFO") if "requests made in this sync" in text]
    pattern = r"(\w+): (\d+) of 20 campaigns done, (\d+) requests made in this sync; about (\d+\.\d) minutes left .*"
    found = [match.groups() for match in (re.fullmatch(pattern, line) for line in lines) if match]
    assert {name for name, *_ in found} == {"campaign_analytics", "campaign_progress"}
    for stream in ("campaign_analytics", "campaign_progress"):
        done = [int(count) for name, count, *_ in found if name == stream]
        assert len(done) >= 2
        assert done == sorted(done)
        assert done[-1] > done[0]
    requests = [int(count) for _, _, count, _ in found]
    assert requests == sorted(requests)
    assert requests[-1] <= 42


def test_estimates_carry_the_number_of_records(slow: Sandbox) -> None:
    with slow as sandbox:
        found = estimates(sync(whole_config=sandbox.config()))
    assert {(estimate.name, estimate.row_estimate) for estimate in found} == {
        ("campaign_analytics", 20),
        ("campaign_progress", 20),
    }
    assert len(found) > 2


def test_a_sync_that_waits_for_the_campaign_list_says_so(slow: Sandbox) -> None:
    with slow as sandbox:
        sandbox.add_fault(faults.delay(0.2, path="get-user-campaigns"))
        lines = logs(sync(whole_config=sandbox.config()), "INFO")
    assert any(line.startswith("campaign_progress: reading the lists it needs;") for line in lines)


def test_a_short_sync_is_silent() -> None:
    with Sandbox(seeds.sized_account(2), Settings(requests_per_minute=None)) as sandbox:
        lines = logs(sync(whole_config=sandbox.config()), "INFO")
    assert [line for line in lines if "requests made in this sync" in line] == []


def test_the_daily_history_says_about_how_many_requests_are_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "REPORT_EVERY", 0.05)
    account = seeds.account_active_on([list(days(ago(30), TODAY)), [ago(40)], [ago(35), ago(3)]], TODAY)
    with Sandbox(account, Settings(requests_per_minute=None, latency=0.02)) as sandbox:
        output = sync("campaign_analytics_daily", whole_config=sandbox.config())
        asked = len(sandbox.requests)
    pattern = r"campaign_analytics_daily: \d of 3 campaigns done, (\d+) requests .* sync; about (\d+) more .*"
    lines = [match.groups() for match in (re.fullmatch(pattern, line) for line in logs(output, "INFO")) if match]
    assert len(lines) >= 3
    # A guess, but within the worst case, and good in the end.
    assert all(int(made) + int(left) <= 2 + 1.1 * (31 + 41 + 36) + 2 * 3 for made, left in lines)
    assert int(lines[-1][0]) + int(lines[-1][1]) == pytest.approx(asked, abs=10)
