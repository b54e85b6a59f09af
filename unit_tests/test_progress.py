"""Progress messages of long syncs."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airbyte_cdk.test.entrypoint_wrapper import EntrypointOutput

from sandbox import faults
from sandbox.running import Sandbox
from sandbox.settings import UNLIMITED, Settings
from sandbox.world import seeds, shapes
from sandbox.world.account import Account
from source_snov import progress
from unit_tests._daily import TODAY
from unit_tests._helpers import Api, check, estimates, failure, logs, sync
from unit_tests._names import SUGGESTED
from unit_tests._streams import together


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    # A twentieth of a second here stands for a minute of a real sync.
    monkeypatch.setattr(progress, "REPORT_EVERY", 0.05)
    return Sandbox(seeds.sized_account(20), Settings(requests_per_minute=None, latency=0.03))


def left_of(output: EntrypointOutput) -> list[tuple[int, int, str]]:
    """From each progress line: the requests made and left, and what it says of the streams."""
    pattern = r"([\d,]+) requests made, about ([\d,]+) left: [^.]+\. (.*)\."
    found = (re.fullmatch(pattern, line) for line in logs(output, "INFO"))
    return [(_number(match[1]), _number(match[2]), match[3]) for match in found if match]


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def test_a_sync_logs_how_far_its_streams_are(slow: Sandbox) -> None:
    with slow as sandbox:
        # One stream after the other, so that one waits for longer than a report takes.
        output = sync(whole_config=sandbox.config(num_workers=1))
    lines = left_of(output)
    assert len(lines) >= 4
    for stream in ("campaign_analytics", "campaign_progress"):
        done = [int(count) for *_, said in lines for count in re.findall(rf"{stream} (\d+) of 20", said)]
        assert done == sorted(done)
        assert done[-1] > done[0]
    assert any(re.search("waiting for their turn: .*campaign_progress", said) for *_, said in lines)
    made = [made for made, *_ in lines]
    assert made == sorted(made)
    # Three look whether a long period is covered.
    assert made[-1] <= 42 + 3


def test_a_sync_says_at_its_start_what_it_will_take(slow: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOOK_EVERY", 0.01)
    with slow as sandbox:
        output = sync(whole_config=sandbox.config(requests_per_minute=600))
        asked, started = (
            len(sandbox.requests),
            sum(one.started_at is not None for one in sandbox.account.campaigns.values()),
        )
    [said] = [line for line in logs(output, "INFO") if "This sync takes" in line]
    text = rf"20 campaigns, {started} of them started\. This sync takes about (\d+) requests, seconds at 600 a minute\."
    match = re.fullmatch(text, said)
    assert match
    assert int(match[1]) == pytest.approx(asked, abs=8)


@pytest.mark.parametrize("account", [seeds.demo_account(today=TODAY), shapes.backfill(TODAY), shapes.dense(TODAY)])
def test_what_is_left_is_right_within_a_factor_of_two_after_the_first_tenth(
    account: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(progress, "REPORT_EVERY", 0.05)
    with Sandbox(account, UNLIMITED) as sandbox:
        output = together(sandbox, SUGGESTED)
        asked = len(sandbox.requests)
        [said] = [
            line
            for line in logs(check(tmp_path, **sandbox.config(end_date=str(TODAY))), "INFO")
            if "first sync" in line
        ]
    # What check says is only a rough guess.
    match = re.search(r"takes roughly ([\d,]+) requests, [\w. ]+ at \d+ a minute", said)
    assert match
    assert asked / 3 <= _number(match[1]) <= asked * 3
    lines = [(left, asked - made) for made, left, _ in left_of(output) if made >= asked / 10]
    assert len(lines) > 20
    # At the end, a twentieth of the sync is no matter.
    few = asked / 20
    assert [(left, truly) for left, truly in lines if not truly / 2 - few <= left <= truly * 2 + few] == []


def test_check_speaks_of_the_days_up_to_end_date_only(tmp_path: Path) -> None:
    with Sandbox(shapes.backfill(TODAY), UNLIMITED) as sandbox:
        first = min(one.started_at for one in sandbox.account.campaigns.values() if one.started_at)
        begun = datetime.fromtimestamp(first, UTC).date()
        taken = []
        for end in (begun - timedelta(1), begun + timedelta(30), TODAY):
            [said] = [
                line for line in logs(check(tmp_path, **sandbox.config(end_date=str(end))), "INFO") if "first" in line
            ]
            [requests] = re.findall(r"takes roughly ([\d,]+) requests", said)
            taken.append(_number(requests))
        never_started, month, whole = taken
        assert never_started == 3 + 2 * len(sandbox.account.campaigns)
    assert never_started < month < whole


def test_estimates_carry_the_number_of_records(slow: Sandbox) -> None:
    with slow as sandbox:
        found = estimates(sync(whole_config=sandbox.config()))
    assert {(estimate.name, estimate.row_estimate) for estimate in found} == {
        ("campaign_analytics", 20),
        ("campaign_progress", 20),
    }
    assert len(found) > 2


def test_a_sync_logs_that_it_waits_for_the_campaign_list(slow: Sandbox) -> None:
    with slow as sandbox:
        sandbox.add_fault(faults.delay(0.2, path="get-user-campaigns"))
        lines = left_of(sync(whole_config=sandbox.config()))
    assert any("campaign_progress reads the lists it needs" in said for *_, said in lines)


def test_a_short_sync_is_silent() -> None:
    with Sandbox(seeds.sized_account(2), UNLIMITED) as sandbox:
        lines = logs(sync(whole_config=sandbox.config()), "INFO")
    assert [line for line in lines if "requests" in line] == []


@pytest.mark.parametrize(
    ("place", "when"),
    [
        ("source_snov.api.error_handler.json_of", "while it listed what campaign_progress is about"),
        ("source_snov.records.extractors.BodyExtractor.extract_records", "while it read campaigns"),
    ],
)
def test_running_out_of_memory_is_reported_with_the_stream(
    api: Api, monkeypatch: pytest.MonkeyPatch, place: str, when: str
) -> None:
    def full(*arguments: Any) -> None:
        raise MemoryError

    api.one_campaign()
    monkeypatch.setattr(place, full)
    stream = when.split()[-1] if "read" in when else "campaign_progress"
    error = failure(sync(stream), stream)
    assert error.message.startswith(f"The connector ran out of memory {when}. Give it more")
